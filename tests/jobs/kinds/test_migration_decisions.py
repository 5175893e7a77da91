"""The pure parts of a migration: cursor tokens, comparisons, and how a body is proved."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.errors import BadToken
from jobs.kinds.migration.facts import (
    LINE_FACTS,
    LISTED_FACTS,
    OBJECT_FACTS,
    PART_FACTS,
    UPLOAD_FACTS,
    listed_difference,
    object_difference,
    part_difference,
    spans,
    upload_difference,
)
from jobs.kinds.pieces import MIB, MOST_AT_ONCE, MOST_PARTS, Limits, Span, piece_bytes, pieces
from jobs.kinds.position import OBJECTS, PARTS, START, UPLOADS, Position, decode, encode
from proxy.backends.values import GOVERNANCE, Lock, ObjectInfo, PartInfo, UploadInfo

_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
_POSITIONS = st.builds(
    Position,
    section=st.sampled_from([OBJECTS, UPLOADS, PARTS]),
    after=_TEXT, after_id=_TEXT, inside=_TEXT, inside_id=_TEXT, upload=_TEXT, etag=_TEXT,
    offset=st.integers(min_value=0, max_value=2**53),
)  # fmt: skip


@given(_POSITIONS)
def test_a_position_comes_back_from_its_token(position: Position) -> None:
    assert decode(encode(position)) == position


def test_no_token_is_the_start() -> None:
    assert decode(None) == START


@pytest.mark.parametrize(
    "token",
    ["", "x", "[]", "7", "null", '{"section":"elsewhere"}', '{"after":1}', '{"offset":"1"}', '{"offset":-1}',
     '{"offset":true}', '{"unknown":"x"}', '{"after":null}'],
)  # fmt: skip
def test_a_token_that_is_not_ours_is_a_bad_token(token: str) -> None:
    with pytest.raises(BadToken):
        decode(token)


def test_entering_and_passing_forget_what_was_inside() -> None:
    inside = Position(after="a").enter("b", upload="u", etag="e").at(7)
    assert (inside.after, inside.inside, inside.offset) == ("a", "b", 7)
    assert inside.past("b") == Position(after="b")


@pytest.mark.parametrize(
    ("size", "expected"),
    [(65 * MIB, 64 * MIB), (64 * MIB * MOST_PARTS, 64 * MIB), (64 * MIB * MOST_PARTS + 1, 65 * MIB)],
)
def test_pieces_grow_so_that_they_stay_below_ten_thousand(size: int, expected: int) -> None:
    assert piece_bytes(size, Limits()) == expected
    assert -(-size // expected) <= MOST_PARTS


_PIECES = Limits(part_bytes=7 * MIB)


def _of_parts(*sizes: int) -> ObjectInfo:
    """As if it had been uploaded in parts of these sizes."""
    digests = [hashlib.md5(str(size).encode()) for size in sizes]
    parts = tuple(
        PartInfo(number, size, digest.hexdigest(), 1)
        for number, (size, digest) in enumerate(zip(sizes, digests, strict=True), 1)
    )
    whole = hashlib.md5(b"".join(digest.digest() for digest in digests)).hexdigest()
    return ObjectInfo("k", sum(sizes), f"{whole}-{len(sizes)}", 1, parts=parts)


def test_a_large_object_is_copied_in_the_parts_of_the_original() -> None:
    cut = [(each.start, each.end) for each in pieces(_of_parts(5 * MIB, 9 * MIB, 3), _PIECES)]
    assert cut == [(0, 5 * MIB), (5 * MIB, 14 * MIB), (14 * MIB, 14 * MIB + 3)]


@pytest.mark.parametrize(
    "info",
    [
        ObjectInfo("k", 15 * MIB, "e", 1),
        _of_parts(4 * MIB, 11 * MIB),
        _of_parts(MOST_AT_ONCE + 1, 1),
        dataclasses.replace(_of_parts(6 * MIB, 9 * MIB), etag="0" * 32 + "-2"),
    ],
    ids=["not of parts", "a part that is too small", "a part that is too large", "another etag"],
)
def test_what_a_service_would_not_take_is_cut_into_pieces_of_one_size(info: ObjectInfo) -> None:
    cut = [(each.start, each.end) for each in pieces(info, _PIECES)]
    assert cut[0] == (0, 7 * MIB)
    assert cut[-1][1] == info.size
    assert all(before[1] == after[0] for before, after in itertools.pairwise(cut))


# -- comparisons -----------------------------------------------------------------------------

_OBJECT = ObjectInfo(
    key="k", size=1, etag="e", last_modified=5, seq=3, headers={"a": "b"}, metadata={"c": "d"},
    tags={"e": "f"}, owner_id="o", checksums={"crc32": "x"}, checksum_type="FULL_OBJECT",
    parts=(PartInfo(1, 1, "p", 4),),
)  # fmt: skip
_PART = PartInfo(1, 2, "p", 3, {"crc32": "x"})
_UPLOAD = UploadInfo("id", "k", 1, {"a": "b"}, {"c": "d"}, {"e": "f"}, "o", "CRC32", "COMPOSITE")
_OTHER: dict[str, Any] = {
    "size": 77, "etag": "E", "last_modified": 6, "headers": {}, "metadata": {}, "tags": {}, "owner_id": "O",
    "checksums": {}, "checksum_type": "COMPOSITE", "parts": (), "number": 9, "key": "K", "initiated": 2,
    "checksum_algorithm": "SHA1", "version_id": "V", "lock": Lock(GOVERNANCE, 7), "acl": "A",
    "ordinal": 7, "latest": False, "marker": True,
}  # fmt: skip


@pytest.mark.parametrize("name", OBJECT_FACTS)
def test_each_fact_of_an_object_counts(name: str) -> None:
    changed = dataclasses.replace(_OBJECT, **{name: _OTHER[name]})
    assert object_difference(_OBJECT, changed).startswith(name)  # type: ignore[union-attr]


@pytest.mark.parametrize("name", [*LISTED_FACTS, *LINE_FACTS])
def test_each_listed_fact_of_a_version_counts(name: str) -> None:
    changed = dataclasses.replace(_OBJECT, **{name: _OTHER[name]})
    assert listed_difference(_OBJECT, changed, in_line=True).startswith(name)  # type: ignore[union-attr]


@pytest.mark.parametrize("name", LINE_FACTS)
def test_the_place_in_line_counts_only_where_versions_are_kept(name: str) -> None:
    changed = dataclasses.replace(_OBJECT, **{name: _OTHER[name]})
    assert listed_difference(_OBJECT, changed, in_line=False) is None


def test_the_sequence_number_is_no_difference() -> None:
    assert object_difference(_OBJECT, dataclasses.replace(_OBJECT, seq=99)) is None


@pytest.mark.parametrize("name", PART_FACTS)
def test_each_fact_of_a_part_counts(name: str) -> None:
    changed = dataclasses.replace(_PART, **{name: _OTHER[name]})
    assert part_difference(_PART, changed).startswith(name)  # type: ignore[union-attr]


@pytest.mark.parametrize("name", UPLOAD_FACTS)
def test_each_fact_of_an_upload_counts(name: str) -> None:
    other = "FULL_OBJECT" if name == "checksum_type" else _OTHER[name]
    changed = dataclasses.replace(_UPLOAD, **{name: other})
    assert upload_difference(_UPLOAD, changed).startswith(name)  # type: ignore[union-attr]


def test_an_upload_that_is_finished_on_one_side_differs() -> None:
    finished = dataclasses.replace(_UPLOAD, completed=_OBJECT)
    assert upload_difference(_UPLOAD, finished) == "completed"
    assert upload_difference(finished, finished) is None


# -- how a body is proved ----------------------------------------------------------------------


def test_a_service_may_list_another_etag_and_time_than_it_answers_but_no_other_marker() -> None:
    other = dataclasses.replace(_OBJECT, etag="listed", last_modified=99)
    assert listed_difference(_OBJECT, other, in_line=False, roughly=True) is None
    assert listed_difference(_OBJECT, dataclasses.replace(other, size=2), in_line=False, roughly=True)
    marker = dataclasses.replace(_OBJECT, marker=True)
    assert listed_difference(marker, dataclasses.replace(marker, last_modified=9), in_line=True, roughly=True)


def test_an_object_without_a_type_is_one_of_the_default_type() -> None:
    untyped = dataclasses.replace(_OBJECT, headers={})
    typed = dataclasses.replace(_OBJECT, headers={"content-type": "binary/octet-stream"})
    assert object_difference(untyped, typed) is None
    assert object_difference(untyped, dataclasses.replace(_OBJECT, headers={"content-type": "a/b"}))


def _multipart(*bodies: bytes, count: int | None = None) -> ObjectInfo:
    digests = [hashlib.md5(body) for body in bodies]
    parts = tuple(
        PartInfo(number, len(body), digest.hexdigest(), 1)
        for number, (body, digest) in enumerate(zip(bodies, digests, strict=True), 1)
    )
    whole = hashlib.md5(b"".join(digest.digest() for digest in digests)).hexdigest()
    return ObjectInfo("k", sum(map(len, bodies)), f"{whole}-{count or len(bodies)}", 1, parts=parts)


def test_a_whole_object_is_proved_by_its_md5() -> None:
    info = ObjectInfo("k", 10, "0" * 32, 1)
    assert list(spans(info, 4)) == [Span(0, 10, "0" * 32)]


def test_a_multipart_object_is_proved_part_by_part() -> None:
    info = _multipart(b"one", b"", b"three")
    assert [(span.start, span.end) for span in spans(info, 4)] == [(0, 3), (3, 3), (3, 8)]
    assert [span.md5 for span in spans(info, 4)] == [part.etag for part in info.parts]


@pytest.mark.parametrize(
    "info",
    [
        ObjectInfo("k", 9, "no-md5", 1),
        ObjectInfo("k", 9, "0" * 32, 1, parts=(PartInfo(1, 9, "0" * 32, 1),)),
        ObjectInfo("k", 9, "0" * 32 + "-2", 1),
        dataclasses.replace(_multipart(b"123456789"), etag="0" * 32 + "-1"),
        _multipart(b"123456789", count=2),
        dataclasses.replace(_multipart(b"12345678"), size=9),
    ],
    ids=["unknown", "md5 with parts", "without parts", "another digest", "another count", "another size"],
)
def test_an_etag_that_cannot_be_recomputed_is_replaced_by_the_sources_bytes(info: ObjectInfo) -> None:
    assert list(spans(info, 4)) == [Span(0, 4), Span(4, 8), Span(8, 9)]
