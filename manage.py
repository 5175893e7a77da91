#!/usr/bin/env python3
"""Django's command line for Sluicegate."""

import os
import sys


def main() -> None:
    os.umask(0o077)  # the home holds secrets and other people's data
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "jobsite.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:  # a mistake in the configuration needs no traceback
        sys.exit(f"{error}")


if __name__ == "__main__":
    main()
