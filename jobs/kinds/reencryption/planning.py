"""Checking a request to re-encrypt, and saying what it would do. Reads only."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from jobs.errors import BadRequest, Unavailable
from jobs.kinds.base import Plan
from jobs.kinds.reencryption.deciding import MODES, REWRAP, REWRITE, SEALED, Aim, Way
from jobs.kinds.reencryption.ground import aim_of
from jobs.kinds.reencryption.tally import Tally
from proxy.errors import ServiceUnavailable
from proxy.records import BucketRecord
from proxy.resealing import Resealing
from proxy.store import Store

ENTRIES = 1000
PATIENCE_S = 2.0
"""How long a preview counts."""

Clock = Callable[[], float]


def read_mode(params: Mapping[str, Any]) -> str:
    """What is asked for, "" for no more than is needed. Raises BadRequest."""
    unknown = sorted(set(params) - {"mode"})
    if unknown:
        raise BadRequest(f"A re-encryption has no parameter {unknown[0]}.", parameter=unknown[0])
    mode = params.get("mode") or ""
    if mode and mode not in MODES:
        raise BadRequest(f"mode must be one of: {', '.join(MODES)}.", parameter="mode")
    return str(mode)


def plan(bucket: BucketRecord, params: Mapping[str, Any]) -> Plan:
    """Raises BadRequest, Unavailable."""
    asked = read_mode(params)
    try:
        resealing = Resealing.at(bucket.route)
        resealing.backend.check()
    except ServiceUnavailable as error:
        raise Unavailable(error.message) from error
    return Plan(
        name=f"re-encrypt {bucket.name}: {asked or resealing.mode}",
        spec={"mode": asked},
        look=lambda: preview(bucket, resealing, asked),
    )


def preview(
    bucket: BucketRecord,
    resealing: Resealing,
    asked: str,
    patience_s: float = PATIENCE_S,
    clock: Clock = time.monotonic,
) -> dict[str, Any]:
    """What would be done. Without `exact` there is at least so much of everything."""
    aim = aim_of(bucket, resealing, asked)
    tally, exact = _counted(Store.at(bucket.route), aim, patience_s, clock)
    return {
        "bucket": bucket.name,
        "backend": bucket.route.backend,
        "mode": aim.mode,
        "asked": asked,
        **tally.told(),
        "objects": tally.objects,
        "bytes": tally.bytes_moved,
        "exact": exact,
        "writes_pause": True,
        "notes": notes(bucket.name, aim, tally),
    }


def _counted(store: Store, aim: Aim, patience_s: float, clock: Clock) -> tuple[Tally, bool]:
    tally, until, after = Tally(), clock() + patience_s, ("", "")
    while True:
        listing = store.backend.list_seals(store.place, after=after, limit=ENTRIES)
        tally.add(listing.entries, aim)
        if listing.last is None:
            break
        if clock() > until:
            return tally, False
        after = listing.last
    tally.add_uploads(store.list_uploads(limit=ENTRIES).uploads, aim)
    return tally, True


def notes(name: str, aim: Aim, tally: Tally) -> list[str]:
    """What an operator should know before it begins. Pure."""
    left = sum(tally.uploads.get(each, 0) for each in (Way.REWRITE, Way.OTHER))
    rewritten, customer = tally.of(Way.REWRITE), tally.of(Way.CUSTOMER)
    told = [
        (True, f"Writes to {name} are answered 503 SlowDown until the job is done; reads go on."),
        (aim.mode == SEALED, "The bucket's keys are wrapped by the newest key of the ring: one record each."),
        (
            tally.of(Way.REWRAP).objects > 0,
            f"{tally.of(Way.REWRAP).objects} versions get a new wrap; their bodies stay.",
        ),
        (rewritten.objects > 0, f"{rewritten.objects} versions are read and written again."),
        (
            customer.objects > 0,
            f"{customer.objects} versions are sealed with a client's own key: only the client can change"
            " that.",
        ),
        (
            tally.of(Way.FIXED).objects > 0,
            f"{tally.of(Way.FIXED).objects} older or locked versions stay as they are: the service of this"
            " backend lets nobody replace them.",
        ),
        (
            tally.of(Way.OTHER).objects > 0,
            f"{tally.of(Way.OTHER).objects} versions are in another mode than {aim.mode} and stay so:"
            f" {REWRAP} writes no body, {REWRITE} does.",
        ),
        (left > 0, f"{left} open uploads stay encrypted as they were begun, and are named at the end."),
    ]
    return [text for applies, text in told if applies]
