"""Bytes on their way in: taken outside the transaction, brought home inside it.

Each kind has `land` (inside the transaction that inserts the row) and `discard` (always
called at the end; what has landed is not touched by it).
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from proxy.backends.filesystem.bucket import OpenBucket
from proxy.backends.filesystem.rows import Segment, Stored
from proxy.backends.filesystem.transaction import Transaction
from proxy.backends.seals import PlainFacts


class BodyGone(Exception):
    """What was to be shared was released meanwhile: take the bytes instead."""


class Incoming(Protocol):
    """`facts` are those of the plaintext, also where what was taken is sealed."""

    facts: PlainFacts

    def land(self, transaction: Transaction) -> Stored:
        """Call after `next_seq`. Raises BodyGone, OSError, apsw.Error."""
        ...

    def discard(self) -> None: ...


@dataclass(slots=True)
class Inline:
    """A small body: becomes a row."""

    facts: PlainFacts
    data: bytes

    def land(self, transaction: Transaction) -> Stored:
        transaction.run("INSERT INTO bodies (id, refs, data) VALUES (?, 1, ?)", transaction.seq, self.data)
        return Stored(transaction.seq)

    def discard(self) -> None:
        return None


@dataclass(slots=True)
class SharedInline:
    """An inline body of the same place: one more row refers to it."""

    facts: PlainFacts
    body: int

    def land(self, transaction: Transaction) -> Stored:
        if not transaction.changed("UPDATE bodies SET refs = refs + 1 WHERE id = ?", self.body):
            raise BodyGone()
        return Stored(self.body)

    def discard(self) -> None:
        return None


@dataclass(slots=True)
class SharedBlobs:
    """Blobs of the same place: one more row refers to each."""

    facts: PlainFacts
    bucket: OpenBucket
    segments: tuple[Segment, ...]

    def land(self, transaction: Transaction) -> Stored:
        for segment in self.segments:
            if not transaction.changed("UPDATE blobs SET refs = refs + 1 WHERE id = ?", segment.blob):
                self._take_back(transaction, segment.blob)
        return Stored(None, self.segments)

    def _take_back(self, transaction: Transaction, blob: str) -> None:
        """Garbage that is still on the disk is as good as new: files go only under the writer lock."""
        row = transaction.row("DELETE FROM garbage WHERE id = ? RETURNING size", blob)
        if row is None:
            raise BodyGone()
        transaction.run("INSERT INTO blobs (id, refs, size) VALUES (?, 1, ?)", blob, row[0])

    def discard(self) -> None:
        return None


@dataclass(slots=True)
class NewFiles:
    """Files in the workspace, fsynced: they move to `blobs/`, all to one folder."""

    facts: PlainFacts
    bucket: OpenBucket
    files: list[tuple[Path, Segment]]

    def land(self, transaction: Transaction) -> Stored:
        for path, segment in self.files:
            target = self.bucket.blob_path(segment.blob)
            size = path.stat().st_size
            transaction.run("INSERT INTO blobs (id, refs, size) VALUES (?, 1, ?)", segment.blob, size)
            _move_in(path, target, transaction)
        return Stored(None, tuple(segment for _, segment in self.files))

    def discard(self) -> None:
        for path, _ in self.files:
            path.unlink(missing_ok=True)


def _move_in(path: Path, target: Path, transaction: Transaction) -> None:
    folder = target.parent
    if not folder.is_dir():
        folder.mkdir(mode=0o700, exist_ok=True)
        transaction.moved_in(folder.parent)
    path.rename(target)
    transaction.moved_in(folder)


def blob_names(count: int) -> list[str]:
    """Fresh names that share one folder, so that many need one fsync."""
    first = uuid.uuid4().hex
    return [first, *(first[:2] + uuid.uuid4().hex[2:] for _ in range(count - 1))][:count]


def link_files(
    bucket: OpenBucket, sources: Iterable[tuple[Path, Segment]], facts: PlainFacts
) -> NewFiles | None:
    """Hard links to another place's blobs, under new names; None if the disk cannot have them."""
    found = list(sources)
    incoming = NewFiles(facts, bucket, [])
    try:
        for name, (source, segment) in zip(blob_names(len(found)), found, strict=True):
            path = bucket.workspace.new_file()
            os.link(source, path)
            incoming.files.append((path, segment._replace(blob=name)))
    except OSError:  # EXDEV, EMLINK, ENOENT, EPERM: the bytes are read instead
        incoming.discard()
        return None
    return incoming
