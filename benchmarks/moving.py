"""Moving a bucket: our migrate job beside a bucket copied inside the peer by `s5cmd`."""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
from botocore.config import Config

from benchmarks.servers import Server, program

KIB, MIB = 1024, 1024 * 1024


def client(server: Server) -> Any:
    return boto3.client(
        "s3", endpoint_url=server.endpoint, aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key, region_name="us-east-1",
        config=Config(max_pool_connections=16),
    )  # fmt: skip


def fill(server: Server, bucket: str, count: int, size: int) -> None:
    """`count` objects of `size` random bytes, all different."""
    s3, block = client(server), os.urandom(size)
    s3.create_bucket(Bucket=bucket)

    def put(number: int) -> None:
        key = f"d{number // 100:04d}/{number:07d}"
        s3.put_object(Bucket=bucket, Key=key, Body=number.to_bytes(8) + block[8:])

    with ThreadPoolExecutor(8) as pool:
        for _ in pool.map(put, range(count)):
            pass


class Console:
    """The admin API with a session, as an operator's script uses it."""

    def __init__(self, server: Server) -> None:
        self._base = f"{server.endpoint}/_/api/admin"
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        self._csrf = ""
        answer = self.call("POST", "/login", {"username": "admin", "password": server.admin_password})
        self._csrf = str(answer.get("csrf_token", ""))

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        request = urllib.request.Request(self._base + path, method=method)
        request.add_header("Content-Type", "application/json")
        if self._csrf:
            request.add_header("X-CSRFToken", self._csrf)
        data = json.dumps(body).encode() if body is not None else None
        with self._opener.open(request, data, timeout=60) as answer:
            text = answer.read()
        parsed: dict[str, Any] = json.loads(text) if text else {}
        return parsed


def states(console: Console, job: str) -> Iterator[dict[str, Any]]:
    """The job as it is shown, again and again, and at last how it ended."""
    while True:
        row = console.call("GET", f"/jobs/{job}")
        yield row
        if row["status"] in ("succeeded", "failed", "cancelled"):
            return
        time.sleep(0.05)


def migrate(server: Server, bucket: str, target: str) -> dict[str, float]:
    """Seconds that the job took and seconds that writes were refused."""
    console, start = Console(server), time.monotonic()
    job = console.call("POST", f"/buckets/{bucket}/migrate", {"target_backend": target})["id"]
    gated_until, last = start, {}
    for row in states(console, job):
        last = row
        active = console.call("GET", f"/jobs/bucket/{bucket}")["active"]
        if active and active["gated"]:
            gated_until = time.monotonic()
    if last["status"] != "succeeded" or last.get("with_errors"):
        raise RuntimeError(f"the migration ended {last}")
    return {"seconds": time.monotonic() - start, "writes_paused": gated_until - start}


def copy_in_peer(server: Server, bucket: str) -> dict[str, float]:
    """`s5cmd cp` of a whole bucket into another one on the same server."""
    s5cmd = program("s5cmd")
    if s5cmd is None:
        raise RuntimeError("s5cmd is not installed")
    client(server).create_bucket(Bucket=f"{bucket}-copy")
    env = os.environ | {
        "AWS_ACCESS_KEY_ID": server.access_key,
        "AWS_SECRET_ACCESS_KEY": server.secret_key,
        "AWS_REGION": "us-east-1",
    }
    start = time.monotonic()
    subprocess.run(
        [s5cmd, "--endpoint-url", server.endpoint, "cp", f"s3://{bucket}/*", f"s3://{bucket}-copy/"],
        env=env, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return {"seconds": time.monotonic() - start}


def compare(ours: Server, peer: Server, *, small: int, large: int) -> list[str]:
    """Objects/s and MiB/s of both, and how long our writes were refused."""
    lines = []
    for bucket, count, size in (("move-small", small, 4 * KIB), ("move-large", large, 64 * MIB)):
        fill(ours, bucket, count, size)
        fill(peer, bucket, count, size)
        mine, theirs = migrate(ours, bucket, "archive"), copy_in_peer(peer, bucket)
        for label, took in (("sluicegate migrate", mine), (f"{peer.label} s5cmd cp", theirs)):
            pause = f"  writes paused {took['writes_paused']:.1f} s" if "writes_paused" in took else ""
            lines.append(
                f"{count:>7,} x {size // KIB:,} KiB  {label:<22}{count / took['seconds']:>9,.0f} objects/s"
                f"{count * size / MIB / took['seconds']:>9,.0f} MiB/s  {took['seconds']:.1f} s{pause}"
            )
        ratio = theirs["seconds"] / mine["seconds"]
        lines.append(f"{'':>9}ratio {ratio:.2f} (ours verifies every byte, copies keep all facts)")
    return lines
