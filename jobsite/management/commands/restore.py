"""Put a backup back, or compare it (or what runs) with what is on the backends."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from jobsite.backup import facts
from jobsite.backup.checking import opened, require_sound
from jobsite.backup.comparing import differences
from jobsite.backup.indexes import plan
from jobsite.backup.looking import look
from jobsite.backup.manifest import CONFIGURATION, CONTROL, Manifest
from jobsite.backup.restoring import restore_control
from jobsite.config import without_secrets
from jobsite.first_start import make_home
from jobsite.offline import offline
from jobsite.sqlite.opening import FAILURES
from proxy.errors import S3Error

ASKING = "Type yes to go on: "


class Command(BaseCommand):
    requires_system_checks = ()
    help = (
        "Restore the control database of a backup, after everything in it is verified; the present one is "
        "kept aside. Says where buckets and what is on the backends differ. Nothing may use this instance "
        "meanwhile. Indexes are put back one at a time, with --index."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "source", type=Path, nargs="?", metavar="FROM", help="a backup: folder or FILE.tar"
        )
        parser.add_argument("--yes", action="store_true", help="do not ask")
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--check", action="store_true", help="only compare; without FROM: what runs now")
        what.add_argument("--index", metavar="BUCKET", help="put back one index that is lost or damaged")

    def handle(self, *args: Any, **options: Any) -> None:
        self._yes = options["yes"]
        try:
            make_home(Path(settings.HOME))
            if options["source"] is None:
                self._without_backup(options["check"], options["index"])
                return
            with opened(options["source"].absolute()) as backup:
                self._with_backup(backup, require_sound(backup), options["check"], options["index"])
        except FAILURES as error:
            raise CommandError(str(error)) from error
        except S3Error as error:
            raise CommandError(error.message) from error

    def _without_backup(self, check: bool, bucket: str | None) -> None:
        if bucket:
            self._put_back(bucket, None)
        elif check:
            ask = facts.of_django(connection)
            self._compare(facts.routes(ask), facts.places(ask), None)
        else:
            raise CommandError("Name a backup, or give --check or --index.")

    def _with_backup(self, backup: Path, found: Manifest, check: bool, bucket: str | None) -> None:
        if bucket:
            self._put_back(bucket, backup)
            return
        self.stdout.write(
            f"Backup of {found.made}: whole, {len(found.routes)} buckets, {len(found.files)} files."
        )
        self._compare(found.routes, found.places, backup)
        self._compare_configuration(backup)
        if check:
            return
        if CONTROL not in found.files or connection.vendor != "sqlite":
            raise CommandError(
                "The database itself is PostgreSQL's: restore it with pg_restore; nothing was changed."
            )
        self._restore(backup)

    def _compare(self, routes: Any, places: dict[str, str], backup: Path | None) -> None:
        lines = list(differences(routes, places, look(routes, backup)))
        connection.close()
        for line in lines:
            self.stdout.write(f"  {line}")
        if not lines:
            self.stdout.write("Every bucket is where the database says.")

    def _compare_configuration(self, backup: Path) -> None:
        kept = backup / CONFIGURATION
        if kept.exists() and kept.read_bytes() != without_secrets(Path(settings.CONFIG_PATH).read_bytes()):
            self.stdout.write(f"  {settings.CONFIG_PATH} differs from the backup's; it stays as it is")

    def _restore(self, backup: Path) -> None:
        path, home = Path(connection.settings_dict["NAME"]), Path(settings.HOME)
        self._ask(f"This replaces {path}.")
        connection.close()
        with offline(home):
            aside = restore_control(backup, path, home, datetime.now(UTC))
        self.stdout.write(f"Restored {path}." + (f" The former one is in {aside}." if aside else ""))
        self.stdout.write("Start `manage.py serve` now: it brings the tables up to date.")

    def _put_back(self, bucket: str, backup: Path | None) -> None:
        with offline(Path(settings.HOME)):
            repair = plan(bucket, backup)
            connection.close()
            self._ask(f"This puts {repair.source} in place as the index of {bucket}, in {repair.folder}.")
            done = repair.carry_out(datetime.now(UTC))
        if done.aside:
            self.stdout.write(f"The former index is in {done.aside}.")
        if done.lost:
            self.stdout.write(f"{done.lost} bodies that it does not name are in {repair.folder / 'lost'}.")
        self.stdout.write("`manage.py store_check` names the rows whose body is gone.")

    def _ask(self, what: str) -> None:
        if self._yes:
            return
        self.stdout.write(what)
        try:
            answer = input(ASKING)
        except EOFError:
            answer = ""
        if answer.strip().lower() != "yes":
            raise CommandError("Nothing was changed.")
