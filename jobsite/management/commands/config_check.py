"""Check sluicegate.yaml and say what it means."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Check the configuration file: every error with its line, or what it declares."

    def handle(self, *args: Any, **options: Any) -> None:
        # Whatever is wrong with it has ended this command before: the settings read it whole.
        storage = settings.STORAGE
        self.stdout.write(f"{settings.CONFIG_PATH} is correct.")
        for name, backend in storage["backends"].items():
            default = "  (default)" if name == storage["default_backend"] else ""
            where = backend.get("path") or backend["endpoint"] or f"AWS, {backend['region']}"
            self.stdout.write(f"  backend {name:<16} {backend['type']}  {where}{default}")
        for name, bucket in storage["buckets"].items():
            real = f" as {bucket['alias']}" if bucket["alias"] else ""
            self.stdout.write(f"  bucket  {name:<16} is made on {bucket['backend']}{real}")
        for rule in settings.LOAD_RULES()["rules"]:
            switch = "" if rule["enabled"] else "  (disabled)"
            self.stdout.write(f"  rule    {rule['name']:<16} {rule['kind']}{switch}")
