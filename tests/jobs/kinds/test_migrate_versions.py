"""Versions and delete markers move with their ids, their order and every fact about them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from jobs.kinds.base import Item, Page, Work
from jobs.kinds.migrate import Migrate
from proxy import routes
from proxy.backends.values import Deletion, ObjectInfo
from proxy.errors import MethodNotAllowed
from proxy.records import find_bucket
from proxy.store import Store
from tests.jobs.kinds.conftest import every_pair
from tests.jobs.kinds.driving import Killed
from tests.jobs.kinds.migrating import BIG_STEPS, SMALL_STEPS, job, versioned_bucket
from tests.jobs.kinds.world import (
    VERSIONS_FILLED,
    closed,
    contents,
    make_bucket,
    mark,
    put,
    versions,
)

pytestmark = pytest.mark.usefixtures("backends")


def _moved() -> Store:
    return Store.at(find_bucket("photos").route)


@every_pair
@pytest.mark.parametrize("limits", [SMALL_STEPS, BIG_STEPS], ids=["small steps", "big steps"])
def test_all_versions_and_markers_arrive_as_they_were(limits: Any) -> None:
    source = versioned_bucket()
    before = contents(source)
    assert len(before["history"]) == VERSIONS_FILLED + 1
    drive = job(limits=limits)
    drive.run()
    assert find_bucket("photos").route.backend == "there"
    assert contents(find_bucket("photos").route) == before
    assert contents(source) == before
    assert drive.saved.issues == []


class _Backwards(Migrate):
    """Every page in the order that is least like the one of its versions."""

    def page(self, work: Work, phase: str, token: str | None) -> Page:
        page = super().page(work, phase, token)
        return replace(page, items=list(reversed(page.items)))


def test_versions_may_arrive_in_any_order() -> None:
    before = contents(versioned_bucket())
    drive = job(limits=BIG_STEPS)
    drive.kind = _Backwards(BIG_STEPS)
    drive.run()
    assert contents(find_bucket("photos").route) == before


def test_progress_counts_every_version_and_marker_once() -> None:
    usage = Store.at(versioned_bucket()).usage()
    saved = job().run(until="verify")
    assert saved.processed == usage.keys + usage.versions == VERSIONS_FILLED + 1
    assert saved.bytes_done == usage.size + usage.versions_size


def test_what_is_written_after_the_flip_is_newer_than_all_that_moved() -> None:
    versioned_bucket()
    job().run()
    store = _moved()
    assert put(store, "kept", b"newest", version_id="v-9").latest
    mark(store, "in parts", "m-9")
    assert store.head("kept").version_id == "v-9"
    assert [info.version_id for info in versions(store) if info.key == "in parts"] == ["m-9", "p-2", "p-1"]


def test_removing_a_marker_after_the_flip_shows_what_was_behind_it() -> None:
    versioned_bucket()
    job().run()
    store = _moved()
    store.delete(Deletion("hidden", "m-3"))
    store.delete(Deletion("hidden", "m-2"))
    assert store.head("hidden").version_id == "h-4"


def test_delete_source_removes_every_version_and_marker() -> None:
    source = versioned_bucket()
    before = contents(source)
    saved = job(delete_source=True).run()
    assert source.place not in routes.backend("here").places("photos")
    assert saved.deleted == VERSIONS_FILLED + 1
    assert saved.issues == []
    assert contents(find_bucket("photos").route) == before


def test_a_version_that_was_written_behind_our_back_after_the_flip_stays_and_is_told() -> None:
    source = versioned_bucket()
    drive = job(delete_source=True)
    drive.run(until="cleanup")
    put(Store.at(source), "kept", b"late", version_id="late")
    drive.run()
    assert [info.version_id for info in versions(Store.at(source))] == ["late"]
    told = [(issue.code, issue.version_id) for issue in drive.saved.issues]
    assert told == [("WrittenAfterFlip", "late"), ("BucketNotEmpty", None)]


# -- one key with very many versions ---------------------------------------------------------

BATCHES, MARKERS = 50, 99
MANY = BATCHES * (MARKERS + 1)


@pytest.mark.parametrize("backends", [("filesystem", "filesystem")], indirect=True)
def test_one_key_with_thousands_of_versions_is_paged() -> None:
    bucket = make_bucket()
    store = Store.at(bucket.route)
    for batch in range(BATCHES):
        put(store, "often", b"x", version_id=f"v-{batch}")
        store.delete_all([Deletion("often", f"m-{batch}-{n}", marker=True) for n in range(MARKERS)])
    before = [info.version_id for info in versions(store)]
    closed(bucket)
    drive = job(limits=replace(BIG_STEPS, page_items=250), delete_source=True)
    pages: dict[str, int] = {}
    drive.happens = lambda event: (
        pages.update({drive.saved.phase: pages.get(drive.saved.phase, 0) + 1}) if event == "page" else None
    )
    drive.run()
    assert len(before) == MANY
    assert [info.version_id for info in versions(_moved())] == before
    assert pages["copy"] >= MANY / 250 and pages["verify"] >= MANY / 250
    assert drive.saved.deleted == MANY
    assert bucket.route.place not in routes.backend("here").places("photos")


def test_a_version_that_vanishes_behind_our_back_before_its_copy_is_passed_over() -> None:
    source = versioned_bucket()
    gone: list[ObjectInfo | None] = []

    def delete_one(event: str) -> None:
        if event == "effect begins" and not gone and drive.saved.phase == "copy":
            gone.append(Store.at(source).delete(Deletion("kept", "v-1")))

    drive = job(happens=delete_one)
    drive.run()
    assert gone
    assert contents(find_bucket("photos").route)["history"] == contents(source)["history"]


def test_a_marker_is_answered_as_one_on_the_target() -> None:
    versioned_bucket()
    job().run()
    with pytest.raises(MethodNotAllowed):
        _moved().head("kept", "m-1")


# -- killed anywhere ------------------------------------------------------------------------------


@pytest.mark.parametrize("backends", [("filesystem", "memory")], indirect=True)
def test_killed_at_each_boundary_in_turn_the_history_is_the_same() -> None:
    source = versioned_bucket()
    before = contents(source)
    lived_through: set[tuple[Any, ...]] = set()
    seen = 0

    def kill(event: str) -> None:
        nonlocal seen
        seen += 1
        boundary = (drive.saved.phase, drive.saved.token, event, seen)
        if event != "pulse" and boundary not in lived_through:
            lived_through.add(boundary)
            raise Killed

    drive = job(happens=kill, delete_source=True)
    while not drive.saved.ended:
        seen = 0
        try:
            drive.run()
        except Killed:
            continue
    assert len(lived_through) > 50
    assert contents(find_bucket("photos").route) == before
    assert source.place not in routes.backend("here").places("photos")


def test_items_of_a_page_are_plain_json() -> None:
    """A marker's facts travel in its item, since nothing can open it."""
    versioned_bucket()
    seen: list[Item] = []

    class Watching(Migrate):
        def page(self, work: Work, phase: str, token: str | None) -> Page:
            page = super().page(work, phase, token)
            seen.extend(page.items if phase == "copy" else ())
            return page

    drive = job(limits=BIG_STEPS)
    drive.kind = Watching(BIG_STEPS)
    drive.run(until="verify")
    markers = [item for item in seen if item.data["do"] == "marker"]
    assert len(markers) == 4 and all(item.data["ordinal"] > 0 for item in markers)
