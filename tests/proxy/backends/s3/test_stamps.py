"""What objects say of themselves in metadata comes back as it was written, within the room that there is."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.backends.s3.stamps import (
    MAX_VALUE_BYTES,
    STAMP,
    UNSTAMPED,
    Stamp,
    from_text,
    of_info,
    of_metadata,
    refuse_reserved,
    shown,
    stamped,
    to_text,
)
from proxy.backends.seals import Seal, SealedSegment
from proxy.backends.values import ObjectInfo, PartInfo
from proxy.errors import InvalidArgument, MetadataTooLarge
from proxy.wire.headers import MAX_METADATA_BYTES

etags = st.sampled_from(["0" * 32, "f" * 32 + "-9"])
sums = st.dictionaries(st.sampled_from(["crc32", "sha256"]), st.text("ab=/-1", min_size=1, max_size=44))
times = st.integers(0, 1 << 43)
parts = st.lists(st.tuples(st.integers(0, 1 << 40), etags, times, sums), max_size=4).map(
    lambda rows: tuple(PartInfo(number, *row) for number, row in enumerate(rows, 1))
)
segments = st.lists(
    st.builds(SealedSegment, st.just("a" * 32), st.integers(0, 99), st.integers(0, 99)), max_size=3
).map(tuple)
stamps = st.builds(
    Stamp,
    size=st.none() | st.integers(0, 1 << 42),
    etag=st.none() | etags,
    modified=st.none() | times,
    owner_id=st.text(max_size=70),
    acl=st.text(max_size=300),
    checksums=sums,
    checksum_type=st.sampled_from(["", "FULL_OBJECT", "COMPOSITE"]),
    parts=parts,
    seal=st.none() | st.builds(Seal, st.text("abc.-_", min_size=1, max_size=200), segments),
    upload=st.text("abc", max_size=40),
    late=st.booleans(),
)
metadata = st.dictionaries(
    st.text("abcdefgh-", min_size=1, max_size=20).filter(lambda name: not name.startswith("sluicegate-")),
    st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=500),
    max_size=5,
)


@given(stamps)
def test_a_stamp_is_read_as_it_was_written(stamp: Stamp) -> None:
    text = to_text(stamp)
    assert text.isascii() and from_text(text) == stamp


@given(st.text(max_size=40) | st.sampled_from(["[]", "7", '{"p":1}', '{"g":[[1]]}', '{"c":3}']))
def test_what_is_no_stamp_says_nothing(text: str) -> None:
    assert isinstance(from_text(text), Stamp)


@given(metadata, stamps)
def test_metadata_and_stamp_keep_within_what_s3_allows(said: dict[str, str], stamp: Stamp) -> None:
    try:
        both = stamped(said, stamp)
    except MetadataTooLarge as error:
        left = int(error.fields["MaxSizeAllowed"])
        assert left < sum(map(len, [*said, *said.values()])) or len(to_text(stamp)) > MAX_VALUE_BYTES
        return
    assert sum(len(name) + len(value) for name, value in both.items()) <= MAX_METADATA_BYTES or both == said
    assert shown(both) == said
    found = of_metadata(both)
    must = ("size", "etag", "modified", "owner_id", "acl", "upload")
    assert [getattr(found, name) for name in must] == [getattr(stamp, name) for name in must]
    assert (found.seal and found.seal.wrap) == (stamp.seal and stamp.seal.wrap)
    assert found == stamp or found.late


def test_layouts_give_way_before_checksums_and_both_before_what_must_be_said() -> None:
    many = tuple(PartInfo(number, 5, "a" * 32, 7) for number in range(1, 100))
    stamp = Stamp(etag="b" * 32 + "-99", owner_id="o" * 64, checksums={"crc32": "AAAAAA=="}, parts=many)
    roomy = of_metadata(stamped({}, stamp))
    assert (roomy.parts, dict(roomy.checksums), roomy.late) == ((), {"crc32": "AAAAAA=="}, True)
    tight = of_metadata(stamped({"x": "y" * 1890}, stamp))
    assert (tight.etag, tight.owner_id, dict(tight.checksums), tight.late) == (stamp.etag, "o" * 64, {}, True)
    with pytest.raises(MetadataTooLarge) as refused:
        stamped({"x": "y" * 2000}, stamp)
    left = int(refused.value.fields["MaxSizeAllowed"])
    assert of_metadata(stamped({"x": "y" * (left - 1)}, stamp)).etag == stamp.etag


def test_what_the_service_says_itself_is_not_repeated() -> None:
    info = ObjectInfo("k", 5, "c" * 32, 9, owner_id="o")
    assert of_info(info, "c" * 32) == Stamp(modified=9, owner_id="o")
    assert of_info(info, None) == of_info(info, "d" * 32) == Stamp(etag="c" * 32, modified=9, owner_id="o")
    sealed = replace(info, seal=Seal("w", (SealedSegment("a" * 32, 5, 400),)))
    assert (of_info(sealed, "c" * 32).size, of_info(sealed, "c" * 32).etag) == (5, "c" * 32)
    assert stamped({"a": "b"}, UNSTAMPED) == {"a": "b"}


def test_users_cannot_say_what_only_stamps_say() -> None:
    refuse_reserved({"sluicegate": "x", "my-sluicegate-facts": "y"})
    with pytest.raises(InvalidArgument):
        refuse_reserved({STAMP: "{}"})
