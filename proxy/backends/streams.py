"""Bytes on their way in and out of a backend: bodies, sealed bodies and readers.

Units are those of `proxy.backends.base`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from proxy.backends.seals import PlainFacts, Seal, SealedSegment
from proxy.backends.values import ObjectInfo, PartInfo, Place, Pulse
from proxy.errors import InvalidRequest


class Body(Protocol):
    """Bytes on their way in: iterate once, in pieces of at most PIECE_BYTES.

    The body checks itself: reading past the last byte raises the S3Error (IncompleteBody,
    BadDigest, XAmzContentSHA256Mismatch, RequestTimeout, SlowDown ...) if it was not what its
    sender announced. So a backend commits only after the iteration has ended by itself.
    `checksums` (as in ObjectInfo) is complete only then. `length` is None if not announced.
    """

    length: int | None
    checksums: Mapping[str, str]

    def __iter__(self) -> Iterator[bytes]: ...


class ObjectReader(Protocol):
    """An open object: its facts and its bytes belong together, whatever happens to the key.

    Where `info.seal` is set, a backend's own reader reads the sealed bytes as they are stored;
    the `Encrypted` wrapper around every backend gives readers of the plaintext.
    """

    info: ObjectInfo

    def read(self, start: int, end: int) -> Iterator[bytes]:
        """Bytes [start, end) in pieces of at most PIECE_BYTES; `end` may lie beyond the last."""

    def unlock(self, customer_key: bytes) -> None:
        """Give the key of what a customer's key seals (SSE-C), before the first `read`.

        Raises AccessDenied for another key, InvalidRequest where there is nothing to unlock.
        """

    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def nothing_to_unlock() -> InvalidRequest:
    """What `unlock` raises of a body that no customer's key seals."""
    return InvalidRequest("The encryption parameters are not applicable to this object.")


class SealedBody(ABC):
    """Sealed bytes on their way in: what a backend gets in place of a Body and tells from it by its class.

    A backend stores them as they come and hashes nothing. `length` counts sealed bytes. `raw` is set
    where they are all of what another object has stored, so that they can be taken without being moved
    (a link, a server-side copy).
    """

    length: int | None = None
    raw: ObjectReader | None = None

    @abstractmethod
    def __iter__(self) -> Iterator[bytes]:
        """As a Body does, it raises unless the plaintext was what its sender announced."""

    @property
    @abstractmethod
    def plain(self) -> PlainFacts:
        """The facts of the plaintext; complete once the iteration has ended by itself, or if `raw` is set."""

    @property
    @abstractmethod
    def segments(self) -> tuple[SealedSegment, ...]:
        """How the bytes are sealed; complete when `plain` is. One segment, unless `raw` is set."""

    @property
    @abstractmethod
    def wrap_ahead(self) -> str:
        """The wrap for backends with `seals_ahead`, which must store it before any byte; "" for a part."""

    @abstractmethod
    def seal(self, info: ObjectInfo) -> Seal:
        """What to keep with the version whose final facts these are. Not for a part."""


OpenObject = Callable[[Place, str, str], ObjectReader]
"""(place, key, version id) -> what `Backend.open` gives."""

SealAs = Callable[[ObjectInfo, Sequence[PartInfo]], Seal]
"""(the finished object's facts, its parts as they were uploaded) -> what to keep with it."""


ReadStored = Callable[[int, int], bytes]
"""(start, end) -> those bytes of a body as it is stored."""


@dataclass(frozen=True, slots=True)
class Description:
    """What a sealed body itself tells; `plain.etag` is "" if the key that seals it is not at hand.

    When `parts` were uploaded, it does not know.
    """

    plain: PlainFacts
    segments: tuple[SealedSegment, ...]
    parts: tuple[PartInfo, ...] = ()


Describe = Callable[[Place, str, str, int, ReadStored], Description]
"""(place, key, wrap, stored size, how to read) -> what the body tells. Raises InternalError."""


class ReaderBody:
    """A part or the whole of an open object as a Body: how bytes go from place to place.

    A backend that can take the bytes without moving them (a link, a server-side copy) looks
    at `reader`, `start` and `end`; any other iterates.
    """

    def __init__(
        self, reader: ObjectReader, start: int = 0, end: int | None = None, pulse: Pulse | None = None
    ) -> None:
        self.reader = reader
        self.start = start
        self.end = reader.info.size if end is None else end
        self.length: int | None = self.end - self.start
        self.whole = self.length == reader.info.size
        self.checksums: Mapping[str, str] = dict(reader.info.checksums) if self.whole else {}
        self.pulse = pulse

    def __iter__(self) -> Iterator[bytes]:
        for piece in self.reader.read(self.start, self.end):
            if self.pulse is not None:
                self.pulse()
            yield piece
