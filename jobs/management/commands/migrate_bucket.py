"""`manage.py migrate_bucket BUCKET TARGET`: move a bucket to another backend under live clients."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand

from jobs import actions, units
from jobs.kinds.migration.keeping import DROPS
from jobs.management.commands._watch import follow
from jobs.management.commands._words import FAILED, REFUSED, actor, refusals_end_it

EXIT_CODES = """exit codes:
  0  the migration was started; with --wait: it succeeded
  1  with --wait: it failed or was cancelled
  2  it was refused, and nothing was started

Reads go on all the time; writes are answered 503 SlowDown until the bucket has moved. With --precopy
they go on while it is copied, and pause only for what changed last.
"""


class Command(BaseCommand):
    """Starts the migrate job, or says what it would do."""

    help = "Move a bucket to another backend while clients use it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.epilog = EXIT_CODES
        parser.add_argument("bucket", metavar="BUCKET")
        parser.add_argument("target", metavar="TARGET", help="the backend to move to")
        parser.add_argument("--delete-source", action="store_true", help="delete the old copy after the move")
        parser.add_argument(
            "--replace-target",
            action="store_true",
            help="allow a target that holds something under this name; it is removed",
        )
        parser.add_argument(
            "--drop",
            action="append",
            choices=DROPS,
            default=[],
            help="what may be lost where TARGET cannot keep it (can be given twice)",
        )
        parser.add_argument(
            "--precopy", action="store_true", help="copy while clients write; writes pause only at the end"
        )
        parser.add_argument("--preview", action="store_true", help="say what would happen and change nothing")
        parser.add_argument("--wait", action="store_true", help="follow the job to its end")
        parser.add_argument("--yes", action="store_true", help="do not ask before something is deleted")

    @refusals_end_it
    def handle(self, *args: Any, **options: Any) -> None:
        who = actor()
        bucket, target = options["bucket"], options["target"]
        losing = {name: options[name] for name in ("delete_source", "replace_target", "drop")}
        dangerous = any(losing.values())
        wish = {**losing, "precopy": options["precopy"]}
        if options["preview"] or (dangerous and not options["yes"]):
            self._tell(actions.preview_migration(who, bucket, target, **wish).preview)
        if options["preview"]:
            return
        if dangerous and not options["yes"]:
            self._ask(bucket)
        job = actions.start_migration(who, bucket, target, **wish)
        self.stdout.write(f"Started {job.public_id}: {job.name}.")
        if options["wait"]:
            if not follow(self, job.public_id):
                raise SystemExit(FAILED)
        else:
            self.stdout.write(f"Follow it with: manage.py jobs show {job.public_id}")

    def _tell(self, preview: Any) -> None:
        """The plan, one fact a line."""
        size = f"{units.grouped(preview['objects'])} objects, {units.binary(preview['bytes'])}"
        uploads = f", {units.grouped(preview['uploads'])} open uploads" if preview["uploads"] else ""
        older = f"{units.grouped(preview['versions'])} older versions and delete markers"
        self.stdout.write(f"{preview['bucket']}: {preview['from_backend']} -> {preview['to_backend']}")
        self.stdout.write(f"  {'' if preview['exact'] else 'at least '}{size}{uploads}")
        if preview["versions"]:
            locked = f", {units.grouped(preview['locked'])} locked" if preview["locked"] else ""
            self.stdout.write(f"  {older}, {units.binary(preview['versions_bytes'])}{locked}")
        for note in preview["notes"]:
            self.stdout.write(f"  {note}")

    def _ask(self, bucket: str) -> None:
        """Go on only if the bucket's name is typed. Exit code 2 otherwise."""
        if not sys.stdin.isatty():
            self.stderr.write(
                "Refused: this deletes data or leaves it behind. Add --yes to go on without being asked."
            )
            raise SystemExit(REFUSED)
        try:
            typed = input(f"Type the bucket's name, {bucket}, to go on: ")
        except (EOFError, KeyboardInterrupt):
            typed = ""
        if typed.strip() != bucket:
            self.stderr.write("Refused: that is not the bucket's name. Nothing was started.")
            raise SystemExit(REFUSED)
