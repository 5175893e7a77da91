"""An open object on a service: one version, read in ranges."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

from proxy.backends.base import nothing_to_unlock
from proxy.backends.s3.calls.objects import Download
from proxy.backends.s3.client import Client
from proxy.backends.s3.errors import Broken
from proxy.backends.values import ObjectInfo
from proxy.errors import (
    BackendUnavailable,
    MethodNotAllowed,
    NoSuchKey,
    NoSuchVersion,
    PreconditionFailed,
)

AHEAD_BYTES = 128 * 1024
"""What opening an object asks for at once; a body that is no longer is at hand then."""

_MOST_RESUMED = 3


class Replaced(BackendUnavailable):
    """What was being read is there no longer."""

    text = "The object was replaced or removed while it was read. Try again."


@dataclass(frozen=True, slots=True)
class Pinned:
    """One version, the same or found to be gone: by its id where there are ids, and by its ETag."""

    bucket: str
    key: str
    version: str
    backend_etag: str
    size: int

    @property
    def headers(self) -> dict[str, str]:
        return {"if-match": f'"{self.backend_etag}"'}


class S3Reader(AbstractContextManager["S3Reader"]):
    """Reads the bytes as they are stored. Safe for one thread at a time."""

    def __init__(
        self, client: Client, service: str, pinned: Pinned, info: ObjectInfo, ahead: Download
    ) -> None:
        self.info = info
        self.service = service
        self.pinned = pinned
        self._client = client
        self._ahead: Download | None = ahead
        self._data: bytes | None = None
        if pinned.size <= AHEAD_BYTES:
            self._data = b"".join(self._first(0, pinned.size))

    def read(self, start: int, end: int) -> Iterator[bytes]:
        end = min(end, self.pinned.size)
        if start >= end:
            return iter(())
        if self._data is not None:
            return iter((self._data[start:end],))
        return self._first(start, end)

    def unlock(self, customer_key: bytes) -> None:
        raise nothing_to_unlock()

    def close(self) -> None:
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            ahead.close()

    def __exit__(self, *unused: object) -> None:
        self.close()

    def _first(self, start: int, end: int) -> Iterator[bytes]:
        """The beginning is on its way since the object was opened."""
        ahead, self._ahead = self._ahead, None
        if ahead is None or start:
            if ahead is not None:
                ahead.close()
            yield from self._pieces(start, end)
            return
        try:
            for piece in ahead:
                piece = piece[: end - start]
                start += len(piece)
                if piece:
                    yield piece
                if start >= end:
                    return
        except Broken:
            pass
        finally:
            ahead.close()
        yield from self._pieces(start, end)

    def _pieces(self, start: int, end: int) -> Iterator[bytes]:
        """A stream that breaks goes on where it broke, a few times without any progress."""
        left = _MOST_RESUMED
        while start < end:
            began = start
            try:
                with self._range(start, end) as found:
                    for piece in found:
                        piece = piece[: end - start]
                        start += len(piece)
                        yield piece
                if start == began:
                    raise Broken("The storage sent nothing of what was asked for. Try again.")
            except Broken:
                left = _MOST_RESUMED if start > began else left - 1
                if not left:
                    raise

    def _range(self, start: int, end: int) -> Download:
        one = self.pinned
        try:
            return self._client.get(
                one.bucket, one.key, version=one.version, span=(start, end), headers=one.headers
            )
        except (NoSuchKey, NoSuchVersion, MethodNotAllowed, PreconditionFailed):
            raise Replaced() from None
