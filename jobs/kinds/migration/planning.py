"""Checking a request to migrate, and saying what it would do. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from jobs.errors import BadRequest, Unavailable
from jobs.kinds.base import Plan
from jobs.kinds.migration import keeping, places
from jobs.kinds.migration.keeping import DROPS, Loss
from proxy import routes
from proxy.backends.values import Usage
from proxy.errors import ServiceUnavailable
from proxy.records import BucketRecord
from proxy.store import Store

_FLAGS = ("delete_source", "replace_target")


@dataclass(frozen=True, slots=True)
class Wish:
    """What an operator may ask of a migration."""

    target_backend: str
    delete_source: bool = False
    replace_target: bool = False
    drop: tuple[str, ...] = ()

    def spec(self) -> dict[str, Any]:
        """As a job keeps it: plain JSON."""
        return {**asdict(self), "drop": list(self.drop)}


def read_wish(params: Mapping[str, Any]) -> Wish:
    """Raises BadRequest for what is missing, unknown or of the wrong type."""
    unknown = sorted(set(params) - {"target_backend", "drop", *_FLAGS})
    if unknown:
        raise BadRequest(f"A migration has no parameter {unknown[0]}.", parameter=unknown[0])
    target = params.get("target_backend")
    if not isinstance(target, str) or not target:
        raise BadRequest("target_backend must name a backend.", parameter="target_backend")
    for name in _FLAGS:
        if not isinstance(params.get(name, False), bool):
            raise BadRequest(f"{name} must be true or false.", parameter=name)
    flags = {name: params.get(name, False) for name in _FLAGS}
    return Wish(target, **flags, drop=_read_drop(params.get("drop", ())))


def _read_drop(given: Any) -> tuple[str, ...]:
    if not isinstance(given, list | tuple) or not all(each in DROPS for each in given):
        raise BadRequest(f"drop must be a list of: {', '.join(DROPS)}.", parameter="drop")
    return tuple(each for each in DROPS if each in given)


def plan(bucket: BucketRecord, params: Mapping[str, Any]) -> Plan:
    """Raises BadRequest, Unavailable, TargetNotEmpty, TargetLocked, TargetCannotKeep (with counts)."""
    wish = read_wish(params)
    _check_target(bucket, wish)
    try:
        target = routes.backend(wish.target_backend)
        target.check()
        source = Store.at(bucket.route)
        held = source.usage()
        lost = keeping.check(source, held, bucket.settings, target, wish.drop)
        found = places.leftovers(wish.target_backend, _target_name(bucket))
    except ServiceUnavailable as error:
        raise Unavailable(error.message) from error
    gone = places.check(wish.target_backend, _target_name(bucket), found, replace=wish.replace_target)
    return Plan(
        name=f"migrate {bucket.name}: {bucket.route.backend} -> {wish.target_backend}",
        spec={**wish.spec(), "source_backend": bucket.route.backend},
        preview=_preview(bucket, wish, held, lost, gone),
    )


def _check_target(bucket: BucketRecord, wish: Wish) -> None:
    source, target = bucket.route.backend, wish.target_backend
    if target not in routes.backend_names():
        names = list(routes.backend_names())
        raise BadRequest(f"There is no backend {target}.", parameter="target_backend", backends=names)
    if target == source:
        raise BadRequest(f"{bucket.name} is on {target} already.", parameter="target_backend")
    try:
        same = routes.place_id(target) == routes.place_id(source)
    except ServiceUnavailable as error:
        raise Unavailable(error.message) from error
    if same:
        raise BadRequest(
            f"{target} and {source} are two names of one place; there is nothing to move.",
            parameter="target_backend",
        )


def _target_name(bucket: BucketRecord) -> str:
    return routes.new_place(bucket.id, bucket.name).bucket


def _preview(bucket: BucketRecord, wish: Wish, held: Usage, lost: Loss, gone: Usage) -> dict[str, Any]:
    return {
        "bucket": bucket.name,
        "from_backend": bucket.route.backend,
        "to_backend": wish.target_backend,
        "objects": held.keys,
        "bytes": held.size,
        "versions": held.versions,
        "versions_bytes": held.versions_size,
        "locked": held.locked,
        "uploads": held.uploads,
        "dropped": lost.counts(),
        "delete_source": wish.delete_source,
        "replaces": _shown(gone),
        "writes_pause": True,
        "notes": _notes(bucket, wish, held, lost, gone),
    }


def _shown(usage: Usage) -> dict[str, int]:
    return {
        "objects": usage.keys,
        "versions": usage.versions,
        "uploads": usage.uploads,
        "bytes": usage.size + usage.versions_size,
    }


def _notes(bucket: BucketRecord, wish: Wish, held: Usage, lost: Loss, gone: Usage) -> list[str]:
    source, target = bucket.route.backend, wish.target_backend
    notes = [
        (True, f"Writes to {bucket.name} are answered 503 SlowDown until the move is done; reads go on."),
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
            f"After the move {gone.keys} keys, {gone.versions} versions and {gone.uploads} uploads that"
            f" {target} still holds under this name are removed.",
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
