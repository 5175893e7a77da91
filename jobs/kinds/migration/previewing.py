"""What a preview of a migration says: the figures of a checked request, and what follows from them. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from jobs import units
from jobs.kinds.migration.forecasting import Forecast, Sealing, Way
from jobs.kinds.migration.keeping import Loss
from jobs.kinds.migration.wishes import Wish
from proxy.backends.values import Usage
from proxy.records import BucketRecord


@dataclass(frozen=True, slots=True)
class Findings:
    """What planning found out. `gone` is what the target holds and would lose: `before` the move or after."""

    bucket: BucketRecord
    wish: Wish
    held: Usage
    lost: Loss
    gone: Usage
    ahead: Forecast
    before: bool = False
    traceless: str | None = None
    """Why it cannot be copied while clients write."""

    @property
    def pause_s(self) -> float:
        """How long writes pause the way that was asked for."""
        return self.ahead.precopied_s if self.wish.precopy else self.ahead.pause_s


def preview(found: Findings) -> dict[str, Any]:
    """As the API answers it; `pause_s` is an estimate, without `exact` the counts are a lower bound."""
    held, wish = found.held, found.wish
    return {
        "bucket": found.bucket.name,
        "from_backend": found.bucket.route.backend,
        "to_backend": wish.target_backend,
        "objects": held.keys,
        "bytes": held.size,
        "versions": held.versions,
        "versions_bytes": held.versions_size,
        "locked": held.locked,
        "uploads": held.uploads,
        "exact": held.exact,
        "ways": {
            way.value: {"objects": objects, "bytes": size}
            for way, (objects, size) in found.ahead.ways.items()
        },
        "sealing": {sealing.value: objects for sealing, objects in found.ahead.sealing.items()},
        "pause_s": round(found.pause_s),
        "pause_s_default": round(found.ahead.pause_s),
        **({} if found.traceless else {"pause_s_precopy": round(found.ahead.precopied_s)}),
        "precopy": wish.precopy,
        "dropped": found.lost.counts(),
        "delete_source": wish.delete_source,
        "replaces": _shown(found.gone),
        "writes_pause": True,
        "notes": [*_pausing(found), *_notes(found)],
    }


def _shown(usage: Usage) -> dict[str, int]:
    return {
        "objects": usage.keys,
        "versions": usage.versions,
        "uploads": usage.uploads,
        "bytes": usage.size + usage.versions_size,
    }


_WAYS = {
    Way.LINKED: "Linked, since both backends are on one file system",
    Way.SERVER_SIDE: "Copied by the service itself, not through this gateway",
    Way.STREAMED: "Read here and written there",
}
_SEALING = {
    Sealing.KEPT: "Encrypted, and moved as they are under a new wrap",
    Sealing.ANEW: "Encrypted anew, as the target is configured",
    Sealing.OPENED: "Opened, since this gateway encrypts nothing on the target",
}


def _pausing(found: Findings) -> Iterator[str]:
    """How long writes pause, from what that follows, and by which way the bytes go."""
    ahead = found.ahead
    yield from _precopied(found) if found.wish.precopy else _gated(found)
    if not found.held.exact:
        yield "The bucket is large and was not counted to its end: all figures are lower bounds."
    for way, (objects, size) in ahead.ways.items():
        if objects:
            yield f"{_WAYS[way]}: about {units.counted(objects, 'object')}, {units.binary(size)}."
    for sealing, objects in ahead.sealing.items():
        if objects and sealing in _SEALING:
            yield f"{_SEALING[sealing]}: about {units.counted(objects, 'object')}."


def _least(found: Findings) -> str:
    return "" if found.held.exact else "at least "


def _gated(found: Findings) -> Iterator[str]:
    """Of a move whose gate is closed from the start, and what the other way would be."""
    name, ahead = found.bucket.name, found.ahead
    yield (
        f"Writes to {name} are answered 503 SlowDown until the move is done, for {_least(found)}about"
        f" {units.about(ahead.pause_s)}; reads go on. That is an estimate from cautious rates for each way,"
        " and includes the verification, which reads every byte again."
    )
    if found.traceless:
        yield f"It cannot be copied while clients write. {found.traceless}"
    else:
        yield (
            f"Copied while clients write (precopy), writes would pause for {_least(found)}about"
            f" {units.about(ahead.precopied_s)}."
        )


def _precopied(found: Findings) -> Iterator[str]:
    name, ahead = found.bucket.name, found.ahead
    yield (
        f"The bucket is copied and every byte read again while clients write, for {_least(found)}about"
        f" {units.about(ahead.pause_s)}. Then writes to {name} are answered 503 SlowDown for"
        f" {_least(found)}about {units.about(ahead.precopied_s)}: what changed last is copied, and both sides"
        " are compared. Reads go on. These are estimates from cautious rates."
    )
    yield f"Without precopy, writes would pause for {_least(found)}about {units.about(ahead.pause_s)}."


def _notes(found: Findings) -> list[str]:
    wish, held, lost, gone = found.wish, found.held, found.lost, found.gone
    source, target = found.bucket.route.backend, wish.target_backend
    notes = [
        (
            held.versions > lost.versions,
            f"{held.versions} older versions and delete markers move too, with their ids and their order.",
        ),
        (
            lost.history > 0,
            f"{lost.versions} older versions and delete markers do not move, and {lost.version_ids} current"
            f" objects lose their version id: {target} cannot keep them.",
        ),
        (
            lost.uploads > 0,
            f"{lost.uploads} open uploads do not move: their parts cannot be carried over to {target}.",
        ),
        (
            not gone.empty,
            f"{'Before' if found.before else 'After'} the move {gone.keys} keys, {gone.versions} versions and"
            f" {gone.uploads} uploads that {target} still holds under this name are removed.",
        ),
        (wish.delete_source, f"After the move what the bucket held on {source} is deleted."),
        (
            wish.delete_source and held.locked > 0,
            f"{held.locked} locked versions move too; those on {source} stay there until their locks end.",
        ),
        (
            not wish.delete_source,
            f"What the bucket holds on {source} stays there, out of clients' sight.",
        ),
    ]
    return [text for applies, text in notes if applies]
