"""How a log line looks. Whoever knows a request's or a job's id passes it as `extra`."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

FACTS = ("request_id", "job_id", "bucket", "client", "operation", "status", "duration_ms")
"""Attributes of a record that are shown if they are there."""


def _facts(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name in FACTS if (value := getattr(record, name, None)) not in (None, "")}


def _when(record: logging.LogRecord) -> str:
    """UTC, ISO 8601, milliseconds."""
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class PlainFormatter(logging.Formatter):
    """`time LEVEL logger text name=value ...`, and a traceback below it if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        facts = "".join(f" {name}={value}" for name, value in _facts(record).items())
        text = record.getMessage().replace("\n", "\n  ")
        line = f"{_when(record)} {record.levelname:<7} {record.name}: {text}{facts}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class JsonFormatter(logging.Formatter):
    """One JSON object per line; a traceback is its `exception`."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, object] = {
            "time": _when(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_facts(record),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str)


class WithoutProbes(logging.Filter):
    """Takes health probes that went well out of the access log: one comes every few seconds.

    A record of that log holds any number of lines.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        lines = [line for line in record.getMessage().split("\n") if not _is_good_probe(line)]
        record.msg, record.args = "\n".join(lines), None
        return bool(lines)


def _is_good_probe(line: str) -> bool:
    return '"path":"/_/health"' in line and '"status":200' in line
