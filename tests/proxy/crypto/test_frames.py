"""The format of sealed bodies: what was sealed comes back, and nothing else ever does."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.crypto import frames
from proxy.crypto.frames import DamagedBody, Opener, Sealer, frame_bytes_for, read_tail, sealed_size

KEY = bytes(range(32))
BODY_ID = bytes(range(16))
OTHER_ID = bytes(16)
FACTS = b'{"size":0}'
FOOTER = frames.FOOTER_STORED + frames.TAIL_BYTES

FRAME = st.sampled_from([16, 32, 64])
PLAIN = st.binary(max_size=200)
CUTS = st.lists(st.integers(0, 400), max_size=8)


@pytest.fixture(autouse=True, scope="module")
def small_frames() -> Iterator[None]:
    """Frames of 16 bytes, so that a short body has many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frames, "LEAST_FRAME", 16)
        yield


def _pieces(whole: bytes, cuts: Sequence[int]) -> list[bytes]:
    at = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    return [whole[start:end] for start, end in itertools.pairwise(at)]


def _seal(
    plain: bytes, frame: int = 16, cuts: Sequence[int] = (), key: bytes = KEY, body_id: bytes = BODY_ID
) -> bytes:
    sealer = Sealer(key, body_id, frame)
    sealed = [sealer.header()]
    for piece in _pieces(plain, cuts):
        sealed += sealer.add(piece)
    return b"".join([*sealed, sealer.end(FACTS)])


def _open(
    sealed: bytes, size: int, start: int = 0, end: int | None = None, cuts: Sequence[int] = ()
) -> bytes:
    """Open as whoever knows the seal does: its size and its stored length are told, not looked up."""
    opener = Opener(KEY, BODY_ID, size, len(sealed))
    end = size if end is None else end
    first, last = opener.span(start, end)
    return b"".join(opener.open(_pieces(sealed[first:last], cuts), start, end))


def _frames(sealed: bytes, frame: int = 16) -> tuple[bytes, list[bytes], bytes]:
    """(header, frames, footer and tail)."""
    middle = sealed[frames.HEADER_BYTES : -FOOTER]
    step = frame + frames.TAG_BYTES
    return (
        sealed[: frames.HEADER_BYTES],
        [middle[at : at + step] for at in range(0, len(middle), step)],
        sealed[-FOOTER:],
    )


# -- what comes back ------------------------------------------------------------------------


@given(plain=PLAIN, frame=FRAME, cuts=CUTS, others=CUTS)
def test_a_body_comes_back_whatever_the_pieces_that_it_was_sealed_and_read_in(
    plain: bytes, frame: int, cuts: list[int], others: list[int]
) -> None:
    sealed = _seal(plain, frame, cuts)
    assert sealed == _seal(plain, frame), "pieces leave no trace"
    assert len(sealed) == sealed_size(len(plain), frame)
    assert _open(sealed, len(plain), cuts=others) == plain


@given(plain=PLAIN, frame=FRAME, start=st.integers(0, 250), end=st.integers(0, 250), cuts=CUTS)
def test_any_range_equals_that_of_the_plaintext_and_needs_only_the_frames_it_touches(
    plain: bytes, frame: int, start: int, end: int, cuts: list[int]
) -> None:
    sealed = _seal(plain, frame)
    assert _open(sealed, len(plain), start, end, cuts) == plain[start:end]
    first, last = Opener(KEY, BODY_ID, len(plain), len(sealed)).span(start, end)
    touched = len({at // frame for at in range(start, min(end, len(plain)))})
    assert last - first <= touched * (frame + frames.TAG_BYTES) + frames.HEADER_BYTES


@given(plain=PLAIN, frame=FRAME)
def test_a_segment_tells_from_its_end_where_it_begins_and_what_it_was(plain: bytes, frame: int) -> None:
    sealed = _seal(plain, frame)
    told = read_tail(sealed[-frames.TAIL_BYTES :])
    assert (told.body_id, told.size, told.stored) == (BODY_ID, len(plain), len(sealed))
    opener = Opener(KEY, told.body_id, told.size, told.stored)
    assert opener.open_footer(sealed[-FOOTER:]).rstrip() == FACTS


@pytest.mark.parametrize("length", [None, 0, 1, 2**16, 2**20, 3 * 2**20 + 5])
def test_real_frame_sizes_are_opened_in_pieces_that_are_no_frames(
    length: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "LEAST_FRAME", 64 * 1024)
    plain = hashlib.shake_128(b"plain").digest(3 * 2**20 + 5 if length is None else length)
    sealed = _seal(plain, frame_bytes_for(length), range(0, len(plain), 700_001))
    assert _open(sealed, len(plain), cuts=range(0, len(sealed), 300_007)) == plain
    assert _open(sealed, len(plain), 65_530, 70_000) == plain[65_530:70_000]


def test_frames_grow_with_the_body_between_two_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "LEAST_FRAME", 64 * 1024)
    sizes = [frame_bytes_for(length) for length in (0, 2**20, 2**20 + 16, 4 * 2**20, 2**24, 2**40)]
    assert sizes == [2**16, 2**16, 2**17, 2**18, 2**18, 2**18]
    assert frame_bytes_for(None) == 2**18


def test_facts_that_do_not_fit_into_a_footer_are_refused() -> None:
    with pytest.raises(ValueError, match="256"):
        Sealer(KEY, BODY_ID, 16).end(b"x" * 257)


# -- what is detected ---------------------------------------------------------------------------


@given(plain=st.binary(min_size=1, max_size=100), at=st.integers(0), bit=st.integers(0, 7))
def test_one_altered_bit_anywhere_is_detected(plain: bytes, at: int, bit: int) -> None:
    sealed = bytearray(_seal(plain))
    sealed[at % len(sealed)] ^= 1 << bit
    opener = Opener(KEY, BODY_ID, len(plain), len(sealed))
    with pytest.raises(DamagedBody):
        _open(bytes(sealed), len(plain))
        opener.open_footer(bytes(sealed[-FOOTER:]))


@given(plain=PLAIN, cut=st.integers(0), data=st.data())
def test_a_body_that_ends_early_is_detected_at_any_byte(plain: bytes, cut: int, data: st.DataObject) -> None:
    sealed = _seal(plain)
    shorter = sealed[: cut % len(sealed)]
    opener = Opener(KEY, BODY_ID, len(plain), len(sealed))
    with pytest.raises(DamagedBody):
        got = b"".join(opener.open([shorter], 0, len(plain)))
        assert got == plain, "what comes before the damage is right"
        opener.open_footer(shorter[-FOOTER:])


@given(plain=st.binary(min_size=33, max_size=160), size=st.integers(0, 200), stored=st.integers(0, 900))
def test_a_seal_with_another_size_opens_nothing(plain: bytes, size: int, stored: int) -> None:
    sealed = _seal(plain)
    for told, length in ((size, len(sealed)), (size, sealed_size(size, 16)), (size, stored)):
        if told == len(plain) or told == 0:
            continue
        with pytest.raises(DamagedBody):
            b"".join(Opener(KEY, BODY_ID, told, length).open([sealed], 0, told))


@given(count=st.integers(2, 6), data=st.data())
def test_frames_that_are_moved_doubled_or_left_away_are_detected(count: int, data: st.DataObject) -> None:
    plain = hashlib.shake_128(b"plain").digest(16 * count)
    header, parts, footer = _frames(_seal(plain))
    one = data.draw(st.integers(0, count - 1))
    other = data.draw(st.integers(0, count - 1).filter(lambda index: index != one))
    moved, doubled = list(parts), list(parts)
    moved[one], moved[other] = moved[other], moved[one]
    doubled[one] = parts[other]
    shorter = parts[:one] + parts[one + 1 :]
    for changed, size in ((moved, len(plain)), (doubled, len(plain)), (shorter, len(plain) - 16)):
        with pytest.raises(DamagedBody):
            _open(header + b"".join(changed) + footer, size)


@pytest.mark.parametrize(
    "other",
    [
        lambda plain: _seal(plain, body_id=OTHER_ID),
        lambda plain: _seal(plain, key=KEY[::-1]),
        lambda plain: _seal(plain[::-1], key=KEY[::-1], body_id=OTHER_ID),
    ],
    ids=["another segment under the same key", "another key", "another body"],
)
def test_frames_header_and_footer_of_another_body_are_detected(other: object) -> None:
    plain = bytes(range(48))
    header, parts, footer = _frames(_seal(plain))
    strange_header, strange, strange_footer = _frames(other(plain))  # type: ignore[operator]
    with pytest.raises(DamagedBody):
        _open(strange_header + b"".join(strange) + strange_footer, len(plain))
    for index in range(len(parts)):
        spliced = [*parts[:index], strange[index], *parts[index + 1 :]]
        with pytest.raises(DamagedBody):
            _open(header + b"".join(spliced) + footer, len(plain))
    opener = Opener(KEY, BODY_ID, len(plain), sealed_size(len(plain), 16))
    with pytest.raises(DamagedBody):
        opener.open_footer(strange_footer)


@given(size=st.integers(1, 15))
def test_the_size_of_a_single_frame_is_not_taken_from_what_is_stored(size: int) -> None:
    """One frame may have any frame size: its header says which, and is authenticated."""
    plain = bytes(size)
    sealed = bytearray(_seal(plain, 64))
    assert _open(bytes(sealed), size) == plain
    sealed[4] -= 1
    with pytest.raises(DamagedBody):
        _open(bytes(sealed), size)


def test_the_message_says_what_is_wrong_and_it_is_an_error_of_ours() -> None:
    sealed = _seal(bytes(48))
    damaged = sealed[:-FOOTER][:-1] + b"\xff" + sealed[-FOOTER:]
    with pytest.raises(DamagedBody, match="does not match its seal: frame 2 of 3 was altered") as caught:
        _open(damaged, 48)
    assert (caught.value.code, caught.value.status) == ("InternalError", 500)
    with pytest.raises(DamagedBody, match="does not begin as a sealed body does"):
        _open(bytes(len(sealed)), 48)


@pytest.mark.parametrize("tail", [b"", b"SGE1", bytes(32), b"SGE1" + bytes(28), b"SGE1" + b"\xff" * 28])
def test_what_is_no_tail_is_no_segment(tail: bytes) -> None:
    with pytest.raises(DamagedBody):
        read_tail(tail)


# -- the format stays what it is -----------------------------------------------------------------


def test_the_format_has_not_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "LEAST_FRAME", 64 * 1024)
    assert _seal(b"hello", 64 * 1024).hex() == HELLO
    plain = hashlib.shake_128(b"plain").digest(2 * 2**16 + 1)
    assert hashlib.sha256(_seal(plain, 64 * 1024)).hexdigest() == THREE_FRAMES


HELLO = (
    "53475331100000000000000000000000000102030405060708090a0b0c0d0e0feec097261afcf01f17f4d1ce1bd897b3dbc8"
    "036cd2a05209bf9a69370cb68b769cd1211e3b330e7c701302c335e9992bb5387be5bdf05eecc38357e4101c328145452b3a"
    "9c6db3b64a5ba4dc2813090d0802b6ff272a064b2032449cf66fdf52af78ec5a025337f98e149fc485816f65ff7c6b5f6693"
    "5eb523af9b087764c3d0adee1268028c49e9d4072d2b1df2f99513f5c5f03ca912084671d3fb857ecf8754c26fb14b7c4fc1"
    "d982c59d86f1425825b044efcbe7500b8768f94d8534f8b9378ea63b00998b9af4d9e2e36fa5442c90d0c05c91940f40fae9"
    "bf0c5d3b9daedb2b352cd9b724ecb7be4b62bacd2e67ee672c2873f320d7a419917974e3fe526db6c9071fac8644c85ef314"
    "98d40a1919cd4d2da75ac11bbf9ec22cefcdc0cac3c838b34753474531100001100000000000000005000102030405060708"
    "090a0b0c0d0e0f"
)
THREE_FRAMES = "89da2717809d785eebb39b81eb6018d294130defa8472a5e1c0216972ca6b92f"
