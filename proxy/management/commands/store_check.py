"""`manage.py store_check`: does every index agree with its bodies?"""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from proxy import index_copies, routes
from proxy.errors import S3Error


class Command(BaseCommand):
    help = (
        "Compare the rows of every bucket with their bodies and name what does not agree. Changes "
        "nothing; the store may be in use. Exit code 1 if anything is found. Notes say where the copy of "
        "an index is missing or old."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("backends", nargs="*", metavar="BACKEND", help="default: all that are configured")
        parser.add_argument("--deep", action="store_true", help="also read every body and hash it")

    def handle(self, *args: Any, **options: Any) -> None:
        names = tuple(options["backends"]) or routes.backend_names()
        unknown = sorted(set(names) - set(routes.backend_names()))
        if unknown:
            raise CommandError(f"No such backend: {', '.join(unknown)}.")
        found = sum(self._check(name, options["deep"]) for name in names)
        for note in index_copies.notes(names, time.time_ns() // 1_000_000):
            self.stdout.write(f"note: {note}")
        if found:
            raise CommandError(f"{found} finding{'s' if found != 1 else ''}.")
        self.stdout.write(self.style.SUCCESS("Everything agrees."))

    def _check(self, name: str, deep: bool) -> int:
        """Findings of one backend, each written as it is found."""
        found = 0
        try:
            for finding in routes.backend(name).check_store(deep=deep):
                found += 1
                self.stdout.write(f"{name}/{finding}")
        except S3Error as error:
            found += 1
            self.stdout.write(f"{name}: {error.message}")
        return found
