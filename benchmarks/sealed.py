"""Requests for sealed objects beside the same requests for plain ones, in one gateway and one run."""

from __future__ import annotations

import secrets
from typing import Any

from benchmarks import requests
from benchmarks.servers import sluicegate

ROWS = ("put", "get", "head", "put_large", "get_large")
_CONFIGURATION = """
storage:
  backends:
    - {{name: plain, type: filesystem, path: plain}}
    - name: sealed
      type: filesystem
      path: sealed
      encryption: {{mode: aes256-gcm-proxy, keys: [{{id: bench, key: "{key}"}}]}}
  default_backend: plain
  buckets:
    sealed-small: {{backend: sealed}}
    sealed-large: {{backend: sealed}}
"""


def table(*, seconds: float, repeat: int) -> list[str]:
    """Rows of name and unit, then rate, p99 and server CPU per operation, and sealed to plain."""
    if not requests.available():
        return ["sealed: not run, ../shared/bench/s3bench.py is not there"]
    with sluicegate(_CONFIGURATION.format(key=secrets.token_hex(32))) as server:
        plain, sealed = (
            requests.measure(server, seconds=seconds, repeat=repeat, list_keys=0, rows=ROWS, prefix=prefix)
            for prefix in ("plain", "sealed")
        )
    titles = "".join(f"{label:>12}{'p99 ms':>9}{'us/op':>11}" for label in ("plain", "sealed"))
    return [
        f"{'row':<12}{'unit':<8}{titles}{'ratio':>8}",
        *map(_row, ROWS, map(plain.get, ROWS), map(sealed.get, ROWS)),
    ]


def _row(name: str, plain: dict[str, Any] | None, sealed: dict[str, Any] | None) -> str:
    if not plain or not sealed:
        return f"{name:<12}not measured"
    ratio = sealed["median"] / plain["median"] if plain["median"] else float("nan")
    return f"{name:<12}{plain['unit']:<8}{requests.cells(plain)}{requests.cells(sealed)}{ratio:>8.2f}"
