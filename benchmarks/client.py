"""What a call to a service costs this process: our client beside boto3, in turns, one thread.

CPU time counts, since that bounds how many objects a core can move; the service is whatever runs.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config

from benchmarks.servers import Server
from proxy.backends.s3.client import Client, connect

_BUCKET = "client-calls"
_LISTED = 1000
_ROUNDS = 5
Calls = dict[str, Callable[[], object]]
_TIMES = {"GET 4 KiB": 300, "HEAD": 300, "PUT 4 KiB": 300, "LIST 1000": 10}


def table(server: Server) -> list[str]:
    """One line for each call: microseconds of CPU, ours and boto3's, and the ratio."""
    ours = connect("bench", _options(server))
    theirs = _boto(server)
    _prepare(ours)
    lines = [
        f"client: CPU per call to {server.label}, in us",
        f"  {'call':<16}{'ours':>8}{'boto3':>8}{'ratio':>8}",
    ]
    mine, peers = _ours(ours), _boto3s(theirs)
    for name in mine:
        times = _TIMES[name]
        rounds = [(_cpu(mine[name], times), _cpu(peers[name], times)) for _ in range(_ROUNDS)]
        own, other = (statistics.median(column) for column in zip(*rounds, strict=True))
        lines.append(f"  {name:<16}{own:>8.0f}{other:>8.0f}{other / own:>8.1f}")
    ours.close()
    theirs.close()
    return lines


def _options(server: Server) -> dict[str, Any]:
    return {
        "endpoint": server.endpoint,
        "access_key_id": server.access_key,
        "secret_access_key": server.secret_key,
    }


def _boto(server: Server) -> Any:
    """boto3 as lean as it can be configured."""
    config = Config(
        s3={"addressing_style": "path"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    return boto3.client(
        "s3",
        endpoint_url=server.endpoint,
        region_name="us-east-1",
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
        config=config,
    )


def _prepare(client: Client) -> None:
    client.create_bucket(_BUCKET)
    for number in range(_LISTED):
        client.put(_BUCKET, f"listed/{number:04}", b"")
    client.put(_BUCKET, "object", os.urandom(4096))


def _ours(client: Client) -> Calls:
    body = os.urandom(4096)
    return {
        "GET 4 KiB": lambda: b"".join(client.get(_BUCKET, "object")),
        "HEAD": lambda: client.head(_BUCKET, "object"),
        "PUT 4 KiB": lambda: client.put(_BUCKET, "put", body),
        "LIST 1000": lambda: client.list(_BUCKET, prefix="listed/"),
    }


def _boto3s(client: Any) -> Calls:
    body, where = os.urandom(4096), {"Bucket": _BUCKET}
    return {
        "GET 4 KiB": lambda: client.get_object(**where, Key="object")["Body"].read(),
        "HEAD": lambda: client.head_object(**where, Key="object"),
        "PUT 4 KiB": lambda: client.put_object(**where, Key="put", Body=body),
        "LIST 1000": lambda: client.list_objects_v2(**where, Prefix="listed/"),
    }


def _cpu(call: Callable[[], object], times: int) -> float:
    """Microseconds of CPU that one call takes."""
    for _ in range(max(1, times // 20)):
        call()
    before = time.process_time()
    for _ in range(times):
        call()
    return (time.process_time() - before) / times * 1e6
