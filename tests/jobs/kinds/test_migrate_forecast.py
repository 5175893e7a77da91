"""What a preview says of ways, seals and the pause: the arithmetic, and what is looked at."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from jobs import units
from jobs.kinds import KINDS
from jobs.kinds.migration.forecasting import Group, Sealing, Way, forecast
from proxy import routes
from proxy.records import find_bucket
from proxy.store import Store
from tests.jobs.kinds.conftest import storage
from tests.jobs.kinds.migrating import filled_bucket
from tests.jobs.kinds.services import services  # noqa: F401
from tests.jobs.kinds.world import KIB, make_bucket, noise, put

GROUPS = [
    Group(100, 1000, Way.STREAMED, Sealing.PLAIN),
    Group(50, 9000, Way.LINKED, Sealing.KEPT),
    Group(50, 0, Way.LINKED, Sealing.ANEW),
]
LOCAL = {"from_service": False, "to_service": False}


def test_figures_by_way_add_up_to_what_is_held() -> None:
    ahead = forecast(GROUPS, 200, 10_000, **LOCAL)
    assert ahead.ways == {Way.STREAMED: (100, 1000), Way.LINKED: (100, 9000)}
    assert ahead.sealing == {Sealing.PLAIN: 100, Sealing.KEPT: 50, Sealing.ANEW: 50}


def test_a_larger_bucket_is_taken_to_be_like_its_beginning() -> None:
    ahead = forecast(GROUPS, 2000, 50_000, **LOCAL)
    assert ahead.ways == {Way.STREAMED: (1000, 5000), Way.LINKED: (1000, 45_000)}


def test_an_empty_bucket_takes_no_time() -> None:
    ahead = forecast([], 0, 0, from_service=True, to_service=True)
    assert (dict(ahead.ways), ahead.pause_s) == ({}, 0)


@pytest.mark.parametrize(
    ("slower", "faster"),
    [
        ((Way.STREAMED, False, False), (Way.LINKED, False, False)),
        ((Way.STREAMED, False, True), (Way.STREAMED, False, False)),
        ((Way.STREAMED, True, True), (Way.STREAMED, True, False)),
        ((Way.STREAMED, True, True), (Way.SERVER_SIDE, True, True)),
    ],
)
def test_each_service_on_the_way_costs_time(slower: Any, faster: Any) -> None:
    def pause(way: Way, from_service: bool, to_service: bool) -> float:
        group = Group(1000, 10**9, way, Sealing.PLAIN)
        return forecast([group], 1000, 10**9, from_service=from_service, to_service=to_service).pause_s

    assert pause(*slower) > pause(*faster)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "10 seconds"), (31, "40 seconds"), (61, "2 minutes"), (7200, "120 minutes"), (7201, "3 hours"),
     (200_000, "3 days")],
)  # fmt: skip
def test_an_estimate_is_told_roughly_and_never_too_short(seconds: float, text: str) -> None:
    assert units.about(seconds) == text


def _preview() -> Any:
    return KINDS["migrate"].plan(find_bucket("photos"), {"target_backend": "there"}).preview


def test_between_directories_of_one_file_system_large_bodies_are_linked(
    settings: Any, tmp_path: Path, db: None
) -> None:
    settings.STORAGE = storage("filesystem", "filesystem", tmp_path)
    store = Store.at(make_bucket().route)
    put(store, "small", b"x")
    put(store, "large", noise(1, 400 * KIB))
    shown = _preview()
    assert shown["ways"] == {
        "streamed": {"objects": 1, "bytes": 1},
        "linked": {"objects": 1, "bytes": 400 * KIB},
    }
    assert shown["sealing"] == {"plain": 2}
    assert any("one file system" in note for note in shown["notes"])


@pytest.mark.usefixtures("services")
def test_a_service_that_copies_by_itself_is_told_apart(
    settings: Any,
    tmp_path: Path,
    db: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.STORAGE = storage("service", "service", tmp_path)
    filled_bucket()
    monkeypatch.setattr(routes.backend("there"), "can_link", lambda reader: True)
    shown = _preview()
    assert list(shown["ways"]) == ["server_side"]
    assert shown["ways"]["server_side"]["objects"] == shown["objects"]
    assert any(units.about(shown["pause_s"]) in note for note in shown["notes"])


def test_the_estimate_is_told_as_a_lower_bound_where_counting_took_too_long(
    settings: Any, tmp_path: Path, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.STORAGE = storage("memory", "memory", tmp_path)
    filled_bucket()
    here = routes.backend("here")
    counted = here.usage
    asked: list[float | None] = []

    def usage(place: Any, patience_s: float | None = None) -> Any:
        asked.append(patience_s)
        return dataclasses.replace(counted(place), exact=False)

    monkeypatch.setattr(here, "usage", usage)
    shown = _preview()
    assert shown["exact"] is False
    assert any("at least about" in note for note in shown["notes"])
    assert asked and None not in asked
