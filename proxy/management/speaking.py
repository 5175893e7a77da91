"""What the commands about users have in common: actions, examples, errors in plain words."""

from __future__ import annotations

import json
import re
import sys
from argparse import ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from textwrap import dedent
from typing import Any, Protocol

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.serializers.json import DjangoJSONEncoder

from proxy.errors import InvalidArgument, S3Error

_SPAN = re.compile(r"([1-9][0-9]{0,5})([dhm])")
_UNITS = {"d": "days", "h": "hours", "m": "minutes"}
_STDIN_CHARACTERS = 64 * 1024


class _Options(Protocol):
    def add_argument(self, *names: str, **facts: Any) -> Any: ...


class Speaking(BaseCommand):
    """A command whose actions are its methods of the same name, or of that in the default `method`."""

    examples = ""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        epilog = "examples:\n" + dedent(self.examples).strip("\n").replace("\n", "\n  ").join(["  ", ""])
        return super().create_parser(
            prog_name, subcommand, formatter_class=RawDescriptionHelpFormatter, epilog=epilog, **kwargs
        )

    def actions(self, parser: CommandParser) -> Any:
        """Where the actions are added."""
        return parser.add_subparsers(dest="action", required=True, metavar="ACTION")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, options.get("method") or options["action"])(options)
        except S3Error as error:
            raise CommandError(error.message) from None


def json_option(parser: _Options) -> None:
    """`--json`."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def show_json(command: BaseCommand, value: object) -> None:
    """One JSON document; times as ISO 8601."""
    command.stdout.write(json.dumps(value, cls=DjangoJSONEncoder))


def show_table(command: BaseCommand, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as their longest entry; nothing for no rows."""
    if not rows:
        return
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    for row in (heads, *rows):
        line = "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True))
        command.stdout.write(line.rstrip())


def moment(at: datetime | None) -> str:
    """A time as tables show it, in UTC."""
    return "never" if at is None else f"{at:%Y-%m-%d %H:%M}"


def read_stdin(what: str) -> str:
    """The first line of standard input. Raises InvalidArgument if there is none."""
    text = sys.stdin.read(_STDIN_CHARACTERS + 1)
    line = text.split("\n", 1)[0].rstrip("\r")
    if not line or len(text) > _STDIN_CHARACTERS:
        raise InvalidArgument(f"Standard input has no {what} in its first line.")
    return line


def expiry(text: str) -> datetime:
    """When something ends, in UTC: `90d`, `12h` and `30m` from now, or an ISO 8601 date or time.

    Raises ArgumentTypeError, also for a time that has passed.
    """
    now = datetime.now(UTC)
    span = _SPAN.fullmatch(text)
    if span:
        return now + timedelta(**{_UNITS[span[2]]: int(span[1])})
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is neither like 90d or 12h nor like 2027-01-31") from None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    if at <= now:
        raise ArgumentTypeError(f"{text} has passed")
    return at
