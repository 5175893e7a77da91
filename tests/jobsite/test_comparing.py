"""Where buckets are said to be, against what the backends show: each difference has a line, nothing else."""

from __future__ import annotations

import pytest

from jobsite.backup.comparing import FoundBackend, FoundPlace, differences
from jobsite.backup.manifest import RouteRow

PHOTOS = RouteRow("photos", "id1", "local", "photos", "aa")
KNOWN = {"local": "p1"}


def _told(found: dict[str, FoundBackend], *routes: RouteRow, known: dict[str, str] = KNOWN) -> list[str]:
    return list(differences(list(routes), known, found))


def _local(**places: FoundPlace) -> dict[str, FoundBackend]:
    named = {("photos", incarnation): place for incarnation, place in places.items()}
    return {"local": FoundBackend("p1", places=named)}


def test_what_is_where_it_should_be_is_not_mentioned() -> None:
    assert _told(_local(aa=FoundPlace("id1")), PHOTOS) == []


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({}, "photos: its backend local is not configured"),
        (_local(), "photos: its place local/photos~aa is missing"),
        (
            _local(bb=FoundPlace("id1")),
            "photos: its place local/photos~aa is missing; there is another incarnation: bb",
        ),
        (
            _local(aa=FoundPlace("id9")),
            "photos: its place local/photos~aa belongs to another bucket (id9)",
        ),
        (
            _local(aa=FoundPlace("id1", opens=False)),
            "photos: the index of local/photos~aa is missing or does not open; there is no copy",
        ),
        (
            _local(aa=FoundPlace("id1", opens=False, copies=("/copy",))),
            "photos: the index of local/photos~aa is missing or does not open; `restore --index photos` "
            "can put back /copy",
        ),
    ],
)
def test_each_way_to_differ_is_told(found: dict[str, FoundBackend], expected: str) -> None:
    assert _told(found, PHOTOS)[0] == expected


def test_a_place_that_no_bucket_is_routed_to_is_told() -> None:
    found = _local(aa=FoundPlace("id1"), bb=FoundPlace("id1"))
    assert _told(found, PHOTOS) == ["local/photos~bb: no bucket is routed to this place"]
    partial = {"local": FoundBackend("p1", places=found["local"].places, whole=False)}
    assert _told(partial, PHOTOS) == [], "where not all places are known, none is called unneeded"


def test_a_backend_that_is_elsewhere_or_away_is_told_once_and_not_for_each_bucket() -> None:
    other = {"local": FoundBackend("p2")}
    assert _told(other, PHOTOS) == ["backend local is another place than the one that is known by its name"]
    away = {"local": FoundBackend("", "no disk")}
    assert _told(away, PHOTOS) == ["backend local cannot be asked: no disk"]
    assert _told(away, known={}) == [], "it was never used"
