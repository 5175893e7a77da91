"""Re-encrypting: a bucket's jobs by the engine, in a process of its own and without a web server.

Each step is a process with its own configuration, as after a change of sluicegate.yaml and a restart.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.servers import ROOT

KIB, MIB = 1024, 1024 * 1024
PLAIN, SEALED = "none", "aes256-gcm-proxy"
KEYS = {key_id: secrets.token_hex(32) for key_id in ("k1", "k2", "k3")}


class Site:
    """A home with a control database and one backend."""

    def __init__(self, home: Path) -> None:
        self._config = home / "sluicegate.yaml"
        self._env = os.environ | {
            "DJANGO_SETTINGS_MODULE": "jobsite.settings",
            "SLUICEGATE_HOME": str(home / "var"),
            "SLUICEGATE_CONFIG": str(self._config),
            "SLUICEGATE_MASTER_KEY": secrets.token_hex(32),
            "SLUICEGATE_SECRET_KEY": secrets.token_hex(32),
            "SLUICEGATE_CLEANUP_GRACE_SECONDS": "0",
        }
        (home / "var").mkdir()
        self.configure(PLAIN)
        self._run("manage.py", "migrate", "-v0", "--skip-checks")

    def configure(self, mode: str, *ring: str) -> None:
        """What the next processes find; the last key seals."""
        keys = [{"id": key_id, "key": KEYS[key_id]} for key_id in ring]
        backend = {"name": "local", "type": "filesystem", "path": "local"}
        backend["encryption"] = {"mode": mode, "keys": keys}  # type: ignore[assignment]
        storage = {"backends": [backend], "default_backend": "local"}
        self._config.write_text(json.dumps({"storage": storage}))

    def fill(self, bucket: str, count: int, size: int, buckets: int = 1) -> None:
        """`count` objects of `size` bytes in each of `buckets` new buckets."""
        self._run("-m", "benchmarks.reencrypting", "fill", bucket, str(count), str(size), str(buckets))

    def reencrypt(self, bucket: str, mode: str = "", buckets: int = 1) -> dict[str, Any]:
        """Seconds of the jobs in all, and how they ended."""
        told = self._run("-m", "benchmarks.reencrypting", "job", bucket, mode, str(buckets))
        found: dict[str, Any] = json.loads(told.splitlines()[-1])
        if found["ends"] != ["succeeded"]:
            raise RuntimeError(f"{bucket}: {found}")
        return found

    def rotate(self, bucket: str, buckets: int) -> float:
        """Seconds that the records alone take, without jobs."""
        return float(self._run("-m", "benchmarks.reencrypting", "rotate", bucket, str(buckets)))

    def _run(self, *command: str) -> str:
        done = subprocess.run(
            [sys.executable, *command], cwd=ROOT, env=self._env, capture_output=True, text=True
        )
        if done.returncode:
            raise RuntimeError(done.stderr[-3000:])
        return done.stdout


def table(small: int, large: int, buckets: int = 200) -> list[str]:
    """`small` objects rewrapped, a tenth of them and `large` ones of 64 MiB rewritten, and keys rotated."""
    with tempfile.TemporaryDirectory(prefix="bench-reencrypt-") as folder:
        site, lines = Site(Path(folder)), []
        site.configure(SEALED, "k1")
        site.fill("many", small, KIB)
        took = site.reencrypt("many", "rewrap")["seconds"]
        lines.append(_line(f"rewrap of {small:,} objects", small, took))
        site.fill("each", 1, KIB, buckets)
        site.configure(SEALED, "k1", "k2")
        took = site.reencrypt("many")["seconds"]
        lines.append(f"{'ring key, bucket of ' + format(small, ',') + ' objects':<44}{took:>9.2f} s")
        took = site.reencrypt("each", "", buckets)["seconds"]
        lines.append(_line(f"ring key, {buckets:,} buckets, a job each", buckets, took, "records/s"))
        site.configure(SEALED, "k1", "k2", "k3")
        took = site.rotate("each", buckets)
        lines.append(_line(f"ring key, {buckets:,} buckets, records alone", buckets, took, "records/s"))
        site.configure(PLAIN, "k1", "k2")
        fewer = max(1, small // 10)
        site.fill("some", fewer, 4 * KIB)
        site.fill("large", large, 64 * MIB)
        site.configure(SEALED, "k1", "k2")
        took = site.reencrypt("some")["seconds"]
        lines.append(_line(f"rewrite of {fewer:,} x 4 KiB, none -> sealed", fewer, took))
        for name, mode in (("none -> sealed", ""), ("sealed -> sealed", "rewrite")):
            took = site.reencrypt("large", mode)["seconds"]
            rate = large * 64 / took
            lines.append(f"{f'rewrite of {large} x 64 MiB, {name}':<44}{rate:>9,.0f} MiB/s  {took:.1f} s")
        return lines


def _line(what: str, count: int, seconds: float, unit: str = "objects/s") -> str:
    return f"{what:<44}{count / seconds:>9,.0f} {unit}  {seconds:.1f} s"


# -- in a process of its own ------------------------------------------------------------------


class _Body:
    """Bytes that are at hand, in pieces."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.length: int | None = len(data)
        self.checksums: dict[str, str] = {}

    def __iter__(self) -> Iterator[bytes]:
        return (self.data[at : at + MIB] for at in range(0, len(self.data), MIB))


def _fill(bucket: str, count: int, size: int, buckets: int) -> None:
    from proxy import routes
    from proxy.backends.values import NewObject
    from proxy.store import Store

    block = os.urandom(size)
    for number in range(buckets):
        name = bucket if buckets == 1 else f"{bucket}-{number:04d}"
        store = Store.at(routes.create_bucket(name, "a" * 64, 1_750_000_000_000).route)

        def put(index: int, store: Store = store) -> None:
            body = _Body(index.to_bytes(8) + block[8:])
            store.put(NewObject(f"d{index // 100:05d}/{index:07d}", owner_id="a" * 64), body)

        with ThreadPoolExecutor(8) as pool:
            for _ in pool.map(put, range(count)):
                pass


def _job(bucket: str, mode: str, buckets: int) -> dict[str, Any]:
    from jobs import engine, transitions
    from jobs.kinds import KINDS
    from jobs.models import Job
    from proxy.records import find_bucket

    kind, began = KINDS["reencrypt"], time.monotonic()
    ends: set[str] = set()
    for number in range(buckets):
        record = find_bucket(bucket if buckets == 1 else f"{bucket}-{number:04d}")
        job = transitions.create_job(kind, kind.plan(record, {"mode": mode}), record, "bench")
        while job.status in ("queued", "running"):
            engine.work(job.pk)
            job = Job.objects.get(pk=job.pk)
        ends.add(job.status if not job.failed else f"{job.failed} failed")
    return {"seconds": time.monotonic() - began, "ends": sorted(ends)}


def _rotate(bucket: str, buckets: int) -> float:
    from proxy.records import find_bucket
    from proxy.resealing import Resealing

    began, done = time.monotonic(), 0
    for number in range(buckets):
        done += Resealing.at(find_bucket(f"{bucket}-{number:04d}").route).rewrap_keys()
    if done != buckets:
        raise RuntimeError(f"{done} of {buckets} records were wrapped anew")
    return time.monotonic() - began


def main(do: str, bucket: str, *values: str) -> None:
    import django

    django.setup()
    if do == "fill":
        _fill(bucket, *map(int, values))
    elif do == "rotate":
        print(_rotate(bucket, int(values[0])))
    else:
        print(json.dumps(_job(bucket, values[0], int(values[1]))))


if __name__ == "__main__":
    main(*sys.argv[1:])
