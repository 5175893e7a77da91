"""The site as a Django app: its commands and its system checks."""

from __future__ import annotations

from django.apps import AppConfig


class JobsiteConfig(AppConfig):
    """Registers the system checks by importing them."""

    name = "jobsite"

    def ready(self) -> None:
        from jobsite import checks

        assert checks
