"""The engine as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class JobsConfig(AppConfig):
    """Registers what is found by being imported: system checks, and what a scrape reads."""

    name = "jobs"

    def ready(self) -> None:
        from jobs import checks, metrics
        from proxy.metrics import register

        assert checks
        register(metrics.readings)
