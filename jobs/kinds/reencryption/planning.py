"""Checking a request to re-encrypt, and saying what it would do. Reads only."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from jobs import units
from jobs.errors import BadRequest, Unavailable
from jobs.kinds.base import Plan
from jobs.kinds.reencryption.deciding import MODES, REWRAP, SEALED, Aim, Way
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

_NOTES = {
    Way.REWRAP: "Versions that get a new wrap, while their bodies stay",
    Way.REWRITE: "Versions that are read and written again",
    Way.CUSTOMER: "Versions sealed with a client's own key, which only that client can change",
    Way.FIXED: "Older or locked versions that stay, since the backend's service lets nobody replace them",
    Way.OTHER: f"Versions that stay in another mode than {{mode}}, since {REWRAP} moves no body",
}
"""What an operator should know of versions that take a way; what is right already needs no word."""


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
    told = [f"Writes to {name} are answered 503 SlowDown until the job is done; reads go on."]
    if aim.mode == SEALED:
        told.append("The bucket's keys are wrapped by the newest key of the ring: one record each.")
    told += [
        f"{text.format(mode=aim.mode)}: {units.grouped(tally.of(found).objects)}."
        for found, text in _NOTES.items()
        if tally.of(found).objects
    ]
    left = sum(tally.uploads.get(each, 0) for each in (Way.REWRITE, Way.OTHER))
    if left:
        told.append(
            f"Open uploads that stay as they were begun, and are named at the end: {units.grouped(left)}."
        )
    return told
