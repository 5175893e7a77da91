"""`manage.py rules check|sync|list`: the rules of the configuration on the command line."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from jobs import actions
from jobs.actions.rules import finding_rows, refusal, synced_row
from jobs.errors import RulesRefused
from jobs.management.commands._words import REFUSED, actor, as_json, table
from jobs.rules.syncing import Synced
from jobs.rules.values import Finding


class Command(BaseCommand):
    """Works with a file that is wrong, too: to say so is what it is for."""

    requires_system_checks = ()
    help = (
        "Check the rules of the configuration, take them over without a restart, or list those in force."
        " Exit code 2: something is wrong with the file, and nothing was changed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
        check = commands.add_parser("check", help="what is wrong, and what a sync would change")
        sync = commands.add_parser("sync", help="take the rules over: all of them, or none")
        listing = commands.add_parser("list", help="the rules in force, and the last attempt")
        for each in (check, sync, listing):
            each.add_argument("--json", action="store_true", help="the admin API's shapes")

    def handle(self, *args: Any, **options: Any) -> None:
        {"check": self._check, "sync": self._sync, "list": self._list}[options["command"]](options["json"])

    def _check(self, json: bool) -> None:
        found = actions.check_rules(actor())
        if json:
            told = {"refused": found.refused, "findings": finding_rows(found.findings)}
            self.stdout.write(as_json(synced_row(found) | told))
        elif not found.refused:
            self._tell(found, "a sync would change")
        if found.refused:
            self._refuse(refusal(found), json)

    def _sync(self, json: bool) -> None:
        try:
            done = actions.sync_rules(actor())
        except RulesRefused as refused:
            if json:
                self.stdout.write(as_json({"error": refused.message, "code": refused.code, **refused.fields}))
            self._refuse(refused, json)
        else:
            self.stdout.write(as_json(synced_row(done))) if json else self._tell(done, "taken over")

    def _list(self, json: bool) -> None:
        state = actions.rules_state(actor())
        row = state.row()
        if json:
            self.stdout.write(as_json(row))
            return
        cells = [(each["id"], _switches(each), each["name"]) for each in row["rules"]]
        self.stdout.write(table(("ID", "STATE", "RULE"), cells) if cells else "No rule is in force.")
        if state.refused:
            self.stderr.write("The last attempt to take the file over was refused:")
            self._lines(state.findings)

    def _tell(self, done: Synced, what: str) -> None:
        counts = ", ".join(f"{number} {name}" for name, number in done.difference.counts().items())
        self.stdout.write(f"{settings.RULES_SOURCE} is correct; {what}: {counts}.")
        for name in ("added", "changed", "removed"):
            for public_id in getattr(done.difference, name):
                self.stdout.write(f"  {name:<8} {public_id}")
        self._lines(done.notes, "note: ")

    def _refuse(self, refused: RulesRefused, quietly: bool) -> None:
        """Raises SystemExit."""
        if not quietly:
            self._lines(tuple((each["line"], each["text"]) for each in refused.fields["findings"]))
            self.stderr.write("The rules stay as they were.")
        raise SystemExit(REFUSED)

    def _lines(self, findings: tuple[Finding, ...], before: str = "") -> None:
        for line, text in findings:
            place = f"{settings.RULES_SOURCE}:{line}" if line else settings.RULES_SOURCE
            self.stderr.write(f"{place}: {before}{text}")


def _switches(row: dict[str, Any]) -> str:
    words = [word for word, on in (("disabled", not row["enabled"]), ("paused", row["paused"])) if on]
    return ", ".join(words) or "enabled"
