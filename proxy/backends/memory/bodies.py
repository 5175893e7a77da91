"""Bytes on their way in and out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager

from proxy.backends.base import Body, ReaderBody
from proxy.backends.values import PIECE_BYTES, ObjectInfo
from proxy.errors import BadDigest, IncompleteBody
from proxy.wire.checksums import compute


class MemoryReader(AbstractContextManager["MemoryReader"]):
    """An open object: a snapshot, so nothing can happen to it."""

    def __init__(self, info: ObjectInfo, data: bytes) -> None:
        self.info = info
        self.data = data

    def read(self, start: int, end: int) -> Iterator[bytes]:
        for at in range(start, min(end, len(self.data)), PIECE_BYTES):
            yield self.data[at : min(at + PIECE_BYTES, end)]

    def close(self) -> None:
        return None

    def __exit__(self, *unused: object) -> None:
        return None


def taken(body: Body) -> tuple[bytes, str, dict[str, str]]:
    """The bytes, their MD5 and checksums that fit an object that is put whole."""
    data = b"".join(body)
    if body.length is not None and body.length != len(data):
        raise IncompleteBody()
    sums = dict(body.checksums)
    if isinstance(body, ReaderBody):
        sums = {name: compute(name, data) if "-" in value else value for name, value in sums.items()}
    return data, hashlib.md5(data, usedforsecurity=False).hexdigest(), sums


def refuse_other_bytes(data: bytes, md5: str, size: int, etag: str) -> None:
    """Raises BadDigest if what came is not what was carried."""
    if len(data) != size or ("-" not in etag and md5 != etag):
        raise BadDigest("The bytes are not those of the object that they are a copy of.")
