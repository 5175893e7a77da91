"""The configured backends: what there is, and what each can do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.db.models import Count

from proxy import routes
from proxy.backends.s3.capabilities import MEANINGS
from proxy.errors import InvalidArgument, S3Error
from proxy.management.speaking import Speaking, json_option, show_json, show_table
from proxy.models import Bucket

_ANSWERS = {True: "yes", False: "no", None: "unknown"}
_FOUND = {word: found for found, word in _ANSWERS.items()}
_NOT_PROBED = "-"


class Command(Speaking):
    help = "List the backends of the configuration and find out what each can do."
    examples = """
      manage.py backends list
      manage.py backends check               is everything there, and what can the services do?
      manage.py backends check cloud --json
    """

    def add_arguments(self, parser: CommandParser) -> None:
        actions = self.actions(parser)
        json_option(actions.add_parser("list", help="show what is configured; asks no backend"))
        check = actions.add_parser(
            "check",
            help="ask every backend; services are probed in a bucket that is removed again. Exit code 1 if"
            " one cannot be reached",
        )
        check.add_argument("backend", nargs="?", metavar="BACKEND", help="only this one")
        json_option(check)
        check.set_defaults(method="probe")  # (Django has a `check` of its own)

    def list(self, options: dict[str, Any]) -> None:
        counts = dict(Bucket.objects.values_list("backend").annotate(Count("id")))
        rows = [_described(name, counts.get(name, 0)) for name in routes.backend_names()]
        if options["json"]:
            show_json(self, rows)
            return
        cells = [[str(value) for value in row.values() if not isinstance(value, bool)] for row in rows]
        for row, line in zip(rows, cells, strict=True):
            line.append("default" if row["default"] else "")
        show_table(self, ("BACKEND", "TYPE", "WHERE", "ENCRYPTION", "BUCKETS", ""), cells)

    def probe(self, options: dict[str, Any]) -> None:
        named = options["backend"]
        if named and named not in routes.backend_names():
            raise InvalidArgument(f"No backend is named {named}.")
        found = [_checked(name) for name in ([named] if named else routes.backend_names())]
        if options["json"]:
            show_json(self, found)
        else:
            self._table(found)
        gone = [row["backend"] for row in found if not row["reachable"]]
        if gone:
            raise CommandError(f"Not reachable: {', '.join(gone)}.")

    def _table(self, found: Sequence[Mapping[str, Any]]) -> None:
        """One column for each backend, one row for each fact, and what it means that a service can."""
        names = [name for name in MEANINGS if any(name in (row["capabilities"] or ()) for row in found)]
        rows = [
            ["type", *(row["type"] for row in found), ""],
            ["reachable", *(_ANSWERS[row["reachable"]] for row in found), ""],
            ["encryption mode", *(row["encryption"] for row in found), ""],
            *(
                [name.replace("_", " "), *(_cell(row, name) for row in found), MEANINGS[name]]
                for name in names
            ),
        ]
        show_table(self, ("", *(row["backend"] for row in found), ""), rows)
        for row in found:
            if row["problem"]:
                self.stderr.write(f"{row['backend']}: {row['problem']}")


def _described(name: str, buckets: int) -> dict[str, Any]:
    entry = settings.STORAGE["backends"][name]
    return {
        "backend": name,
        "type": entry["type"],
        "where": entry.get("path") or entry.get("endpoint") or f"AWS, {entry['region']}",
        "encryption": entry["encryption"]["mode"],
        "buckets": buckets,
        "default": name == settings.STORAGE["default_backend"],
    }


def _checked(name: str) -> dict[str, Any]:
    """What asking a backend shows; `capabilities` is None for one that can do everything itself."""
    entry = settings.STORAGE["backends"][name]
    found: dict[str, Any] = {
        "backend": name,
        "type": entry["type"],
        "reachable": True,
        "encryption": entry["encryption"]["mode"],
        "capabilities": None,
        "problem": "",
    }
    try:
        found["capabilities"] = _asked(name)
    except S3Error as error:
        found |= {"reachable": False, "problem": error.message}
    return found


def _asked(name: str) -> Mapping[str, bool | None] | None:
    backend = routes.backend(name)
    backend.check()
    backend.find_out()
    said = backend.condition().capabilities
    return {one: _FOUND[can] for one, can in said.items()} or None


def _cell(row: Mapping[str, Any], name: str) -> str:
    return _NOT_PROBED if row["capabilities"] is None else _ANSWERS[row["capabilities"].get(name)]
