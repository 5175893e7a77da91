"""Settings of test processes that need the gateway alone: they start in half the time."""

from jobsite.settings import *  # noqa: F403

INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "proxy"]
