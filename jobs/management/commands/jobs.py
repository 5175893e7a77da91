"""`manage.py jobs`: the jobs on the command line, to look at and to act on."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, TextIO

from django.core.management.base import BaseCommand
from django.utils import timezone

from jobs import actions, units
from jobs.actions import Filters, Performed
from jobs.actions.filtering import FLAGS
from jobs.actions.listing import RULES_FIRST, SORTS
from jobs.actions.reading import MOST as MOST_RUNS
from jobs.kinds import KINDS
from jobs.kinds.base import Action, by_rule
from jobs.management.commands._previews import preview_lines, verify_lines
from jobs.management.commands._watch import follow_run, line
from jobs.management.commands._words import FAILED, actor, as_json, refusals_end_it, table
from jobs.presentation import definition, failure_row, job_row, looked_at_again, run_row
from jobs.presentation.rows import ONE_OFF, TRIGGERS, held
from jobs.states import Status

LOOKS = {"show": "one job with its runs and failures", "runs": "the latest runs of a job"}
ACTIONS = {
    Action.CANCEL: "end a job; a move is undone",
    Action.RETRY_FAILED: "what failed once more: of a rule its objects, else a new job",
    Action.RUN_NOW: "begin a run of a rule",
    Action.PAUSE: "no run of a rule begins until it is resumed",
    Action.RESUME: "runs of a rule begin again",
    Action.VERIFY: "begin a run of a rule that only compares",
    Action.PREVIEW: "what the next run of a rule would do",
}
WAITED = (Action.RUN_NOW, Action.VERIFY, Action.RETRY_FAILED)
RUN_HEAD = ("RUN", "MODE", "BY", "STATUS", "STARTED", "TOOK", "OBJECTS", "DELETED", "ERRORS", "BYTES")


class Command(BaseCommand):
    """One subcommand per question or action; `--json` answers the admin API's shapes."""

    help = (
        "Look at jobs and act on them. Exit code 2: it was refused; with --wait 1: the run did not succeed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
        listing = commands.add_parser("list", help="every rule, and the newest of the others")
        listing.add_argument("--kind", default="")
        listing.add_argument("--status", default="", choices=["", *Status])
        listing.add_argument("--bucket", default="")
        listing.add_argument(
            "--query", "-q", default="", help="in names, ids, errors, failure codes and keys"
        )
        listing.add_argument(
            "--limit", type=int, default=None, help="without it every rule and the newest 50 of the others"
        )
        listing.add_argument("--cursor", default=None, help="where the page before ended")
        listing.add_argument("--sort", default=RULES_FIRST, choices=list(SORTS))
        listing.add_argument("--trigger", default="", choices=["", *TRIGGERS])
        listing.add_argument("--paused", default="", choices=["", *FLAGS])
        with_id = [commands.add_parser(name, help=text) for name, text in (LOOKS | ACTIONS).items()]
        for each in with_id:
            each.add_argument("id", help="as the list shows it: maintenance:42, replication:mirror")
            if each.prog.rpartition(" ")[2] in WAITED:
                each.add_argument("--wait", action="store_true", help="follow the run to its end")
        for each in (listing, *with_id):
            each.add_argument("--json", action="store_true", help="the admin API's shapes")

    @refusals_end_it
    def handle(self, *args: Any, **options: Any) -> None:
        looks = {"list": self._list, "show": self._show, "runs": self._runs}
        looks.get(options["command"], self._act)(options)

    def _list(self, options: dict[str, Any]) -> None:
        given = {
            field.name: options["query" if field.name == "q" else field.name] for field in fields(Filters)
        }
        found = actions.listing(
            actor(), Filters(**given), options["limit"], options["cursor"], options["sort"]
        )
        rows = [job_row(shown, timezone.now(), listed=True) for shown in found.jobs]
        if options["json"]:
            more = {"next_cursor": found.next_cursor} if found.next_cursor else {}
            self.stdout.write(as_json({"jobs": rows, **more}))
            return
        if not rows:
            asked = [kind for kind in KINDS.values() if not by_rule(kind)]
            commands = " or ".join(kind.words.command for kind in asked)
            self.stdout.write(f"No job matches. Start one with: {commands}")
            return
        self.stdout.write(
            table(("ID", "STATUS", "DONE", "FAILED", "SINCE", "NEXT", "WHAT"), [_cells(r) for r in rows])
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
        failures = [failure_row(each, shown.job) for each in failed.rows]
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
        for fact in _facts(row):
            self.stdout.write(fact)
        if "last_error" in row:
            self.stdout.write(f"last error: {units.visible(row['last_error'])}")
        for code, number in failed.by_code.items():
            self.stdout.write(f"{units.grouped(number)} x {code}")
        if failures:
            again = looked_at_again(shown, failed.rows)
            of = f"latest {len(failures)} of {units.grouped(failed.total)} failures"
            self.stdout.write(f"{of}. {again}" if again else f"{of}:")
            cells = [(each["code"], each["object_key"], each["error"]) for each in failures]
            self.stdout.write(table(("CODE", "KEY", "ERROR"), cells))

    def _runs(self, options: dict[str, Any]) -> None:
        found = actions.runs(actor(), options["id"], MOST_RUNS, details=options["json"])
        rows = [run_row(run) for run in found]
        if options["json"]:
            self.stdout.write(as_json({"runs": rows}))
        elif rows:
            self.stdout.write(table(RUN_HEAD, [_run_cells(row) for row in rows]))
        else:
            self.stdout.write(f"{options['id']} has not run yet.")

    def _act(self, options: dict[str, Any]) -> None:
        done = actions.perform(actor(), options["id"], options["command"])
        if options["json"]:
            self.stdout.write(as_json(_answer(done)))
        elif done.preview is not None:
            self.stdout.write("\n".join(preview_lines(done.preview)))
        elif done.run is not None:
            self.stdout.write(f"{done.shown.job.public_id}: run {done.run.pk} began.")
        else:
            row = job_row(done.shown, timezone.now())
            self.stdout.write(line(row) + _held(row))
        if options.get("wait") and done.run is not None:
            progress = sys.stderr if options["json"] else sys.stdout
            if not follow_run(self, options["id"], done.run.pk, progress):
                raise SystemExit(FAILED)
            if options["command"] == Action.VERIFY:
                self._found(options["id"], progress)

    def _found(self, public_id: str, out: TextIO) -> None:
        report = job_row(actions.lookup(actor(), public_id), timezone.now())["detail"].get("report", {})
        if "verify" in report:
            out.writelines(f"{told}\n" for told in verify_lines(report["verify"]))


def _answer(done: Performed) -> dict[str, Any]:
    """As the admin API would; of what that answers with nothing, the job."""
    if done.preview is not None:
        return {"name": done.shown.job.name, **done.preview}
    if done.run is not None:
        return {**run_row(done.run), "job_id": done.shown.job.pk, "job": done.shown.job.public_id}
    return job_row(done.shown, timezone.now())


def _held(row: dict[str, Any]) -> str:
    """Behind a status: what outranks it."""
    return f", {why}" if (why := held(row)) else ""


def _moment(seconds: int | None) -> str:
    return "-" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    status = "succeeded, with errors" if row["with_errors"] else row["status_raw"]
    if row["status"] in ("running", "cancelling") and "phase" in row:
        status += f" ({row['phase']})"
    since = row["created_at"] if row["trigger"] == ONE_OFF else row.get("last_run_at")
    done = f"{row['percent']} %" if "percent" in row else "-"
    failed = units.grouped(row["progress"]["failed"])
    next_run = _moment(row.get("next_due_at"))
    what = row["name"] if row["trigger"] == ONE_OFF else _where(row)
    return (row["id"], status + _held(row), done, failed, _moment(since), next_run, what)


def _run_cells(row: dict[str, Any]) -> tuple[str, ...]:
    took = units.span(row["finished_at"] - row["started_at"]) if "finished_at" in row else "-"
    counted = [units.grouped(row[name]) for name in ("objects_processed", "objects_deleted", "errors")]
    what = (str(row["id"]), row.get("mode", "-"), row["triggered_by"], row["status_raw"])
    return (*what, _moment(row["started_at"]), took, *counted, units.binary(row["bytes"]))


def _where(row: dict[str, Any]) -> str:
    """`releases/firmware/ -> releases-dr`."""
    scope = row["scope"]
    where = f"{scope.get('bucket', '')}/{scope.get('prefix', '')}"
    return f"{where} -> {scope['target']}" if "target" in scope else where


def _facts(row: dict[str, Any]) -> list[str]:
    """What only rules have, one fact a line."""
    if "lifetime" not in row:
        return []
    told = [_where(row), f"{row['trigger']}{_held(row)}; next run: {_moment(row.get('next_due_at'))}"]
    total = row["lifetime"]
    told.append(
        f"in all its runs: {units.counted(total['objects'], 'object')}, {units.binary(total['bytes'])}"
    )
    report = row["detail"].get("report", {})
    told += [f"note: {report['note']}"] if "note" in report else []
    return told + (list(verify_lines(report["verify"])) if "verify" in report else [])


def _mark(phase: dict[str, str]) -> str:
    return {"now": f"[{phase['name']}]", "stopped": f"{phase['name']} (stopped)"}.get(
        phase["state"], phase["name"]
    )
