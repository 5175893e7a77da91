"""Back up what only the gateway knows: the control database, every index, the configuration."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from jobsite.backup.manifest import Manifest
from jobsite.backup.writing import write_backup
from jobsite.sqlite.opening import FAILURES
from proxy.errors import S3Error


class Command(BaseCommand):
    requires_system_checks = ()
    help = (
        "Write a consistent, verified backup of the control database (encrypted, as it is), every index.db "
        "(as it is) and sluicegate.yaml, while everything is in use. The keys are not in it, nor are bodies "
        "in blobs/. PostgreSQL: use pg_dump for the database itself."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("target", type=Path, metavar="FOLDER|FILE.tar", help="must not exist yet")

    def handle(self, *args: Any, **options: Any) -> None:
        target: Path = options["target"]
        try:
            made = write_backup(target, datetime.now(UTC))
        except FAILURES as error:
            raise CommandError(str(error)) from error
        except S3Error as error:
            raise CommandError(error.message) from error
        self._tell(target, made)
        if made.left_out:
            raise CommandError(
                f"The backup is kept, but lacks what is not to be read: {', '.join(made.left_out)}."
            )

    def _tell(self, target: Path, made: Manifest) -> None:
        size = sum(file.size for file in made.files.values())
        self.stdout.write(
            f"{target}: {len(made.files)} files, {size:,} bytes, {len(made.routes)} buckets; verified."
        )
        if connection.vendor == "sqlite":
            self.stdout.write(
                f"Keep the database's key (fingerprint {made.key_fingerprint}) and the master key apart."
            )
        else:
            self.stdout.write("The database itself is not in it: use pg_dump. Keep the master key apart.")
