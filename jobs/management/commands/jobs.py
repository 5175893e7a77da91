"""`manage.py jobs list|show|cancel|retry-failed`: the jobs on the command line."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from jobs import actions, units
from jobs.actions import Filters
from jobs.actions.listing import SORTS
from jobs.kinds import KINDS
from jobs.management.commands._watch import line
from jobs.management.commands._words import actor, as_json, refusals_end_it, table
from jobs.presentation import definition, failure_row, job_row, run_row
from jobs.states import Status


class Command(BaseCommand):
    """One subcommand per question or action; `--json` answers the admin API's shapes."""

    help = "List, show, cancel and retry jobs. Exit code 2: it was refused."

    def add_arguments(self, parser: ArgumentParser) -> None:
        commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
        listing = commands.add_parser("list", help="the newest jobs")
        listing.add_argument("--kind", default="")
        listing.add_argument("--status", default="", choices=["", *Status])
        listing.add_argument("--bucket", default="")
        listing.add_argument(
            "--query", "-q", default="", help="in names, ids, errors, failure codes and keys"
        )
        listing.add_argument("--limit", type=int, default=50)
        listing.add_argument("--cursor", default=None, help="where the page before ended")
        listing.add_argument("--sort", default="-created", choices=list(SORTS))
        show = commands.add_parser("show", help="one job with its runs and failures")
        cancel = commands.add_parser("cancel", help="end a job; a move is undone")
        retry = commands.add_parser("retry-failed", help="a new job in place of one that failed")
        for each in (show, cancel, retry):
            each.add_argument("id", help="as the list shows it: maintenance:42")
        for each in (listing, show, cancel, retry):
            each.add_argument("--json", action="store_true", help="the admin API's shapes")

    @refusals_end_it
    def handle(self, *args: Any, **options: Any) -> None:
        {"list": self._list, "show": self._show, "cancel": self._act, "retry-failed": self._act}[
            options["command"]
        ](options)

    def _list(self, options: dict[str, Any]) -> None:
        filters = Filters(options["kind"], options["status"], options["bucket"], options["query"])
        found = actions.listing(actor(), filters, options["limit"], options["cursor"], options["sort"])
        rows = [job_row(shown, timezone.now()) for shown in found.jobs]
        if options["json"]:
            more = {"next_cursor": found.next_cursor} if found.next_cursor else {}
            self.stdout.write(as_json({"jobs": rows, **more}))
            return
        if not rows:
            commands = " or ".join(kind.words.command for kind in KINDS.values())
            self.stdout.write(f"No job matches. Start one with: {commands}")
            return
        self.stdout.write(
            table(("ID", "STATUS", "DONE", "FAILED", "CREATED", "NAME"), [_cells(r) for r in rows])
        )
        if found.next_cursor:
            self.stdout.write(f"More: --cursor {found.next_cursor}")
        if why := actions.workers(actor()).why():
            self.stdout.write(why)

    def _show(self, options: dict[str, Any]) -> None:
        who, public_id = actor(), options["id"]
        shown = actions.lookup(who, public_id)
        row = job_row(shown, timezone.now()) | {"definition": definition(shown.job)}
        runs = [run_row(run) for run in actions.runs(who, public_id)]
        failed = actions.failures(who, public_id)
        failures = [failure_row(each) for each in failed.rows]
        if options["json"]:
            body = {
                "job": row,
                "runs": runs,
                "failures": failures,
                "total": failed.total,
                "by_code": failed.by_code,
            }
            self.stdout.write(as_json(body))
            return
        self.stdout.write(row["name"])
        self.stdout.write(line(row))
        self.stdout.write(" > ".join(_mark(phase) for phase in row["detail"]["phases"]))
        if "last_error" in row:
            self.stdout.write(f"last error: {row['last_error']}")
        for code, number in failed.by_code.items():
            self.stdout.write(f"{units.grouped(number)} x {code}")
        if failures:
            self.stdout.write(f"latest {len(failures)} of {units.grouped(failed.total)} failures:")
            cells = [(each["code"], each["object_key"], each["error"]) for each in failures]
            self.stdout.write(table(("CODE", "KEY", "ERROR"), cells))

    def _act(self, options: dict[str, Any]) -> None:
        shown = actions.perform(actor(), options["id"], options["command"])
        row = job_row(shown, timezone.now())
        self.stdout.write(as_json(row) if options["json"] else line(row))


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    status = "succeeded, with errors" if row["with_errors"] else row["status"]
    if row["status"] in ("running", "cancelling") and "phase" in row:
        status += f" ({row['phase']})"
    created = datetime.fromtimestamp(row["created_at"], UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    done = f"{row['percent']} %" if "percent" in row else "-"
    return (row["id"], status, done, units.grouped(row["progress"]["failed"]), created, row["name"])


def _mark(phase: dict[str, str]) -> str:
    return {"now": f"[{phase['name']}]", "stopped": f"{phase['name']} (stopped)"}.get(
        phase["state"], phase["name"]
    )
