"""Parts of multipart uploads on their way to a service."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import IO

from proxy.backends.base import Body, ReaderBody, SealedBody
from proxy.backends.bodies import part_checksum, refuse_other_bytes
from proxy.backends.multipart import check_part_number
from proxy.backends.s3 import upload_rows as table
from proxy.backends.s3.client import Client
from proxy.backends.s3.copying import Copier
from proxy.backends.s3.habits import Habits
from proxy.backends.s3.intake import HeldBack, Plain, Sealed, Source, at_hand
from proxy.backends.s3.places import At
from proxy.backends.s3.transport import Payload
from proxy.backends.s3.upload_rows import UploadRow
from proxy.backends.s3.uploads import Uploads
from proxy.backends.seals import PlainFacts
from proxy.backends.values import PIECE_BYTES, Clock, PartInfo
from proxy.errors import NoSuchKey, NoSuchVersion, NotImplementedByUs, PreconditionFailed


@dataclass(frozen=True, slots=True)
class Taken:
    """A part that the service has: what it is, and its ETag there."""

    facts: PlainFacts
    backend_etag: str


class PartTaker:
    """UploadPart of one backend."""

    def __init__(self, client: Client, uploads: Uploads, copier: Copier, habits: Habits, now: Clock) -> None:
        self._client = client
        self._habits = habits
        self._uploads = uploads
        self._copier = copier
        self._now = now

    def put(
        self, at: At, upload_id: str, number: int, body: Body | SealedBody, carried: PartInfo | None
    ) -> PartInfo:
        """See `Backend.put_part`."""
        check_part_number(number)
        row = self._uploads.open(at.place, upload_id)
        names = part_checksum(body, row.info.checksum_algorithm, carried=carried is not None)
        taken = self._copied(at, row, number, body, carried, names)
        segment = None
        if taken is None:
            source = _source(body, names, carried)
            taken = self._sent(at, row, number, source)
            segment = source.segments[0] if source.segments else None
        facts = taken.facts
        part = PartInfo(number, facts.size, facts.etag, self._now(), facts.checksums, segment)
        if carried is not None:
            part = replace(carried, number=number, segment=segment)
        table.put_part(at.place, upload_id, part, taken.backend_etag)
        return part

    # -- without moving bytes ------------------------------------------------------------------
    def _copied(
        self, at: At, row: UploadRow, number: int, body: Body | SealedBody, carried: PartInfo | None,
        names: tuple[str, ...],
    ) -> Taken | None:  # fmt: skip
        """The MD5 of the part must be known afterwards: only where the service tells it."""
        if not isinstance(body, ReaderBody) or names or body.start >= body.end:
            return None
        source = self._copier.range_source(body.reader)
        if source is None or not (carried is not None or self._habits.tells_md5(at.bucket)):
            return None
        try:
            made = self._client.upload_part_copy(
                at.bucket, row.key, row.backend_upload_id, number, source.named, (body.start, body.end),
                source.headers,
            )  # fmt: skip
        except (NoSuchKey, NoSuchVersion, NotImplementedByUs, PreconditionFailed):
            return None
        whole = {} if any("-" in value for value in body.checksums.values()) else dict(body.checksums)
        facts = PlainFacts(body.end - body.start, made.etag, whole)
        if carried is not None and (facts.size, facts.etag) != (carried.size, carried.etag):
            return None  # by its bytes it will be told whether it is another part
        return Taken(facts, made.etag)

    # -- byte by byte --------------------------------------------------------------------------
    def _sent(self, at: At, row: UploadRow, number: int, source: Source) -> Taken:
        taken = at_hand(source)
        if isinstance(taken, bytes):
            return self._uploaded(at, row, number, source, taken)
        if source.length is not None:
            return self._uploaded(at, row, number, source, HeldBack(taken, source.length))
        with tempfile.TemporaryFile() as file:
            return self._uploaded(at, row, number, source, Spooled(taken, file))

    def _uploaded(
        self, at: At, row: UploadRow, number: int, source: Source, payload: bytes | Payload
    ) -> Taken:
        facts = self._client.upload_part(at.bucket, row.key, row.backend_upload_id, number, payload)
        if not source.segments:
            self._habits.confirm(at.bucket, source.facts.etag, facts.etag)
        return Taken(source.facts, facts.etag)


class Spooled:
    """A body of unknown length, in a file until its length is known."""

    def __init__(self, pieces: Iterable[bytes], file: IO[bytes]) -> None:
        self.length = 0
        self._file = file
        for piece in pieces:
            self.length += file.write(piece)

    def __iter__(self) -> Iterator[bytes]:
        self._file.seek(0)
        while piece := self._file.read(PIECE_BYTES):
            yield piece


def _source(body: Body | SealedBody, names: tuple[str, ...], carried: PartInfo | None) -> Source:
    def judge(found: PlainFacts) -> None:
        if carried is not None:
            refuse_other_bytes(found, carried.size, carried.etag)

    return Sealed(body, judge) if isinstance(body, SealedBody) else Plain(body, names, judge)
