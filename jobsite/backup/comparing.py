"""Routes against what is on the backends: pure, once `looking` has found that out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from jobsite.backup.manifest import RouteRow


@dataclass(frozen=True, slots=True)
class FoundPlace:
    """One place that is there; `opens`: its index does. `copies`: what could be put back for it."""

    bucket_id: str
    opens: bool = True
    copies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FoundBackend:
    """What a backend shows. `place_id`: "" if it cannot be asked, and `why` says why.

    `places` by (real bucket, incarnation). `whole`: these are all that there are.
    """

    place_id: str
    why: str = ""
    places: Mapping[tuple[str, str], FoundPlace] = field(default_factory=dict)
    whole: bool = True


def differences(
    routes: list[RouteRow], known: Mapping[str, str], found: Mapping[str, FoundBackend]
) -> Iterator[str]:
    """One line for each thing that is not where the control database says. `known`: backend -> place id."""
    named = {(route.backend, route.real_bucket, route.incarnation) for route in routes}
    usable = {
        name: backend
        for name, backend in found.items()
        if backend.place_id and backend.place_id == known.get(name, backend.place_id)
    }
    for name, backend in found.items():
        if name not in usable and name in known:  # (else it was never used)
            yield f"backend {name} " + (
                "is another place than the one that is known by its name"
                if backend.place_id
                else f"cannot be asked: {backend.why}"
            )
    for route in routes:
        if route.backend not in found:
            yield f"{route.bucket}: its backend {route.backend} is not configured"
        elif route.backend in usable:
            yield from _of_route(route, usable[route.backend])
    for name, backend in usable.items():
        for real_bucket, incarnation in sorted(backend.places if backend.whole else ()):
            if (name, real_bucket, incarnation) not in named:
                yield f"{name}/{real_bucket}~{incarnation}: no bucket is routed to this place"


def _of_route(route: RouteRow, backend: FoundBackend) -> Iterator[str]:
    place = backend.places.get((route.real_bucket, route.incarnation))
    where = f"{route.backend}/{route.folder}"
    if place is None:
        others = sorted(other for bucket, other in backend.places if bucket == route.real_bucket)
        yield f"{route.bucket}: its place {where} is missing" + (
            f"; there is another incarnation: {', '.join(others)}" if others else ""
        )
    elif place.bucket_id != route.bucket_id:
        yield f"{route.bucket}: its place {where} belongs to another bucket ({place.bucket_id})"
    elif not place.opens:
        copies = ", ".join(place.copies)
        yield f"{route.bucket}: the index of {where} is missing or does not open" + (
            f"; `restore --index {route.bucket}` can put back {copies}" if copies else "; there is no copy"
        )
