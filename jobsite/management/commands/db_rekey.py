"""Give the control database another key, and seal its secrets with the newest master key."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from jobsite.rekeying import rekey_file
from jobsite.sqlite.opening import FAILURES
from proxy import keys
from proxy.errors import InternalError


class Command(BaseCommand):
    requires_system_checks = ()
    help = (
        "Encrypt the control database (SQLite) with another key: offline, and a kill at any moment leaves "
        "one that opens. Then seal all secrets of access keys with the newest key in SLUICEGATE_MASTER_KEY; "
        "without an option only that. If SLUICEGATE_DB_KEY is set, give the new one in SLUICEGATE_DB_NEW_KEY."
        " Backups made before need the former key: copy db_key first."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        given = parser.add_mutually_exclusive_group()
        given.add_argument("--generate", action="store_true", help="draw the new key at random")
        given.add_argument(
            "--new-key-file", type=Path, metavar="FILE", help="64 hex digits, or any long text"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        text = _given(options["generate"], options["new_key_file"])
        try:
            self._rekey(text)
            changed = keys.reseal()
        except FAILURES as error:
            raise CommandError(str(error)) from error
        except InternalError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"Secrets sealed anew with the newest master key: {changed}.")

    def _rekey(self, text: str | None) -> None:
        if connection.vendor != "sqlite":
            if text is not None:
                raise CommandError(
                    "PostgreSQL encrypts its files itself, if at all: there is no key to change."
                )
        elif text is not None or settings.DB_NEW_KEY:
            path = Path(connection.settings_dict["NAME"])
            self.stdout.write(rekey_file(path, Path(settings.HOME), text))


def _given(generate: bool, file: Path | None) -> str | None:
    if generate:
        return secrets.token_hex(32)
    if file is None:
        return None
    try:
        return file.read_text().strip()
    except OSError as error:
        raise CommandError(f"Cannot read {file}: {error.strerror}.") from None
