"""Taking a body: without moving bytes where that is possible, else hashed and written once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from proxy.backends.base import Body, ReaderBody
from proxy.backends.filesystem.bucket import OpenBucket
from proxy.backends.filesystem.incoming import (
    Facts,
    Incoming,
    Inline,
    NewFiles,
    SharedBlobs,
    SharedInline,
    blob_names,
    link_files,
)
from proxy.backends.filesystem.reader import FileReader
from proxy.backends.filesystem.rows import Segment
from proxy.backends.values import PartInfo
from proxy.errors import IncompleteBody
from proxy.wire.checksums import ALGORITHMS, Checksum, value_of


def take_body(
    bucket: OpenBucket,
    body: Body,
    *,
    etag: str | None = None,
    need: Iterable[str] = (),
    inline_bytes: int | None = None,
) -> Incoming:
    """`etag`: what the bytes are known to have (a carried one). `need`: checksums to come with it.

    Raises what the body raises, IncompleteBody, StorageFull, OSError.
    """
    wanted = tuple(need)
    most = bucket.inline_bytes if inline_bytes is None else inline_bytes
    shared = _unmoved(bucket, body, etag, wanted, most >= 0) if isinstance(body, ReaderBody) else None
    if shared is not None:
        return shared
    return _received(bucket, body, wanted, most)


# -- without moving bytes ----------------------------------------------------------------
def is_md5(etag: str) -> bool:
    """Whether an ETag is the MD5 of the bytes (and not that of a multipart object)."""
    return len(etag) == 32 and "-" not in etag


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
    if reader.where.body is not None:
        same = inline and reader.bucket.is_same(bucket) and body.whole
        return SharedInline(known, reader.where.body) if same else None
    segments = tuple(_cut(reader.where.segments, body.start, body.end))
    if reader.bucket.is_same(bucket):
        return SharedBlobs(known, bucket, segments)
    return link_files(bucket, ((reader.bucket.blob_path(each.blob), each) for each in segments), known)


def _known(reader: FileReader, body: ReaderBody) -> Facts | None:
    """ETag and checksums of these bytes, where a row says them."""
    if body.whole:
        return Facts(reader.info.size, reader.info.etag, body.checksums)
    part = _part_at(reader.info.parts, body.start, body.end)
    return Facts(part.size, part.etag, part.checksums) if part else None


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
    """Hashes what comes; keeps it in memory up to a limit and in a file beyond it."""

    def __init__(self, bucket: OpenBucket, need: tuple[str, ...], inline_bytes: int) -> None:
        self._bucket = bucket
        self._inline_bytes = inline_bytes
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sums: dict[str, Checksum] = {name: ALGORITHMS[name].new() for name in need}
        self._small: list[bytes] = []
        self._path: Path | None = None
        self._descriptor = -1
        self.size = 0

    def add(self, piece: bytes) -> None:
        self._md5.update(piece)
        for running in self._sums.values():
            running.update(piece)
        self.size += len(piece)
        if self.size <= self._inline_bytes:
            self._small.append(piece)
            return
        self.spill()
        _write_all(self._descriptor, piece)

    def spill(self) -> None:
        """From here on into a file."""
        if self._path is not None:
            return
        self._path = self._bucket.workspace.new_file()
        self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        for piece in self._small:
            _write_all(self._descriptor, piece)
        self._small.clear()

    def end(self, checksums: Mapping[str, str]) -> Incoming:
        own = {name: value_of(running.digest()) for name, running in self._sums.items()}
        facts = Facts(self.size, self._md5.hexdigest(), {**checksums, **own})
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
    bucket.require_space(body.length or 0)
    sink = _Sink(bucket, need, inline_bytes)
    try:
        if inline_bytes < 0 or (body.length or 0) > inline_bytes:
            sink.spill()
        for piece in body:
            sink.add(piece)
        if body.length is not None and sink.size != body.length:
            raise IncompleteBody()
        return sink.end(body.checksums)
    finally:
        sink.close()


def _write_all(descriptor: int, piece: bytes) -> None:
    view = memoryview(piece)
    while view:
        view = view[os.write(descriptor, view) :]
