"""Listings in the order of bytes, whatever order a service has: one page must never hide another's keys."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import pytest

from proxy.backends.s3 import S3Backend, listing, version_listing
from proxy.backends.s3.entries import by_key
from proxy.backends.s3.showing import Shown
from proxy.backends.s3.walking import Fetch, Position, Stretch, rank, walk
from proxy.backends.values import Place
from proxy.errors import NotImplementedByUs
from tests.conftest import FakeClock
from tests.proxy.backends.s3.conftest import fresh
from tests.s3services import Service


def _names(seed: int, count: int) -> list[str]:
    """Keys full of what folders and bytes order differently, by bytes; none that SeaweedFS would change."""
    chance = random.Random(seed)
    made = {"".join(chance.choices("ab/-0.+", k=chance.randint(1, 7))) for _ in range(count)}
    kept = [name for name in made if all(part.strip(".") for part in name.split("/"))]
    return sorted(kept, key=str.encode)


def _folders(names: list[str], size: int) -> tuple[list[Position], Fetch]:
    in_line = sorted(names, key=rank)
    asked: list[Position] = []

    def fetch(start: Position) -> Stretch:
        asked.append(start)
        behind = [name for name in in_line if rank(name) > rank(start[0])]
        entries = [Shown(name, 1, "e", 0) for name in behind[:size]]
        if len(behind) <= size:
            return Stretch(entries)
        return Stretch(by_key(entries), behind[size - 1], (behind[size - 1], ""))

    return asked, fetch


@pytest.mark.parametrize("seed", range(8))
def test_folder_by_folder_comes_out_by_bytes_from_wherever_it_begins(seed: int) -> None:
    names = _names(seed, 200)
    asked, fetch = _folders(names, 7)
    for after in ("", *names[::5], "a-", "b/", "c"):
        found = walk("far", fetch, fetch, (after, ""), "", lambda: True)
        shown = [one.key for one in found if not isinstance(one, str) and one.key.encode() > after.encode()]
        assert shown == [name for name in names if name.encode() > after.encode()], after
    asked.clear()
    list(walk("far", fetch, fetch, ("", ""), "", lambda: True))
    assert len(asked) <= 3 * (len(names) // 7)


def test_an_order_of_its_own_is_refused_not_shown_with_gaps() -> None:
    _, fetch = _folders(["a-b", "a/b", "a/c", "a0"], 2)
    with pytest.raises(NotImplementedByUs, match="'far' cannot list so much"):
        list(walk("far", fetch, fetch, ("", ""), "", lambda: False))


@pytest.fixture
def weed(
    transactional_db: None,
    s3_services: Callable[[str], Service],
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[S3Backend]:
    """Over SeaweedFS, asked for a few entries at a time."""
    monkeypatch.setattr(listing, "PAGE", 7)
    monkeypatch.setattr(version_listing, "PAGE", 7)
    backend = S3Backend("far", s3_services("seaweedfs").options, clock)
    backend.prepare(None)
    yield backend
    backend.close()


def _filled(backend: S3Backend, names: list[str]) -> Place:
    place = fresh()
    backend.create_bucket(place)
    for name in names:
        backend._client.put(place.bucket, name, b"x")
    return place


def _rolled_up(names: list[str], prefix: str, delimiter: str) -> list[str]:
    asked = listing.Asked(prefix, delimiter)
    shown = [asked.common_prefix(name) or name for name in names if name.startswith(prefix)]
    return list(dict.fromkeys(shown))


def test_seaweedfs_hides_nothing_between_its_pages(weed: S3Backend) -> None:
    names = _names(1, 90)
    place = _filled(weed, names)
    for prefix, delimiter, limit in (
        ("", "", 1), ("", "", 100), ("", "/", 1), ("", "/", 5), ("", "-", 3), ("a", "", 1), ("b", "/", 2),
    ):  # fmt: skip
        found: list[str] = []
        after: str | None = ""
        while after is not None:
            page = weed.list(place, prefix=prefix, delimiter=delimiter, after=after, limit=limit)
            both = [*(one.key for one in page.objects), *page.prefixes]
            found += sorted(both, key=str.encode)
            after = page.last
        assert found == _rolled_up(names, prefix, delimiter), (prefix, delimiter, limit)
    versions: list[str] = []
    position: tuple[str, str] | None = ("", "")
    while position is not None:
        told = weed.list_versions(place, after=position, limit=4)
        versions += [one.key for one in told.versions]
        position = told.last
    assert versions == names


def test_more_versions_than_a_page_of_seaweedfs_are_refused(weed: S3Backend) -> None:
    place = _filled(weed, [f"k{number}" for number in range(5)])
    weed.set_versioning(place, "Enabled")
    assert len(weed.list(place).objects) == 5
    for number in range(5):
        weed._client.put(place.bucket, f"l{number}", b"x")
    with pytest.raises(NotImplementedByUs, match="'far' cannot list so much"):
        weed.list(place)
