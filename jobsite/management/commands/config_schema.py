"""Print the JSON Schema of sluicegate.yaml."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand

from jobsite.config import json_schema


class Command(BaseCommand):
    help = "Print the JSON Schema (2020-12) of the configuration file, for editors."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(json.dumps(json_schema(), indent=2))
