"""Finding out what a service can do, by trying it.

Where buckets may be made, everything is tried in a bucket of its own; else under the reserved prefix
of a bucket that is ours, and what only a new bucket can show stays unknown. Everything that was made
goes again; what a crash left goes with the next probe.
"""

from __future__ import annotations

import logging
import math
import re
import secrets
import time
from collections.abc import Callable

from proxy.backends.s3.answers import Listed, Removed
from proxy.backends.s3.capabilities import Capabilities, Finding
from proxy.backends.s3.client import Client
from proxy.backends.s3.errors import FAULTS, Refused, ServiceFault
from proxy.backends.s3.trials import BUCKET_TRIALS, TRIALS, Bench
from proxy.errors import BackendUnavailable, NotImplementedByUs, S3Error, SlowDown

_log = logging.getLogger(__name__)

RESERVED = ".sluicegate/"
"""Keys below it are ours on every service."""
SCRATCH = "sluicegate-probe-"
_SCRATCH_NAME = re.compile(SCRATCH + "([0-9a-f]{8})-[0-9a-f]{12}")
LEFT_BEHIND_SECONDS = 900
"""A scratch bucket that is older was left by a probe that did not end."""
PATIENCE = 2.0
"""Seconds that one call may be tried again: some services have a fault wherever they lack something."""


def probe(client: Client, bucket: str = "", now: Callable[[], float] = time.time) -> Capabilities:
    """What the service behind a client can do; `bucket` is one of ours there, for where none may be made.

    Also sets whether the client signs its streams. Raises BackendUnavailable while the service cannot be
    asked, also if it lets us make no bucket and none is given.
    """
    probing = client.apart(PATIENCE)
    try:
        found = _probe(probing, bucket, now)
    finally:
        probing.close()
    client.caller.signs_streams = found.unsigned_streams is False
    return found


def is_scratch(bucket: str) -> bool:
    """Whether a probe made it, or some gateway's does now: nothing to be kept."""
    return _SCRATCH_NAME.fullmatch(bucket) is not None


def _probe(client: Client, bucket: str, now: Callable[[], float]) -> Capabilities:
    _clear_left_behind(client, now())
    scratch = _scratch_bucket(client, now())
    if scratch is None and not bucket:
        raise BackendUnavailable(
            f"The storage {client.name!r} cannot be probed: no bucket may be made on it."
        )
    bench = scratch or Bench(client, bucket, f"{RESERVED}probe/{secrets.token_hex(8)}/")
    if scratch is None:
        _empty(client, bucket, f"{RESERVED}probe/", before=now() - LEFT_BEHIND_SECONDS)
    try:
        found = {name: _try(trial, bench) for name, trial in TRIALS.items()}
        if scratch is not None:
            found |= {name: _try(trial, bench) for name, trial in BUCKET_TRIALS.items()}
    finally:
        _clean_up(bench, scratch is not None)
    return Capabilities(**found)


def _try(trial: Callable[[Bench], bool], bench: Bench) -> Finding:
    """False for what the service refuses, None for what it has a fault at (see PATIENCE)."""
    try:
        return trial(bench)
    except ServiceFault:
        return None
    except (*FAULTS, SlowDown):
        raise
    except S3Error:
        return False


# -- the scratch bucket ------------------------------------------------------------------


def _scratch_bucket(client: Client, now: float) -> Bench | None:
    """A new bucket, with object lock if the service has that; None if none may be made."""
    for locks in (True, False):
        name = f"{SCRATCH}{int(now):08x}-{secrets.token_hex(6)}"
        headers = {"x-amz-bucket-object-lock-enabled": "true"} if locks else {}
        try:
            client.create_bucket(name, headers)
        except (Refused, NotImplementedByUs):
            continue
        return Bench(client, name, "", locks and _has_locks(client, name))
    return None


def _has_locks(client: Client, bucket: str) -> bool:
    """Whether the header was heard: then the bucket keeps versions from the beginning."""
    return client.versioning(bucket) == "Enabled"


def _clear_left_behind(client: Client, now: float) -> None:
    """Remove the scratch buckets of probes that did not end; never a bucket that serves anything."""
    try:
        names = client.buckets()
    except (Refused, NotImplementedByUs):
        return
    for name in names:
        stamp = _SCRATCH_NAME.fullmatch(name)
        if stamp and now - int(stamp[1], 16) > LEFT_BEHIND_SECONDS and not _serves(client, name):
            _clean_up(Bench(client, name, ""), True)


def _serves(client: Client, bucket: str) -> bool:
    """Whether anything of ours but a probe is in it."""
    return bool(client.list(bucket, prefix=RESERVED, limit=1).objects)


def _clean_up(bench: Bench, whole: bool) -> None:
    """Take everything away again. What resists is left to the next probe."""
    try:
        _empty(bench.client, bench.bucket, bench.prefix)
        if whole:
            bench.client.delete_bucket(bench.bucket)
    except S3Error as error:
        _log.warning(
            "backend %s: what was probed with in %s stays: %s", bench.client.name, bench.bucket, error
        )


def _empty(client: Client, bucket: str, prefix: str, before: float = math.inf) -> None:
    """Remove what is older than `before` (seconds since the epoch); holds do not keep it."""
    for upload in client.uploads(bucket, prefix=prefix).uploads:
        if upload.initiated < before * 1000:
            client.abort_upload(bucket, upload.key, upload.upload_id)
    rows = [row for row in _rows(client, bucket, prefix) if row.last_modified < before * 1000]
    outcomes = client.delete_many(bucket, [(row.key, row.version_id) for row in rows])
    for row, outcome in zip(rows, outcomes, strict=True):
        if not isinstance(outcome, Removed):
            client.put_hold(bucket, row.key, False, version=row.version_id)
            client.delete(bucket, row.key, version=row.version_id)


def _rows(client: Client, bucket: str, prefix: str) -> list[Listed]:
    """Everything there, as versions where the service knows of any."""
    try:
        return list(client.list_versions(bucket, prefix=prefix).versions)
    except (Refused, NotImplementedByUs):
        return list(client.list(bucket, prefix=prefix).objects)
