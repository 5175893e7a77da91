"""Which places a target already holds, and which of them serve a bucket."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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


def leftovers(backend_name: str, bucket: str, but: Place | None = None) -> list[Leftover]:
    """What the backend holds under a real bucket's name and no bucket uses, empty places apart.

    `but` is not counted. Raises BackendUnavailable.
    """
    backend = routes.backend(backend_name)
    found = []
    for place in backend.places(bucket):
        route = Route(backend_name, place)
        if place == but or in_use(route):
            continue
        usage = backend.usage(place)
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
    )


def not_empty(backend_name: str, bucket: str, held: Usage) -> str:
    """Why a migration to this target is refused."""
    return (
        f"The backend {backend_name} already holds {held.keys} keys, {held.versions} versions and"
        f" {held.uploads} uploads under the name {bucket}, which no bucket uses."
        " With replace_target they are removed after the move."
    )
