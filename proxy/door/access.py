"""Request ids and the access log: one JSON line for every request, whoever answers it."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import os
import random
import time
from typing import Any

from proxy import metrics
from proxy.gateway import Response

log = logging.getLogger("sluicegate.access")

HOST_ID = base64.b64encode(os.urandom(24))
"""x-amz-id-2: which worker process answered, opaque as S3's is."""


_encode = json.JSONEncoder(separators=(",", ":")).encode
_draw = random.Random(os.urandom(32))
FLUSH_SECONDS = 0.2


def new_request_id() -> str:
    """16 hex digits in capitals, as S3's are: to find a request again, not to keep it secret."""
    return f"{_draw.getrandbits(64):016X}"


class AccessLog:
    """Collects lines and hands them to the logger a few times a second.

    A write for every request would have the event loop wait for the interpreter's lock each
    time. Belongs to one event loop.
    """

    def __init__(self) -> None:
        self._lines: list[str] = []

    def add(self, line: dict[str, Any]) -> None:
        if not self._lines:
            asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)
        self._lines.append(_encode(line))

    def flush(self) -> None:
        lines, self._lines = self._lines, []
        if lines:
            log.info("\n".join(lines))


def finish(
    scope: dict[str, Any],
    request_id: str,
    started: float,
    status: int,
    counts: tuple[int, int],
    response: Response | None,
    *,
    access_log: AccessLog | None,
) -> None:
    """Count and log one exchange.

    `started` is of time.perf_counter, `counts` the bytes (in, out) of the bodies; `response` is
    None if Django answered.
    """
    seconds = time.perf_counter() - started
    admitted = response.admitted if response is not None else None
    operation = admitted.operation.name if admitted is not None and admitted.operation else ""
    if response is not None:
        _count(operation or "unknown", status, seconds, counts)
    if access_log is None:
        return
    client = scope.get("client")
    line: dict[str, Any] = {
        "time": round(time.time(), 3),
        "request_id": request_id,
        "client": client[0] if client else "",
        "access_key": admitted.caller.access_key if admitted is not None and admitted.caller else "",
        "method": scope["method"],
        "path": scope["raw_path"].decode("latin-1"),
        "operation": operation,
        "bucket": admitted.request.bucket if admitted is not None and admitted.request else "",
        "status": status,
        "bytes_in": counts[0],
        "bytes_out": counts[1],
        "ms": round(seconds * 1000, 2),
    }
    if response is not None and response.code:
        line["error"] = response.code
    access_log.add(line)


def _count(operation: str, status: int, seconds: float, counts: tuple[int, int]) -> None:
    metrics.count_request(operation, status, seconds)
    for direction, number in zip(("in", "out"), counts, strict=True):
        if number:
            metrics.count_bytes(direction, number)
