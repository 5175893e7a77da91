"""An open sealed object as a reader of its plaintext."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TypeGuard

from proxy.backends.base import ObjectReader, nothing_to_unlock
from proxy.backends.bodies import is_md5
from proxy.backends.sealing.keys import encryption_of, unlocked
from proxy.backends.seals import Seal
from proxy.crypto.footers import Footer, read_footer
from proxy.crypto.frames import DamagedBody, Opener
from proxy.crypto.wraps import Bound
from proxy.errors import InvalidRequest

_LOCKED = (
    "The object was stored using a form of Server Side Encryption. "
    "The correct parameters must be provided to retrieve the object."
)


def is_locked(reader: ObjectReader) -> TypeGuard[SealedReader]:
    """Whether it is open on a body that only a customer's key opens, and that key was not given."""
    return isinstance(reader, SealedReader) and reader.data_key is None


class SealedReader(AbstractContextManager["SealedReader"]):
    """`data_key` is None of what a customer's key seals, until `unlock` is given that key."""

    def __init__(self, inner: ObjectReader, seal: Seal, bound: Bound, data_key: bytes | None) -> None:
        self.inner = inner
        self.seal = seal
        self.data_key = data_key
        self.bound = bound
        self._customers = data_key is None
        self.info = replace(inner.info, encryption=encryption_of(seal))

    @property
    def customers(self) -> bool:
        """Whether a customer's key seals it."""
        return self._customers

    def unlock(self, customer_key: bytes) -> None:
        if not self._customers:
            raise nothing_to_unlock()
        self.data_key = unlocked(self.seal.wrap, customer_key, self.bound)

    def read(self, start: int, end: int) -> Iterator[bytes]:
        """Opens only the frames that are touched, and the footer of each segment whose end is read.

        Raises DamagedBody, InvalidRequest (it is locked).
        """
        if self.data_key is None:
            raise InvalidRequest(_LOCKED)
        at = stored_at = part = 0
        for segment in self.seal.segments:
            first, last = max(start - at, 0), min(end - at, segment.size)
            if first < last:
                body_id = bytes.fromhex(segment.body_id)
                opener = Opener(self.data_key, body_id, segment.size, segment.stored)
                if last < segment.size:
                    begins, ends = opener.span(first, last)
                    yield from opener.open(self.inner.read(stored_at + begins, stored_at + ends), first, last)
                else:
                    part = yield from self._to_end(opener, stored_at, first, part)
            at += segment.size
            stored_at += segment.stored

    def _to_end(self, opener: Opener, stored_at: int, first: int, before: int) -> Generator[bytes, None, int]:
        """A segment from `first` on; the last frame is given once the footer agrees. Its part number."""
        begins, ends = opener.span(first, opener.size)
        stored = _Parted(self.inner.read(stored_at + begins, stored_at + opener.stored), ends - begins)
        held = b""
        for piece in opener.open(stored.head(), first, opener.size):
            if held:
                yield held
            held = piece
        footer = read_footer(opener.open_footer(stored.rest()))
        self._compare(footer, opener.size, before)
        yield held
        return footer.part

    def _compare(self, footer: Footer, size: int, before: int) -> None:
        """What the footers say holds also where the wrap was made before it was known."""
        info = self.info
        if footer.size != size:
            raise DamagedBody("its size was altered")
        if footer.part and footer.part <= before:
            raise DamagedBody("its parts are not in their order")
        if len(self.seal.segments) == 1 and not info.parts and is_md5(info.etag) and footer.etag != info.etag:
            raise DamagedBody("its ETag was altered, or it is another object's body")

    def close(self) -> None:
        self.inner.close()

    def __exit__(self, *unused: object) -> None:
        self.close()


class _Parted:
    """Pieces of stored bytes: the first `length` bytes, then the rest."""

    def __init__(self, pieces: Iterable[bytes], length: int) -> None:
        self._pieces = iter(pieces)
        self._left = length
        self._rest = bytearray()

    def head(self) -> Iterator[bytes]:
        while self._left:
            piece = next(self._pieces, b"")
            if not piece:
                return
            if len(piece) > self._left:
                self._rest += memoryview(piece)[self._left :]
                piece = piece[: self._left]
            self._left -= len(piece)
            yield piece

    def rest(self) -> bytes:
        return bytes(self._rest) + b"".join(self._pieces)
