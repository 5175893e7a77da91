"""The line in which the versions of a key stand: carried from elsewhere, and listed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from proxy.backends.base import Backend, ReaderBody
from proxy.backends.values import (
    Deletion,
    Lock,
    NewObject,
    ObjectInfo,
    Place,
)
from tests.bodies import Bytes, noise
from tests.conftest import FakeClock
from tests.contracts.conftest import facts, new_place
from tests.contracts.versioned import found, line, mark, put

pytestmark = pytest.mark.handed_on


# -- carrying from elsewhere ------------------------------------------------------------------
def carry(source: Backend, here: Place, target: Backend, there: Place, infos: list[ObjectInfo]) -> None:
    for info in infos:
        if info.marker:
            marker = Deletion(info.key, info.version_id, marker=True, carried=info)
            assert isinstance(target.delete(there, [marker])[0], ObjectInfo)
            continue
        with source.open(here, info.key, info.version_id) as reader:
            target.put(there, NewObject.copy_of(reader.info), ReaderBody(reader))


@pytest.mark.asks("keeps_versions")
@pytest.mark.parametrize("order", ["oldest first", "newest first", "twice"])
def test_carried_versions_stand_in_the_same_line_whatever_comes_first(
    make_backend: Any, order: str, clock: FakeClock
) -> None:
    source, target = make_backend(), make_backend()
    here, there = new_place(source), new_place(target)
    put(source, here, "k", tags={"a": "b"}, acl="theirs")
    put(source, here, "k", "v1", noise(50_000))
    mark(source, here, "k", "m1")
    put(source, here, "k", "v2", lock=Lock("COMPLIANCE", clock() + 60_000, True))
    mark(source, here, "gone", "m2")
    clock.advance(seconds=30)
    infos = list(source.list_versions(here).versions)
    rounds = {"oldest first": [infos[::-1]], "newest first": [infos], "twice": [infos, infos[::-1]]}
    for versions in rounds[order]:
        carry(source, here, target, there, versions)
    assert line(target, there) == line(source, here) == ["*v2", "-m1", "v1", "null"]
    for info in infos:
        if not info.marker:
            before, after = (
                backend.head(place, info.key, info.version_id)
                for backend, place in ((source, here), (target, there))
            )
            assert facts(before, target) == facts(after, target)
    old, new = source.list_versions(here).versions, target.list_versions(there).versions
    assert [(i.version_id, i.last_modified, i.ordinal, i.owner_id) for i in old] == [
        (i.version_id, i.last_modified, i.ordinal, i.owner_id) for i in new
    ]
    assert source.usage(here) == target.usage(there)
    assert list(target.check_store(deep=True)) == []


@pytest.mark.asks("keeps_versions")
def test_a_carried_version_that_moves_down_the_line_uncovers_the_next(backend: Backend, place: Place) -> None:
    def carried(version: str, ordinal: int) -> None:
        info = ObjectInfo("k", 2, f"{version}-1", 1, version_id=version, ordinal=ordinal)
        assert backend.put(place, NewObject.copy_of(info), Bytes(version.encode())).ordinal == ordinal

    carried("v1", 10)
    carried("v2", 20)
    carried("v2", 5)
    assert (line(backend, place), found(backend, place)) == (["*v1", "v2"], "v1")
    carried("v2", 30)
    assert (line(backend, place), found(backend, place)) == (["*v2", "v1"], "v2")
    usage = backend.usage(place)
    assert (usage.keys, usage.versions, usage.size, usage.versions_size) == (1, 1, 2, 2)


@pytest.mark.asks("keeps_versions")
def test_what_is_written_after_a_carried_version_is_newer_than_it(backend: Backend, place: Place) -> None:
    far = ObjectInfo("k", 2, "v1-1", 1, version_id="v1", ordinal=1_000_000)
    backend.put(place, NewObject.copy_of(far), Bytes(b"v1"))
    put(backend, place, "k", "v2")
    mark(backend, place, "k", "m")
    assert line(backend, place) == ["*-m", "v2", "v1"]


# -- listing --------------------------------------------------------------------------------
@pytest.fixture
def many(backend: Backend, place: Place) -> Iterator[list[tuple[str, str]]]:
    """(key, version id) of everything in the place, as a listing has it."""
    keys = ["a", "b/1", "b/2", "b/3/x", "c", "d/", "d/1", "é"]
    for number in range(3):
        for key in keys:
            put(backend, place, key, f"{number}-{keys.index(key)}")
    mark(backend, place, "c", "m")
    mark(backend, place, "b/2", "m")
    put(backend, place, "b/2")
    yield [(info.key, info.version_id) for info in backend.list_versions(place).versions]


@pytest.mark.usefixtures("many")
def test_all_versions_are_listed_by_key_and_the_newest_first(backend: Backend, place: Place) -> None:
    versions = backend.list_versions(place).versions
    assert [info.key for info in versions] == sorted((info.key for info in versions), key=str.encode)
    for key in {info.key for info in versions}:
        ordinals = [info.ordinal for info in versions if info.key == key]
        assert ordinals == sorted(ordinals, reverse=True)
        assert [info.latest for info in versions if info.key == key] == [True] + [False] * (len(ordinals) - 1)
    assert line(backend, place, "b/2") == ["*null", "-m", "2-2", "1-2", "0-2"]


@pytest.mark.parametrize("shape", [("", ""), ("", "/"), ("b/", "/"), ("b", ""), ("b/2", "2"), ("zzz", "/")])
def test_pages_of_versions_join_to_the_whole(
    backend: Backend, place: Place, many: list[tuple[str, str]], shape: tuple[str, str]
) -> None:
    prefix, delimiter = shape
    expected: list[tuple[str, str]] = []
    for key, version in many:
        at = key.find(delimiter, len(prefix)) if delimiter else -1
        entry = (key[: at + 1], "") if at >= 0 else (key, version)
        if key.startswith(prefix) and entry not in expected:
            expected.append(entry)
    for limit in (1, 2, 3, 7, 100):
        got: list[tuple[str, str]] = []
        after: tuple[str, str] | None = ("", "")
        while after is not None:
            page = backend.list_versions(place, prefix=prefix, delimiter=delimiter, after=after, limit=limit)
            entries = [(info.key, info.version_id) for info in page.versions]
            entries += [(common, "") for common in page.prefixes]
            entries.sort(key=expected.index)
            got += entries
            after = page.last
            assert len(entries) <= limit and after in (None, *entries[limit - 1 :])
        assert got == expected


@pytest.mark.usefixtures("many")
def test_a_version_listing_goes_on_where_its_marker_says(backend: Backend, place: Place) -> None:
    def after(key: str, version: str) -> list[tuple[str, str, bool]]:
        page = backend.list_versions(place, after=(key, version), limit=2)
        return [(info.key, info.version_id, info.latest) for info in page.versions]

    assert after("b/2", "m") == [("b/2", "2-2", False), ("b/2", "1-2", False)]
    assert after("b/2", "null") == [("b/2", "m", False), ("b/2", "2-2", False)]
    assert after("b/2", "0-2") == [("b/3/x", "2-3", True), ("b/3/x", "1-3", False)]
    assert after("b/2", "") == after("b/2", "0-2")
    assert after("b/2", "gone") == [("b/2", "null", True), ("b/2", "m", False)]
    assert after("b/2x", "gone")[0][0] == "b/3/x"


def test_no_page_of_no_entries_has_a_next_one(backend: Backend, place: Place) -> None:
    put(backend, place, "k", "v1")
    page = backend.list_versions(place, limit=0)
    assert (page.versions, page.prefixes, page.last) == ((), (), None)
