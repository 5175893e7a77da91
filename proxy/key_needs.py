"""What needs which encryption key: the keys of rings, the bucket keys, and the objects that those seal."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from proxy import routes
from proxy.backends.base import Backend
from proxy.backends.values import Place
from proxy.bucket_keys import BucketKeys
from proxy.control import by_vendor, read
from proxy.crypto.wraps import CUSTOMER, WrapName, name_of
from proxy.errors import S3Error
from proxy.key_records import KeyRecord
from proxy.rings import KnownKey, known_keys, ring_of

NEWEST, OLDER, RETIRED, MISSING, REMOVED = "newest", "older", "retired", "missing", "removed"
"""What a key of a ring is: it seals; it only opens; nothing may need it any more; something needs it and
it is not on the ring; nothing needs it and it is not on the ring."""

_BUCKETS = by_vendor("SELECT id, name, backend, real_bucket, incarnation FROM proxy_bucket ORDER BY name")
_RECORDED = by_vendor(
    "SELECT k.ring_key_id, b.name, count(*) FROM proxy_bucketkey k JOIN proxy_bucket b ON b.id = k.bucket_id"
    " WHERE k.backend = %s GROUP BY k.ring_key_id, b.name ORDER BY k.ring_key_id, b.name"
)
_WITH_KEYS = by_vendor("SELECT DISTINCT bucket_id FROM proxy_bucketkey WHERE backend = %s ORDER BY bucket_id")

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class RecordState:
    """One bucket key: what it seals (versions and open uploads), and why it cannot be opened, if so."""

    record: KeyRecord
    sealed: int
    problem: str


@dataclass(frozen=True, slots=True)
class BucketState:
    """A bucket's keys on one backend.

    `customer` counts what customers' keys seal; `lost` what is sealed by bucket keys of which there is no
    record. `copies_agree` says whether each of its places has the records as they are.
    """

    name: str
    records: tuple[RecordState, ...]
    customer: int
    lost: Mapping[str, int]
    copies_agree: bool


@dataclass(frozen=True, slots=True)
class Need:
    """What needs one key of a ring: bucket keys, by the buckets' names, and what those seal (None: not
    counted)."""

    bucket_keys: int = 0
    buckets: tuple[str, ...] = ()
    sealed: int | None = None

    def __str__(self) -> str:
        counted = "" if self.sealed is None else f" (versions and open uploads sealed: {self.sealed:,})"
        more = f" and {len(self.buckets) - _SHOWN:,} more" if len(self.buckets) > _SHOWN else ""
        keys = "1 bucket key" if self.bucket_keys == 1 else f"{self.bucket_keys:,} bucket keys"
        return f"{keys} of {', '.join(self.buckets[:_SHOWN])}{more}{counted}"


@dataclass(frozen=True, slots=True)
class KeyState:
    """A key of a backend's ring: there, or only `known` from before."""

    backend: str
    key_id: str
    state: str
    known: KnownKey | None
    need: Need


def survey(backend: str) -> list[BucketState]:
    """Every bucket that has keys on a backend, or is there; all of its places are counted through.

    Raises BackendUnavailable and what else the backend raises.
    """
    behind, keys = routes.backend(backend), _keys(backend)
    return [
        _state(bucket_id, name, places, keys, behind)
        for bucket_id, name, places in _buckets_at(backend, behind)
    ]


def refresh_copies(backend: str) -> None:
    """Bring the copies of bucket keys beside the objects up to date, and take over what only they have.

    Raises BackendUnavailable.
    """
    behind, keys = routes.backend(backend), _keys(backend)
    for _, _, places in _buckets_at(backend, behind):
        for place in places:
            keys.refresh_copy(place)


def needs(buckets: Iterable[BucketState]) -> dict[str, Need]:
    """What needs each key of the ring, by its id."""
    found: dict[str, Need] = {}
    for bucket in buckets:
        for state in bucket.records:
            key_id = state.record.ring_key_id
            found[key_id] = _more(found.get(key_id, Need()), bucket.name, 1, state.sealed)
    return found


def recorded_needs(backend: str) -> dict[str, Need]:
    """The same from the control database alone, without what is sealed; buckets that are gone count not."""
    found: dict[str, Need] = {}
    for key_id, bucket, count in read(_RECORDED, backend):
        found[key_id] = _more(found.get(key_id, Need()), bucket, count, None)
    return found


def key_states(backend: str, needed: Mapping[str, Need]) -> list[KeyState]:
    """Every key that is on a backend's ring, was on it, or is needed there."""
    on_ring = ring_of(backend).ids
    known = {key.key_id: key for key in known_keys() if key.backend == backend}
    return [
        KeyState(
            *(backend, key_id, _state_of_key(key_id, on_ring, known.get(key_id), needed)),
            *(known.get(key_id), needed.get(key_id, Need())),
        )
        for key_id in dict.fromkeys([*known, *needed, *on_ring])
    ]


def problems(bucket: BucketState) -> Iterator[str]:
    """Why something of a bucket cannot be read."""
    for state in bucket.records:
        if state.problem:
            yield f"bucket key {state.record.id}, which seals {state.sealed:,}: {state.problem}"
    for key_id, sealed in bucket.lost.items():
        yield f"bucket key {key_id}, which seals {sealed:,}: there is no record of it."


def gone_buckets(backend: str) -> set[str]:
    """The ids of buckets that have keys there and exist no more; so what those sealed is gone too."""
    return _buckets_with_keys(backend) - {row[0] for row in read(_BUCKETS)}


def _buckets_with_keys(backend: str) -> set[str]:
    return {str(row[0]) for row in read(_WITH_KEYS, backend)}


def _keys(backend: str) -> BucketKeys:
    notes = routes.backend(backend)
    return BucketKeys(backend, ring_of(backend), notes, lambda: time.time_ns() // 1_000_000)


def _buckets_at(backend: str, behind: Backend) -> Iterator[tuple[str, str, set[Place]]]:
    """(id, name, places) of each bucket that is there, or has keys there: it may have a second place while
    it is migrated, and for a while after."""
    with_keys = _buckets_with_keys(backend)
    for bucket_id, name, routed, real_bucket, incarnation in read(_BUCKETS):
        places = {Place(bucket_id, real_bucket, incarnation)} if routed == backend else set()
        if places or bucket_id in with_keys:
            found = (place for real in {name, real_bucket} for place in behind.places(real))
            yield bucket_id, name, places.union(place for place in found if place.bucket_id == bucket_id)


def _state(
    bucket_id: str, name: str, places: Iterable[Place], keys: BucketKeys, behind: Backend
) -> BucketState:
    sealed: Counter[WrapName] = Counter()
    for place in places:
        for sealed_by, count in behind.count_seals(place).items():
            sealed[name_of(sealed_by)] += count
    customer = sum(count for by, count in sealed.items() if by.kind == CUSTOMER)
    by_key = {by.key_id: count for by, count in sealed.items() if by.kind != CUSTOMER}
    records = keys.records(bucket_id)
    return BucketState(
        name,
        tuple(RecordState(record, by_key.pop(record.id, 0), _problem(keys, record)) for record in records),
        customer,
        by_key,
        not records or all(keys.copy_agrees(place) for place in places),
    )


def _problem(keys: BucketKeys, record: KeyRecord) -> str:
    try:
        keys.open_record(record)
    except S3Error as error:
        return error.message
    return ""


def _more(need: Need, bucket: str, records: int, sealed: int | None) -> Need:
    counted = need.sealed if sealed is None else (need.sealed or 0) + sealed
    return Need(need.bucket_keys + records, tuple(dict.fromkeys([*need.buckets, bucket])), counted)


def _state_of_key(
    key_id: str, on_ring: Sequence[str], known: KnownKey | None, needed: Mapping[str, Need]
) -> str:
    if key_id in on_ring:
        retired = known is not None and known.retired_ms is not None and key_id not in needed
        return RETIRED if retired else NEWEST if key_id == on_ring[-1] else OLDER
    if key_id in needed:
        return MISSING
    return RETIRED if known is not None and known.retired_ms is not None else REMOVED
