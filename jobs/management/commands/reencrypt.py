"""`manage.py reencrypt BUCKET...`: bring every version of buckets to the present configuration."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand

from jobs import actions, units
from jobs.actions import Each
from jobs.kinds.reencryption.deciding import MODES
from jobs.management.commands._watch import follow
from jobs.management.commands._words import FAILED, REFUSED, actor, as_json, refusals_end_it

EXIT_CODES = """exit codes:
  0  every job was started; with --wait: all of them succeeded
  1  with --wait: one failed or was cancelled
  2  a bucket was refused; the jobs of the others were started

Without --mode a bucket's keys get the newest key of the ring, and what is in another mode than the
backend's configuration is written again. rewrap: a fresh bucket key and new wraps, no body moves.
rewrite: every body is sealed anew.

Every object can be read all the time; writes are answered 503 SlowDown until the job is done.
"""


class Command(BaseCommand):
    """Starts one re-encrypt job per bucket, or says what they would do."""

    help = "Encrypt every version of buckets as their backends are configured now."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.epilog = EXIT_CODES
        parser.add_argument("buckets", metavar="BUCKET", nargs="+")
        parser.add_argument("--mode", choices=MODES, default="", help="do more than is needed: see below")
        parser.add_argument("--preview", action="store_true", help="say what would happen and change nothing")
        parser.add_argument("--wait", action="store_true", help="follow the jobs to their end")
        parser.add_argument("--json", action="store_true", help="the admin API's shapes")

    @refusals_end_it
    def handle(self, *args: Any, **options: Any) -> None:
        who, buckets, mode = actor(), options["buckets"], options["mode"]
        if options["preview"]:
            found = actions.preview_reencryption(who, buckets, mode)
        else:
            found = actions.start_reencryption(who, buckets, mode)
        if options["json"]:
            self.stdout.write(as_json(found.told("previews" if options["preview"] else "started")))
        else:
            self._tell(found, follow_up=not options["wait"])
        for name, refusal in found.errors.items():
            self.stderr.write(f"Refused ({refusal.code}) {name}: {refusal.message}")
        watched = list(found.jobs.values()) if options["wait"] else []
        progress = sys.stderr if options["json"] else sys.stdout
        ended = [follow(self, job.public_id, progress) for job in watched]
        if not all(ended):
            raise SystemExit(FAILED)
        if found.errors:
            raise SystemExit(REFUSED)

    def _tell(self, found: Each, follow_up: bool) -> None:
        for plan in found.plans.values():
            self._tell_plan(plan.preview)
        for job in found.jobs.values():
            self.stdout.write(f"Started {job.public_id}: {job.name}.")
        if found.jobs and follow_up:
            ids = ", ".join(job.public_id for job in found.jobs.values())
            self.stdout.write(f"Follow with: manage.py jobs show ID ({ids})")

    def _tell_plan(self, preview: Any) -> None:
        """The plan, one fact a line."""
        least = "" if preview["exact"] else "at least "
        self.stdout.write(f"{preview['bucket']} on {preview['backend']}: {preview['mode']}")
        for way, count in preview["ways"].items():
            size = units.binary(count["bytes"])
            self.stdout.write(f"  {way}: {least}{units.grouped(count['objects'])} versions, {size}")
        for note in preview["notes"]:
            self.stdout.write(f"  {note}")
