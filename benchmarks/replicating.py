"""Replication beside `rclone sync` and `aws s3 sync`, between two buckets of one server, in the same run.

Each has a destination of its own; the buckets are copied for the first time, and then compared while they
are in line; at last some objects change, and only those may move. rclone compares checksums (its cheapest
way over S3), aws sizes and times.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks.moving import Console
from benchmarks.servers import Server, program, sluicegate
from proxy.backends.s3.client import Client, connect

KIB = 1024
OURS, RCLONE, AWS = "sluicegate", "rclone sync", "aws s3 sync"
FIRST, PAIR = "first", "pair"
"""The source that is copied for the first time, and the one that is compared."""
_AT_ONCE = 8
_CHANGED = 100
_ENDED = ("succeeded", "failed")

Sync = Callable[[Server, str, str], float]


def _configuration() -> str:
    """Rules that run when they are told to, from each source to our destination. (JSON is YAML.)"""
    rules = [
        {
            "name": source,
            "enabled": False,
            "source": {"bucket": source},
            "destination": {"bucket": _destination(source, OURS)},
            "trigger": "schedule",
            "replicate_deletes": True,
        }
        for source in (FIRST, PAIR)
    ]
    backend = {"name": "local", "type": "filesystem", "path": "local"}
    storage = {"default_backend": "local", "backends": [backend]}
    return json.dumps({"storage": {**storage, "replication": {"enabled": True, "rules": rules}}})


def _destination(source: str, who: str) -> str:
    return f"{source}-by-{who.split()[0]}"


def _client(server: Server) -> Client:
    options = {
        "endpoint": server.endpoint,
        "access_key_id": server.access_key,
        "secret_access_key": server.secret_key,
    }
    return connect("bench", options)


def _key(number: int) -> str:
    return f"d{number // 1000:04d}/{number:07d}"


def _fill(server: Server, bucket: str, count: int, size: int) -> None:
    """`count` objects of `size` bytes, all different, and an empty destination for each who syncs."""
    client, block = _client(server), os.urandom(size)
    client.create_bucket(bucket)
    for who in (OURS, *PEERS):
        client.create_bucket(_destination(bucket, who))

    def put(number: int) -> None:
        client.put(bucket, _key(number), number.to_bytes(8, "big") + block[8:])

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for _ in pool.map(put, range(count)):
            pass
    client.close()


# -- who syncs ----------------------------------------------------------------------------------


def _ours(console: Console, source: str) -> tuple[float, dict[str, Any]]:
    """Seconds from the request to the end of the run, and the job's row."""
    began = time.monotonic()
    console.call("POST", f"/jobs/replication:{source}/run-now")
    while (row := console.call("GET", f"/jobs/replication:{source}"))["status"] not in _ENDED:
        time.sleep(0.02)
    took = time.monotonic() - began
    if row["status"] != "succeeded" or row["with_errors"]:
        raise RuntimeError(f"the run ended {row}")
    return took, row


def _rclone(server: Server, source: str, destination: str) -> float:
    env = {
        "RCLONE_CONFIG": os.devnull,
        "RCLONE_CONFIG_HERE_TYPE": "s3",
        "RCLONE_CONFIG_HERE_PROVIDER": "Other",
        "RCLONE_CONFIG_HERE_ENDPOINT": server.endpoint,
        "RCLONE_CONFIG_HERE_ACCESS_KEY_ID": server.access_key,
        "RCLONE_CONFIG_HERE_SECRET_ACCESS_KEY": server.secret_key,
    }
    same = ["--checksum", "--transfers", str(_AT_ONCE), "--checkers", str(_AT_ONCE)]
    return _timed(["rclone", "sync", *same, f"here:{source}", f"here:{destination}"], env)


def _aws(server: Server, source: str, destination: str) -> float:
    env = {
        "AWS_ACCESS_KEY_ID": server.access_key,
        "AWS_SECRET_ACCESS_KEY": server.secret_key,
        "AWS_REGION": "us-east-1",
    }
    words = ["s3", "sync", "--only-show-errors", f"s3://{source}", f"s3://{destination}"]
    return _timed(["aws", "--endpoint-url", server.endpoint, *words], env)


def _timed(command: list[str], env: dict[str, str]) -> float:
    binary = program(command[0])
    if binary is None:
        raise RuntimeError(f"{command[0]} is not installed")
    began = time.monotonic()
    subprocess.run([binary, *command[1:]], env=os.environ | env, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


PEERS: dict[str, Sync] = {RCLONE: _rclone, AWS: _aws}


# -- the table ----------------------------------------------------------------------------------


def compare(*, first: int, pair: int) -> list[str]:
    """Objects/s of a first copy of `first` x 4 KiB, and keys/s of comparing `pair` that are in line."""
    with sluicegate(_configuration()) as server:
        _fill(server, FIRST, first, 4 * KIB)
        _fill(server, PAIR, pair, KIB)
        console = Console(server)
        console.call("POST", "/rules/sync")
        copied, row = _ours(console, FIRST)
        lines = _lines(f"first copy of {first:,} x 4 KiB", "objects/s", first, copied, server, FIRST)
        _ours(console, PAIR)
        for sync, who in ((PEERS[who], who) for who in PEERS if program(who.split()[0])):
            sync(server, PAIR, _destination(PAIR, who))
        compared, row = _ours(console, PAIR)
        skipped = row["progress"]["skipped"]
        if skipped != pair:
            raise RuntimeError(f"{skipped} of {pair} were in line")
        lines += _lines(f"{pair:,} keys in line", "keys/s", pair, compared, server, PAIR)
        return [*lines, _delta(server, console, pair)]


def _delta(server: Server, console: Console, pair: int) -> str:
    """A hundred objects are written anew and a hundred deleted: what the next run does about them."""
    client, step = _client(server), max(1, pair // _CHANGED)
    for number in range(_CHANGED):
        client.put(PAIR, _key(number * step), b"changed")
        client.delete(PAIR, _key(number * step + step // 2))
    client.close()
    took, _ = _ours(console, PAIR)
    run = console.call("GET", f"/jobs/replication:{PAIR}/runs?limit=1")["runs"][0]
    copied = run["objects_processed"] - run["objects_deleted"]
    return (
        f"{f'{_CHANGED} written, {_CHANGED} deleted':<28}{OURS:<14}{copied} copied,"
        f" {run['objects_deleted']} deleted, {run['objects_skipped']:,} left  {took:.1f} s"
    )


def _lines(what: str, unit: str, count: int, mine: float, server: Server, source: str) -> list[str]:
    """Ours, then each peer that is installed, who syncs now, and the ratio to the best of them."""
    took = {
        who: sync(server, source, _destination(source, who))
        for who, sync in PEERS.items()
        if program(who.split()[0])
    }
    lines = [
        f"{what:<28}{who:<14}{count / seconds:>9,.0f} {unit}  {seconds:.1f} s"
        for who, seconds in {OURS: mine, **took}.items()
    ]
    best = min(took.values(), default=0.0)
    return [*lines, f"{'':<28}ratio {best / mine:.2f} to the best of the others"]
