"""How long a bucket that is migrated takes no writes, with and without precopy, seen by a client that writes.

Between two directories on two file systems (the second is in memory), so that every byte moves.
"""

from __future__ import annotations

import json
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from benchmarks.moving import KIB, MIB, Console, fill, states
from benchmarks.servers import Server, sluicegate

ELSEWHERE = Path("/dev/shm")
"""A file system of its own on Linux: shm_overview(7)."""


def _configuration(folder: Path) -> str:
    """A sluicegate.yaml. (JSON is YAML.)"""
    backends = [
        {"name": "local", "type": "filesystem", "path": "local"},
        {"name": "archive", "type": "filesystem", "path": str(folder)},
    ]
    return json.dumps({"storage": {"default_backend": "local", "backends": backends}})


class Writer:
    """A client that writes 1 KiB again and again, and tries at once again when it is refused."""

    def __init__(self, server: Server, bucket: str) -> None:
        self._s3 = boto3.client(
            "s3", endpoint_url=server.endpoint, aws_access_key_id=server.access_key,
            aws_secret_access_key=server.secret_key, region_name="us-east-1",
            config=Config(retries={"total_max_attempts": 1}),
        )  # fmt: skip
        self._bucket = bucket
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.accepted: list[float] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        number = 0
        while not self._done.is_set():
            try:
                self._s3.put_object(Bucket=self._bucket, Key=f"written/{number % 500}", Body=b"x" * KIB)
            except (ClientError, BotoCoreError):
                time.sleep(0.01)
                continue
            self.accepted.append(time.monotonic())
            number += 1

    def pause(self) -> float:
        """The longest time without an accepted write, in seconds."""
        both = zip(self.accepted, self.accepted[1:], strict=False)
        return max((after - before for before, after in both), default=0.0)


@dataclass(frozen=True)
class Took:
    """In seconds; `writes` were accepted meanwhile."""

    pause: float
    whole: float
    writes: int


def _move(server: Server, bucket: str, *, precopy: bool) -> Took:
    console: Any = Console(server)
    with Writer(server, bucket) as writer:
        time.sleep(1.0)
        start = time.monotonic()
        body = {"target_backend": "archive", "precopy": precopy}
        job = console.call("POST", f"/buckets/{bucket}/migrate", body)["id"]
        *_, last = states(console, job)
        whole = time.monotonic() - start
        time.sleep(1.0)
    if last["status"] != "succeeded" or last.get("with_errors"):
        raise RuntimeError(f"the migration ended {last}")
    return Took(writer.pause(), whole, len(writer.accepted))


def compare(*, small: int, large: int) -> list[str]:
    """The pause of both ways, one after the other on the same server, and their ratio."""
    if not ELSEWHERE.is_dir():
        return [f"pausing: not run, {ELSEWHERE} is not there"]
    lines = []
    with (
        tempfile.TemporaryDirectory(prefix="bench-pausing-", dir=ELSEWHERE) as folder,
        sluicegate(_configuration(Path(folder))) as server,
    ):
        for name, count, size in (("small", small, 4 * KIB), ("large", large, 64 * MIB)):
            took = {}
            for precopy in (False, True):
                bucket = f"pause-{name}-{'pre' if precopy else 'gated'}"
                fill(server, bucket, count, size)
                took[precopy] = _move(server, bucket, precopy=precopy)
                lines.append(_line(count, size, "precopy" if precopy else "gate closed", took[precopy]))
            lines.append(f"{'':>9}ratio {took[False].pause / took[True].pause:.1f}")
    return lines


def _line(count: int, size: int, way: str, took: Took) -> str:
    return (
        f"{count:>7,} x {size // KIB:,} KiB  {way:<12}writes paused {took.pause:.2f} s"
        f" of {took.whole:.1f} s, {took.writes:,} accepted"
    )
