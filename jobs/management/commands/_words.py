"""What the commands share: who runs them, how they answer, how refusals end them."""

from __future__ import annotations

import getpass
import json
import socket
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from django.core.management.base import BaseCommand

from jobs.actions import Actor
from jobs.errors import JobError
from proxy.errors import S3Error

SUCCEEDED, FAILED, REFUSED = 0, 1, 2
"""Exit codes: it worked; the job failed or was cancelled; it was refused and nothing was started."""


def actor() -> Actor:
    """Whoever runs the command may do everything: they can read the database anyway."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "unknown"
    return Actor(f"command:{user}"[:150], socket.gethostname()[:64], channel="command")


def refusals_end_it(handle: Callable[..., None]) -> Callable[..., None]:
    """A refusal is one line on stderr and exit code 2."""

    @wraps(handle)
    def handled(command: BaseCommand, /, *args: Any, **options: Any) -> None:
        try:
            handle(command, *args, **options)
        except (JobError, S3Error) as refusal:
            command.stderr.write(f"Refused ({refusal.code}): {refusal.message}")
            raise SystemExit(REFUSED) from None

    return handled


def as_json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Columns as wide as their widest cell; control characters of names are made visible."""
    shown = [
        tuple("".join(c if c.isprintable() else repr(c)[1:-1] for c in cell) for cell in row) for row in rows
    ]
    widths = [max(len(row[i]) for row in [head, *shown]) for i in range(len(head))]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in [head, *shown]
    )
    return "\n".join(line.rstrip() for line in lines)
