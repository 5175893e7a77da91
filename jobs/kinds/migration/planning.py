"""Checking a request to migrate, and saying what it would do. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from jobs.errors import BadRequest, TargetNotEmpty, Unavailable
from jobs.kinds.base import Plan
from jobs.kinds.migration import places
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


def read_wish(params: Mapping[str, Any]) -> Wish:
    """Raises BadRequest for what is missing, unknown or of the wrong type."""
    unknown = sorted(set(params) - {"target_backend", *_FLAGS})
    if unknown:
        raise BadRequest(f"A migration has no parameter {unknown[0]}.", parameter=unknown[0])
    target = params.get("target_backend")
    if not isinstance(target, str) or not target:
        raise BadRequest("target_backend must name a backend.", parameter="target_backend")
    for name in _FLAGS:
        if not isinstance(params.get(name, False), bool):
            raise BadRequest(f"{name} must be true or false.", parameter=name)
    return Wish(target, *(params.get(name, False) for name in _FLAGS))


def plan(bucket: BucketRecord, params: Mapping[str, Any]) -> Plan:
    """Raises BadRequest, Unavailable, TargetNotEmpty (with `keys`, `versions`, `uploads`)."""
    wish = read_wish(params)
    _check_target(bucket, wish)
    try:
        routes.backend(wish.target_backend).check()
        held = Store.at(bucket.route).usage()
        found = places.leftovers(wish.target_backend, _target_name(bucket))
    except ServiceUnavailable as error:
        raise Unavailable(error.message) from error
    gone = places.together(found)
    if found and not wish.replace_target:
        raise TargetNotEmpty(
            places.not_empty(wish.target_backend, _target_name(bucket), gone),
            keys=gone.keys, versions=gone.versions, uploads=gone.uploads,
        )  # fmt: skip
    return Plan(
        name=f"migrate {bucket.name}: {bucket.route.backend} -> {wish.target_backend}",
        spec={**asdict(wish), "source_backend": bucket.route.backend},
        preview=_preview(bucket, wish, held, gone),
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


def _preview(bucket: BucketRecord, wish: Wish, held: Usage, gone: Usage) -> dict[str, Any]:
    return {
        "bucket": bucket.name,
        "from_backend": bucket.route.backend,
        "to_backend": wish.target_backend,
        "objects": held.keys,
        "bytes": held.size,
        "uploads": held.uploads,
        "delete_source": wish.delete_source,
        "replaces": _shown(gone),
        "writes_pause": True,
        "notes": _notes(bucket, wish, gone),
    }


def _shown(usage: Usage) -> dict[str, int]:
    return {
        "objects": usage.keys,
        "versions": usage.versions,
        "uploads": usage.uploads,
        "bytes": usage.size,
    }


def _notes(bucket: BucketRecord, wish: Wish, gone: Usage) -> list[str]:
    notes = [
        f"Writes to {bucket.name} are answered 503 SlowDown until the move is done; reads go on.",
    ]
    if not gone.empty:
        notes.append(
            f"After the move {gone.keys} keys, {gone.versions} versions and {gone.uploads} uploads that"
            f" {wish.target_backend} still holds under this name are removed."
        )
    if wish.delete_source:
        notes.append(f"After the move what the bucket held on {bucket.route.backend} is deleted.")
    else:
        notes.append(f"What the bucket holds on {bucket.route.backend} stays there, out of clients' sight.")
    return notes
