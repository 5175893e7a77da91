"""An open object: facts from one row, bytes from the bodies that this row named."""

from __future__ import annotations

import os
import warnings
from bisect import bisect_right
from collections.abc import Callable, Iterator
from itertools import accumulate
from pathlib import Path
from types import TracebackType
from typing import Self

from proxy.backends.base import nothing_to_unlock
from proxy.backends.filesystem.bucket import OpenBucket
from proxy.backends.filesystem.faults import translate
from proxy.backends.filesystem.rows import Segment, Stored
from proxy.backends.values import PIECE_BYTES, ObjectInfo
from proxy.errors import InternalError


class FileReader:
    """Holds what it needs until `close`: one blob is open; of several, all are pinned.

    What it reads is what is stored, also if that is sealed. `data` is an inline body's bytes,
    `began` a moment (ms) before the row was read. `release` gives the open place back.
    """

    def __init__(
        self,
        bucket: OpenBucket,
        info: ObjectInfo,
        where: Stored,
        data: bytes | None,
        began: int,
        release: Callable[[], None],
    ) -> None:
        """Raises FileNotFoundError if the row was replaced and its blob unlinked meanwhile."""
        self._release: Callable[[], None] | None = None
        self.info = info
        self.bucket = bucket
        self.where = where
        self.data = data
        self._stored = info.size if info.seal is None else info.seal.stored
        self._ends = list(accumulate(segment.length for segment in where.segments))
        self._current: tuple[str, int] | None = None
        self._pin: Path | None = None
        if len(where.segments) > 1:
            self._pin = bucket.workspace.pin(began)
        try:
            if where.segments:
                self._open(where.segments[0])
        except BaseException:
            self._let_go()
            raise
        self._release = release  # only now: who fails to open gives the place back himself

    def read(self, start: int, end: int) -> Iterator[bytes]:
        """Raises InternalError if the disk has fewer bytes than the row says."""
        end = min(end, self._stored)
        if self.data is not None:
            yield from (self.data[at : min(at + PIECE_BYTES, end)] for at in range(start, end, PIECE_BYTES))
            return
        at = start
        while at < end:
            index = bisect_right(self._ends, at)
            segment, upto = self.where.segments[index], min(end, self._ends[index])
            offset = segment.offset + at - (self._ends[index] - segment.length)
            piece = self._piece(segment, offset, min(PIECE_BYTES, upto - at))
            at += len(piece)
            yield piece

    def _piece(self, segment: Segment, offset: int, size: int) -> bytes:
        try:
            piece = os.pread(self._open(segment), size, offset)
        except OSError as error:
            raise translate(error, self.bucket.folder) or error from error
        if not piece:
            raise InternalError(f"The body of {self.info.key!r} is shorter than its row says.")
        return piece

    def _open(self, segment: Segment) -> int:
        if self._current is not None:
            if self._current[0] == segment.blob:
                return self._current[1]
            os.close(self._current[1])
            self._current = None
        descriptor = os.open(self.bucket.blob_path(segment.blob), os.O_RDONLY)
        self._current = (segment.blob, descriptor)
        return descriptor

    def unlock(self, customer_key: bytes) -> None:
        raise nothing_to_unlock()

    def close(self) -> None:
        if self._release is None:
            return
        release, self._release = self._release, None
        self._let_go()
        release()

    def _let_go(self) -> None:
        if self._current is not None:
            os.close(self._current[1])
            self._current = None
        if self._pin is not None:
            self._pin.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if self._release is not None:
            # Not `close`: locks must not be taken wherever the collector happens to run.
            self._let_go()
            warnings.warn(f"the reader of {self.info.key!r} was never closed", ResourceWarning, stacklevel=2)
