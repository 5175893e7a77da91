"""Taking a body: without moving bytes where that is possible, else written once.

What is sealed is stored as it comes; what is not is hashed on its way.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from proxy.backends.base import Body, ObjectReader, ReaderBody, SealedBody
from proxy.backends.bodies import Running, is_md5
from proxy.backends.filesystem.bucket import OpenBucket
from proxy.backends.filesystem.incoming import (
    Incoming,
    Inline,
    NewFiles,
    SharedBlobs,
    SharedInline,
    blob_names,
    link_files,
)
from proxy.backends.filesystem.reader import FileReader
from proxy.backends.filesystem.rows import Segment, Stored
from proxy.backends.seals import PlainFacts
from proxy.backends.values import PartInfo
from proxy.errors import IncompleteBody


def take_body(
    bucket: OpenBucket,
    body: Body | SealedBody,
    *,
    etag: str | None = None,
    need: Iterable[str] = (),
    inline_bytes: int | None = None,
) -> Incoming:
    """`etag`: what the bytes are known to have (a carried one). `need`: checksums to come with it.

    Raises what the body raises, IncompleteBody, StorageFull, OSError.
    """
    most = bucket.inline_bytes if inline_bytes is None else inline_bytes
    if isinstance(body, SealedBody):
        shared = _unmoved_sealed(bucket, body, most >= 0)
        return shared or _received_sealed(bucket, body, most)
    wanted = tuple(need)
    shared = _unmoved(bucket, body, etag, wanted, most >= 0) if isinstance(body, ReaderBody) else None
    return shared or _received(bucket, body, wanted, most)


# -- without moving bytes ----------------------------------------------------------------
def _unmoved(
    bucket: OpenBucket, body: ReaderBody, etag: str | None, need: tuple[str, ...], inline: bool
) -> Incoming | None:
    reader = body.reader
    if not isinstance(reader, FileReader):
        return None
    known = _known(reader, body)
    if known is None or not (known.etag == etag if etag is not None else is_md5(known.etag)):
        return None
    if any(name not in known.checksums for name in need):
        return None
    where = reader.where
    if where.body is not None and not body.whole:
        return None
    return _shared(
        bucket, reader, Stored(where.body, tuple(_cut(where.segments, body.start, body.end))), known, inline
    )


def _unmoved_sealed(bucket: OpenBucket, body: SealedBody, inline: bool) -> Incoming | None:
    reader: ObjectReader | None = body.raw
    if not isinstance(reader, FileReader):
        return None
    return _shared(bucket, reader, reader.where, body.plain, inline)


def _shared(
    bucket: OpenBucket, reader: FileReader, where: Stored, facts: PlainFacts, inline: bool
) -> Incoming | None:
    """The same bytes under one more name, or counted once more; None if they must be read."""
    same = reader.bucket.is_same(bucket)
    if where.body is not None:
        return SharedInline(facts, where.body) if inline and same else None
    if same:
        return SharedBlobs(facts, bucket, where.segments)
    return link_files(bucket, ((reader.bucket.blob_path(one.blob), one) for one in where.segments), facts)


def _known(reader: FileReader, body: ReaderBody) -> PlainFacts | None:
    """ETag and checksums of these bytes, where a row says them."""
    if body.whole:
        return PlainFacts(reader.info.size, reader.info.etag, body.checksums)
    part = _part_at(reader.info.parts, body.start, body.end)
    return PlainFacts(part.size, part.etag, part.checksums) if part else None


def _part_at(parts: Iterable[PartInfo], start: int, end: int) -> PartInfo | None:
    at = 0
    for part in parts:
        if at >= start:
            return part if (at, at + part.size) == (start, end) else None
        at += part.size
    return None


def _cut(segments: Iterable[Segment], start: int, end: int) -> Iterator[Segment]:
    at = 0
    for segment in segments:
        first, last = max(start, at), min(end, at + segment.length)
        if first < last:
            yield Segment(segment.blob, segment.offset + first - at, last - first)
        at += segment.length


# -- byte by byte ------------------------------------------------------------------------
class _Sink:
    """Keeps what comes in memory up to a limit and in a file beyond it."""

    def __init__(self, bucket: OpenBucket, length: int | None, inline_bytes: int) -> None:
        """`length` is what the body announces. Raises StorageFull."""
        bucket.require_space(length or 0)
        self._bucket = bucket
        self._inline_bytes = inline_bytes
        self._small: list[bytes] = []
        self._path: Path | None = None
        self._descriptor = -1
        self.size = 0
        if inline_bytes < 0 or (length or 0) > inline_bytes:
            self._spill()

    def add(self, piece: bytes) -> None:
        self.size += len(piece)
        if self._path is None and self.size <= self._inline_bytes:
            self._small.append(piece)
            return
        self._spill()
        _write_all(self._descriptor, piece)

    def _spill(self) -> None:
        """From here on into a file."""
        if self._path is not None:
            return
        self._path = self._bucket.workspace.new_file()
        self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        for piece in self._small:
            _write_all(self._descriptor, piece)
        self._small.clear()

    def end(self, facts: PlainFacts) -> Incoming:
        if self._path is None:
            return Inline(facts, b"".join(self._small))
        os.fsync(self._descriptor)
        segment = Segment(blob_names(1)[0], 0, self.size)
        incoming = NewFiles(facts, self._bucket, [(self._path, segment)] if self.size else [])
        if not self.size:
            self._path.unlink()
        self._path = None
        return incoming

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
        if self._path is not None:
            self._path.unlink(missing_ok=True)


def _received(bucket: OpenBucket, body: Body, need: tuple[str, ...], inline_bytes: int) -> Incoming:
    sink, running = _Sink(bucket, body.length, inline_bytes), Running(need)
    try:
        for piece in body:
            running.add(piece)
            sink.add(piece)
        if body.length is not None and sink.size != body.length:
            raise IncompleteBody()
        return sink.end(running.facts(body.checksums))
    finally:
        sink.close()


def _received_sealed(bucket: OpenBucket, body: SealedBody, inline_bytes: int) -> Incoming:
    sink = _Sink(bucket, body.length, inline_bytes)
    try:
        for piece in body:
            sink.add(piece)
        return sink.end(body.plain)
    finally:
        sink.close()


def _write_all(descriptor: int, piece: bytes) -> None:
    view = memoryview(piece)
    while view:
        view = view[os.write(descriptor, view) :]
