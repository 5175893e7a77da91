"""Looking at some objects of a bucket before a migration: how each could get to the target."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from jobs.kinds.migration.forecasting import Group, Sealing, Way
from proxy.backends.base import Backend, ObjectReader
from proxy.crypto.wraps import CUSTOMER, name_of
from proxy.errors import S3Error, ServiceUnavailable
from proxy.store import Store

PAGES_LOOKED_AT = 5


@dataclass(slots=True)
class _Sized:
    """Objects whose sizes have the same number of binary digits; `first` is the key of one."""

    first: str
    objects: int = 0
    size: int = 0


def groups(source: Store, target: Backend, seals: bool) -> Iterator[Group]:
    """The bucket's first objects by size; `seals`: the target's configuration encrypts new bodies here.

    Of each group one object is opened. Raises BackendUnavailable.
    """
    for sized in _sized(source).values():
        way, sealing = _judged(source, target, sized.first, seals)
        yield Group(sized.objects, sized.size, way, sealing)


def _sized(source: Store) -> dict[int, _Sized]:
    found: dict[int, _Sized] = {}
    after = ""
    for _ in range(PAGES_LOOKED_AT):
        listing = source.list(after=after)
        for info in listing.objects:
            group = found.setdefault(info.size.bit_length(), _Sized(info.key))
            group.objects += 1
            group.size += info.size
        if listing.last is None:
            break
        after = listing.last
    return found


def _judged(source: Store, target: Backend, key: str, seals: bool) -> tuple[Way, Sealing]:
    try:
        reader = source.open(key)
    except ServiceUnavailable:
        raise
    except S3Error:  # (it is gone by now, or cannot be opened: then the copy will tell)
        return Way.STREAMED, Sealing.PLAIN
    with reader:
        sealing = _sealing(reader, seals)
        if not target.can_link(reader):
            return Way.STREAMED, sealing
        return (Way.LINKED if target.counts_changes else Way.SERVER_SIDE), sealing


def _sealing(reader: ObjectReader, seals: bool) -> Sealing:
    seal = reader.info.seal
    if seal is None:
        return Sealing.ANEW if seals else Sealing.PLAIN
    return Sealing.KEPT if seals or name_of(seal.wrap).kind == CUSTOMER else Sealing.OPENED
