"""The format of sealed bodies: a segment is what was sealed in one go, a put or a part of an upload.

    header | frame ... frame | footer | tail

- The header (32 bytes): `SGS1`, the frame size as its base 2 logarithm (1 byte), 11 zero bytes, and the
  body id, 16 random bytes.
- Frames: AES-256-GCM of `frame_bytes` of plaintext each (the last one of what is left; an empty body has
  one empty frame), with its tag of 16 bytes.
- The footer: AES-256-GCM of FOOTER_BYTES that say what the plaintext was (`proxy.crypto.footers`).
- The tail (32 bytes): `SGE1`, the logarithm again, a zero byte, the stored length of the footer
  (2 bytes), the plaintext's size (8 bytes), the body id again. So a segment can be read from its end.

The key is HKDF-SHA256 of the data key with the body id as salt. A nonce is 4 zero bytes, the frame's
index in 7 bytes, and a flag: 0 more follow, 1 the last frame, 2 the footer (of index 0). All frames
authenticate the header, the footer also the tail. This is the STREAM construction: no frame can be
left away, moved, doubled or put into another segment unnoticed. Numbers are big endian.

Frames bind nothing that can change: where the body belongs is said by the wrap of its data key.
Sources: NIST SP 800-38D; RFC 5869; Hoang, Reyhanitabar, Rogaway, Vizar: "Online Authenticated-Encryption
and its Nonce-Reuse Misuse-Resistance" (STREAM).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from proxy.errors import InternalError

LEAST_FRAME, MOST_FRAME = 64 * 1024, 1024 * 1024
"""What the format allows."""
BEST_FRAME = 256 * 1024
"""Of large bodies: a frame and what it opens to stay in a core's own cache, and most frames stand whole
in a piece that was read; with MOST_FRAME opening takes twice the time."""
FOOTER_BYTES = 256
"""Of the footer's plaintext, always; so what a body takes sealed is known before it is there."""

TAG_BYTES, TAIL_BYTES = 16, 32
BODY_ID_BYTES, DATA_KEY_BYTES = 16, 32

_HEADER = struct.Struct(">4sB11x16s")
_TAIL = struct.Struct(">4sBxHQ16s")
_NONCE = struct.Struct(">4xQ")  # the index in the upper 7 bytes, the flag in the lowest
_HEAD_MAGIC, _TAIL_MAGIC = b"SGS1", b"SGE1"
_MORE, _LAST, _FOOTER = 0, 1, 2
_PURPOSE = b"sluicegate segment 1"
_FRAMES_OF_A_BODY = 16  # at least, where the least frame allows; a range then opens little beside itself
HEADER_BYTES, FOOTER_STORED = _HEADER.size, FOOTER_BYTES + TAG_BYTES


class DamagedBody(InternalError):
    """What is stored is not what was sealed: altered, cut off, put together, or of another object."""

    text = "The stored body does not match its seal."

    def __init__(self, what: str) -> None:
        super().__init__(f"{self.text[:-1]}: {what}.")


def new_data_key() -> bytes:
    """A key for one object or upload."""
    return os.urandom(DATA_KEY_BYTES)


def new_body_id() -> bytes:
    """What makes two segments under one data key two."""
    return os.urandom(BODY_ID_BYTES)


def frame_bytes_for(length: int | None) -> int:
    """The frame size for a body of that length; None: not known."""
    wanted = BEST_FRAME if length is None else length // _FRAMES_OF_A_BODY
    frame_bytes = LEAST_FRAME
    while frame_bytes < min(wanted, BEST_FRAME):
        frame_bytes *= 2
    return frame_bytes


def sealed_size(size: int, frame_bytes: int) -> int:
    """How many bytes a segment has for `size` bytes of plaintext."""
    tags = _count(size, frame_bytes) * TAG_BYTES
    return HEADER_BYTES + size + tags + FOOTER_STORED + TAIL_BYTES


def _count(size: int, frame_bytes: int) -> int:
    return max(1, -(-size // frame_bytes))


def _header(body_id: bytes, frame_bytes: int) -> bytes:
    return _HEADER.pack(_HEAD_MAGIC, frame_bytes.bit_length() - 1, body_id)


def _nonce(index: int, flag: int) -> bytes:
    return _NONCE.pack(index << 8 | flag)


def _cipher(data_key: bytes, body_id: bytes) -> AESGCM:
    return AESGCM(HKDF(SHA256(), 32, salt=body_id, info=_PURPOSE).derive(data_key))


class Sealer:
    """Seals one segment while its plaintext passes; holds at most one frame and one piece."""

    def __init__(self, data_key: bytes, body_id: bytes, frame_bytes: int) -> None:
        self._cipher = _cipher(data_key, body_id)
        self._header = _header(body_id, frame_bytes)
        self._body_id = body_id
        self._frame_bytes = frame_bytes
        self._held: memoryview | bytearray = memoryview(b"")
        self._index = 0
        self.size = 0
        """Bytes of plaintext so far."""

    @property
    def stored(self) -> int:
        """Bytes of the segment, if no more plaintext comes."""
        return sealed_size(self.size, self._frame_bytes)

    def header(self) -> bytes:
        """What the segment begins with."""
        return self._header

    def add(self, piece: bytes) -> Iterator[bytes]:
        """The frames that are certain now. To be iterated to its end, or the rest of the piece is lost."""
        self.size += len(piece)
        rest = memoryview(piece)
        while len(self._held) + len(rest) > self._frame_bytes:  # the last frame waits for `end`
            room = self._frame_bytes - len(self._held)
            self._hold(rest[:room])
            rest = rest[room:]
            yield self._seal(_MORE)
        self._hold(rest)

    def end(self, facts: bytes) -> bytes:
        """The last frame, the footer with `facts` (at most FOOTER_BYTES, filled with spaces) and the tail.

        Raises ValueError for longer facts.
        """
        if len(facts) > FOOTER_BYTES:
            raise ValueError(f"a footer holds {FOOTER_BYTES} bytes, not {len(facts)}")
        last = self._seal(_LAST)
        log = self._frame_bytes.bit_length() - 1
        tail = _TAIL.pack(_TAIL_MAGIC, log, FOOTER_STORED, self.size, self._body_id)
        plain = facts.ljust(FOOTER_BYTES)
        return last + self._cipher.encrypt(_nonce(0, _FOOTER), plain, self._header + tail) + tail

    def _hold(self, piece: memoryview) -> None:
        """A frame that comes in one piece is never copied."""
        if not self._held:
            self._held = piece
        elif piece:
            self._held = self._held if isinstance(self._held, bytearray) else bytearray(self._held)
            self._held += piece

    def _seal(self, flag: int) -> bytes:
        sealed = self._cipher.encrypt(_nonce(self._index, flag), self._held, self._header)
        self._held = memoryview(b"")
        self._index += 1
        return sealed


class Opener:
    """Opens any stretch of one segment, of which `size` and `stored` are known from its seal.

    Raises DamagedBody if no segment of `size` bytes can have `stored` ones.
    """

    def __init__(self, data_key: bytes, body_id: bytes, size: int, stored: int) -> None:
        self._cipher = _cipher(data_key, body_id)
        self._body_id = body_id
        self.size = size
        self.stored = stored
        self._frame_bytes = _frame_bytes_of(size, stored)
        self._last = _count(size, self._frame_bytes) - 1

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Which stored bytes [start, end) hold the plaintext [start, end); (0, 0) for none of it."""
        end = min(end, self.size)
        if start >= end:
            return 0, 0
        first, last = start // self._frame_bytes, (end - 1) // self._frame_bytes
        return (self._offset(first) if first else 0), self._offset(last + 1)

    def open(self, pieces: Iterable[bytes], start: int, end: int) -> Iterator[bytes]:
        """The plaintext [start, end), a frame at a time, from the stored bytes that `span` names.

        Raises DamagedBody; every byte that was given before is right.
        """
        end = min(end, self.size)
        if start >= end:
            return
        stored = _Pieces(pieces)
        first, last = start // self._frame_bytes, (end - 1) // self._frame_bytes
        header = _header(self._body_id, self._frame_bytes) if first else self._read_header(stored)
        for index in range(first, last + 1):
            begin = index * self._frame_bytes
            length = min(self._frame_bytes, self.size - begin)
            plain = self._open(stored.take(length + TAG_BYTES), index, header)
            if begin < start or begin + length > end:
                plain = plain[max(0, start - begin) : end - begin]
            yield plain

    def open_footer(self, stored: bytes) -> bytes:
        """The facts that `Sealer.end` was given, filled with spaces, from the whole segment's last
        FOOTER_STORED + TAIL_BYTES bytes. Raises DamagedBody."""
        sealed, tail = stored[:-TAIL_BYTES], stored[-TAIL_BYTES:]
        told = read_tail(tail)
        if (told.body_id, told.size, told.stored) != (self._body_id, self.size, self.stored):
            raise DamagedBody("its end is that of another body")
        header = _header(told.body_id, told.frame_bytes)
        try:
            return self._cipher.decrypt(_nonce(0, _FOOTER), sealed, header + tail)
        except (InvalidTag, ValueError):
            raise DamagedBody("its footer was altered, or another key sealed it") from None

    def _offset(self, index: int) -> int:
        """Where a frame begins; of the one after the last, where the last ends."""
        return HEADER_BYTES + min(index * self._frame_bytes, self.size) + index * TAG_BYTES

    def _read_header(self, stored: _Pieces) -> bytes:
        """The header as it is stored, since one frame alone does not tell its greatest size."""
        header = bytes(stored.take(HEADER_BYTES))
        magic, log, body_id = _HEADER.unpack(header)
        if magic != _HEAD_MAGIC:
            raise DamagedBody("it does not begin as a sealed body does")
        if body_id != self._body_id:
            raise DamagedBody("it is another body than the one that is sealed here")
        if self._last and 1 << log != self._frame_bytes:
            raise DamagedBody("its header was altered")
        return header

    def _open(self, sealed: bytes | memoryview, index: int, header: bytes) -> bytes:
        flag = _LAST if index == self._last else _MORE
        try:
            return self._cipher.decrypt(_nonce(index, flag), sealed, header)
        except InvalidTag:
            what = f"frame {index} of {self._last + 1} was altered or moved, or another key sealed it"
            raise DamagedBody(what) from None


def _frame_bytes_of(size: int, stored: int) -> int:
    """With two frames and more only one frame size fits; with one, all that are not smaller than it."""
    frame_bytes = LEAST_FRAME
    while frame_bytes <= MOST_FRAME:
        if sealed_size(size, frame_bytes) == stored:
            return frame_bytes
        frame_bytes *= 2
    raise DamagedBody(f"{size} bytes are never {stored} bytes when sealed")


@dataclass(frozen=True, slots=True)
class Tail:
    """What the end of a segment says in the clear; only an opened footer proves it."""

    body_id: bytes
    size: int
    frame_bytes: int

    @property
    def stored(self) -> int:
        """Bytes of the segment that ends here."""
        return sealed_size(self.size, self.frame_bytes)


def read_tail(tail: bytes) -> Tail:
    """Read the last TAIL_BYTES of a segment. Raises DamagedBody if no segment ends so."""
    if len(tail) != TAIL_BYTES:
        raise DamagedBody("it is too short to be a sealed body")
    magic, log, footer, size, body_id = _TAIL.unpack(tail)
    if magic != _TAIL_MAGIC or footer != FOOTER_STORED or not LEAST_FRAME <= 1 << log <= MOST_FRAME:
        raise DamagedBody("it does not end as a sealed body does")
    return Tail(body_id, size, 1 << log)


class _Pieces:
    """Pieces of any length, taken in lengths of one's own."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._rest = memoryview(b"")

    def take(self, length: int) -> bytes | memoryview:
        """The next bytes, not copied where they are in one piece. Raises DamagedBody if they end before."""
        if len(self._rest) >= length:
            taken, self._rest = self._rest[:length], self._rest[length:]
            return taken
        gathered = bytearray(self._rest)
        while len(gathered) < length:
            piece = next(self._pieces, None)
            if piece is None:
                raise DamagedBody("it ends too early")
            self._rest = memoryview(piece)
            taken = self._rest[: length - len(gathered)]
            gathered += taken
            self._rest = self._rest[len(taken) :]
        return memoryview(gathered)
