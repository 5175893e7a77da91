"""Which places a target already holds, and which of them serve a bucket."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jobs.errors import TargetForeign, TargetLocked, TargetNotEmpty
from proxy import routes
from proxy.backends.values import Place, Route, Usage
from proxy.models import Bucket


@dataclass(frozen=True, slots=True)
class Leftover:
    """A place that no bucket uses and that holds something."""

    route: Route
    usage: Usage


def in_use(route: Route) -> bool:
    """Whether a bucket is served from this place, by whatever backend name."""
    place = route.place
    return Bucket.objects.filter(
        place_id=routes.place_id(route.backend), real_bucket=place.bucket, incarnation=place.incarnation
    ).exists()


PATIENCE_S = 5.0
"""How long the leftovers of one place are counted."""


def leftovers(backend_name: str, bucket: str, but: Place | None = None) -> list[Leftover]:
    """What the backend holds under a real bucket's name and no bucket uses, empty places apart.

    `but` is not counted. Raises BackendUnavailable, and TargetForeign where it holds what is not ours.
    """
    backend = routes.backend(backend_name)
    found = []
    for place in backend.places(bucket):
        route = Route(backend_name, place)
        if not backend.owns(place):
            raise TargetForeign(_foreign(backend_name, bucket))
        if place == but or in_use(route):
            continue
        usage = backend.usage(place, PATIENCE_S)
        if not usage.empty:
            found.append(Leftover(route, usage))
    return found


def together(found: Sequence[Leftover]) -> Usage:
    """What the leftovers hold in all."""
    return Usage(
        keys=sum(each.usage.keys for each in found),
        versions=sum(each.usage.versions for each in found),
        uploads=sum(each.usage.uploads for each in found),
        size=sum(each.usage.size for each in found),
        versions_size=sum(each.usage.versions_size for each in found),
        locked=sum(each.usage.locked for each in found),
        exact=all(each.usage.exact for each in found),
    )


def check(backend_name: str, bucket: str, found: Sequence[Leftover], *, replace: bool) -> Usage:
    """What the leftovers hold in all. Raises TargetNotEmpty and TargetLocked, with counts."""
    held = together(found)
    counts = {"keys": held.keys, "versions": held.versions, "uploads": held.uploads}
    if held.locked:
        raise TargetLocked(_locked(backend_name, bucket, held), **counts, locked=held.locked)
    if found and not replace:
        raise TargetNotEmpty(_not_empty(backend_name, bucket, held), **counts)
    return held


def _locked(backend_name: str, bucket: str, held: Usage) -> str:
    return (
        f"The backend {backend_name} still holds {held.locked} locked versions under the name {bucket}."
        " Nothing may remove them before their retention or legal hold ends."
    )


def _foreign(backend_name: str, bucket: str) -> str:
    return (
        f"The real bucket {bucket} on {backend_name} is not this gateway's and is not empty. A migration"
        " moves into an empty bucket only: give it an alias there, or adopt what is there under another name."
    )


def _not_empty(backend_name: str, bucket: str, held: Usage) -> str:
    return (
        f"The backend {backend_name} already holds {held.keys} keys, {held.versions} versions and"
        f" {held.uploads} uploads under the name {bucket}, which no bucket uses."
        " With replace_target they are removed."
    )
