"""Listings of every backend against a naive model, whatever the keys and the delimiter."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.backends.base import Backend
from proxy.backends.s3.calls.documents import writable
from proxy.backends.values import (
    STORAGE_CLASS,
    NewObject,
    Place,
    UploadInfo,
)
from tests.bodies import Bytes
from tests.contracts.conftest import new_place

pytestmark = pytest.mark.handed_on


LETTERS = ("a", "b", "/", "-", "\x00", "\x7f", "é", "\uffff", "\U0001f600", "\U0010ffff")
keys = st.text(st.sampled_from(LETTERS), min_size=1, max_size=5)
texts = st.text(st.sampled_from(LETTERS), max_size=4)
delimiters = st.sampled_from(["", "/", "-", "é", "\U0010ffff", "\x00", "a/", "//"])
HERE = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def shown(found: set[str], prefix: str, delimiter: str, after: str) -> list[tuple[str, bool]]:
    """(text, whether it is a common prefix) of all that a listing without limit shows."""
    entries = set()
    for key in found:
        if not key.startswith(prefix):
            continue
        rest = key[len(prefix) :]
        if delimiter and delimiter in rest:
            entries.add((prefix + rest[: rest.index(delimiter)] + delimiter, True))
        else:
            entries.add((key, False))
    later = [entry for entry in entries if entry[0].encode() > after.encode()]
    return sorted(later, key=lambda entry: entry[0].encode())


def split(entries: list[tuple[str, bool]]) -> tuple[list[str], list[str]]:
    return [text for text, common in entries if not common], [text for text, common in entries if common]


@HERE
@given(found=st.sets(keys, max_size=12), data=st.data())
def test_a_page_is_what_the_model_says(backend: Backend, found: set[str], data: st.DataObject) -> None:
    place = new_place(backend)
    for key in found:
        backend.put(place, NewObject(key), Bytes(b"x"))
    for _ in range(20):
        prefix, delimiter, after = data.draw(texts), data.draw(delimiters), data.draw(texts)
        limit = data.draw(st.integers(0, 6))
        page = backend.list(place, prefix=prefix, delimiter=delimiter, after=after, limit=limit)
        expected = shown(found, prefix, delimiter, after)
        assert ([info.key for info in page.objects], list(page.prefixes)) == split(expected[:limit])
        assert page.last == (expected[limit - 1][0] if 0 < limit < len(expected) else None)


@HERE
@given(
    found=st.sets(keys, max_size=12),
    prefix=texts,
    delimiter=delimiters,
    limit=st.integers(1, 3),
)
def test_pages_together_show_everything_once(
    backend: Backend, found: set[str], prefix: str, delimiter: str, limit: int
) -> None:
    place = new_place(backend)
    for key in found:
        backend.put(place, NewObject(key), Bytes(b"x"))
    objects: list[str] = []
    prefixes: list[str] = []
    after: str | None = ""
    while after is not None:
        page = backend.list(place, prefix=prefix, delimiter=delimiter, after=after, limit=limit)
        objects += [info.key for info in page.objects]
        prefixes += page.prefixes
        after = page.last
    assert (objects, prefixes) == split(shown(found, prefix, delimiter, ""))


def test_a_listed_object_carries_what_listings_show_and_no_more(backend: Backend, place: Place) -> None:
    new = NewObject(
        "k", {"content-type": "a/b", STORAGE_CLASS: "GLACIER_IR"}, {"m": "1"}, {"t": "1"}, "o" * 64
    )
    put = backend.put(place, new, Bytes(b"abc", "crc32"))
    (listed,) = backend.list(place).objects
    assert (listed.key, listed.size, listed.etag, listed.last_modified) == (
        "k",
        3,
        put.etag,
        put.last_modified,
    )
    assert listed.owner_id == put.owner_id
    assert listed.seq == put.seq or not backend.counts_changes
    assert (dict(listed.checksums), listed.checksum_type) == (dict(put.checksums), "FULL_OBJECT")
    assert dict(listed.headers) == {STORAGE_CLASS: "GLACIER_IR"}
    assert not (listed.metadata or listed.tags or listed.parts)


def test_a_start_inside_a_common_prefix_passes_all_of_it(backend: Backend, place: Place) -> None:
    for key in ("a/1", "a/2", "a/3", "b"):
        backend.put(place, NewObject(key), Bytes(b"x"))
    page = backend.list(place, delimiter="/", after="a/2")
    assert ([info.key for info in page.objects], page.prefixes) == (["b"], ())


# -- uploads -------------------------------------------------------------------------------
def ids(listing: object) -> list[str]:
    return [upload.upload_id for upload in listing.uploads]  # type: ignore[attr-defined]


def test_uploads_are_listed_by_key_then_initiation(backend: Backend, place: Place) -> None:
    for upload_id, key, initiated in (("z", "a", 1), ("y", "a", 3), ("x", "b", 2), ("w", "a", 3)):
        backend.create_upload(place, UploadInfo(upload_id, key, initiated))
    assert ids(backend.list_uploads(place)) == ["z", "w", "y", "x"]
    assert ids(backend.list_uploads(place, after=("a", "w"))) == ["y", "x"]
    assert ids(backend.list_uploads(place, after=("a", ""))) == ["x"]
    assert ids(backend.list_uploads(place, after=("a", "gone"))) == ["z", "w", "y", "x"]


@HERE
@given(
    found=st.lists(st.tuples(keys, st.integers(1, 3)), max_size=8),
    prefix=texts,
    delimiter=delimiters,
    limit=st.integers(1, 3),
)
def test_pages_of_uploads_together_show_everything_once(
    backend: Backend, found: list[tuple[str, int]], prefix: str, delimiter: str, limit: int
) -> None:
    place = new_place(backend)
    if not backend.reads_parts:  # a service answers the beginning of an upload in XML, which cannot say all
        found = [(key, initiated) for key, initiated in found if writable(key)]
    for number, (key, initiated) in enumerate(found):
        backend.create_upload(place, UploadInfo(f"u{number}", key, initiated))
    uploads: list[str] = []
    prefixes: list[str] = []
    after: tuple[str, str] | None = ("", "")
    while after is not None:
        page = backend.list_uploads(place, prefix=prefix, delimiter=delimiter, after=after, limit=limit)
        assert len(page.uploads) + len(page.prefixes) <= limit
        uploads += ids(page)
        prefixes += page.prefixes
        after = page.last
    plain, common = split(shown({key for key, _ in found}, prefix, delimiter, ""))
    order = sorted((key.encode(), initiated, f"u{n}") for n, (key, initiated) in enumerate(found))
    assert prefixes == common
    assert uploads == [upload_id for key, _, upload_id in order if key.decode() in plain]


@pytest.mark.parametrize("limit", [0, -1])
def test_a_page_of_nothing_is_empty_and_the_last(backend: Backend, place: Place, limit: int) -> None:
    backend.put(place, NewObject("k"), Bytes(b"x"))
    page = backend.list(place, limit=limit)
    assert (page.objects, page.prefixes, page.last) == ((), (), None)
