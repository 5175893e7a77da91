"""What every backend must do, and the values that travel between it and the store.

A backend keeps objects in *places*. It raises S3Error classes only, is safe to call from
any number of threads and processes, and says what it can do by class flags; nothing above
it asks for its name. Times are integer milliseconds since the epoch, in UTC; sizes are
bytes of the plaintext; ETags carry no quotes; keys are text whose UTF-8 bytes sort.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self

from proxy.errors import NoSuchKey, PreconditionFailed

STORAGE_CLASS = "x-amz-storage-class"
"""The one header of an object that listings show."""

PIECE_BYTES = 1024 * 1024
"""Upper bound of one piece of a body on its way through."""

Clock = Callable[[], int]
"""Wall clock: milliseconds since the epoch, UTC."""

Pulse = Callable[[], None]
"""Called between the pieces of a body; raises to end the transfer."""


@dataclass(frozen=True, slots=True)
class Place:
    """One real bucket on a backend: whose it is, its name there, and which attempt at it.

    `incarnation` sets apart two lives of the same name, so that nothing of an earlier one
    (a failed migration, a deleted bucket) can come back.
    """

    bucket_id: str
    bucket: str
    incarnation: str


@dataclass(frozen=True, slots=True)
class Route:
    """Which backend, and which place on it, serves a bucket."""

    backend: str
    place: Place


@dataclass(frozen=True, slots=True)
class PartInfo:
    """One uploaded part, or one part of a finished multipart object."""

    number: int
    size: int
    etag: str
    last_modified: int
    checksums: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """Every fact about an object except its bytes.

    `headers` holds the standard headers that S3 keeps (lower-case names), `metadata` the
    `x-amz-meta-` headers without that prefix, `checksums` base64 values by lower-case
    algorithm (`crc32`, `crc32c`, `crc64nvme`, `sha1`, `sha256`; composite ones end in `-N`).
    `parts` is empty for an object that was put whole. `seq` is the place's sequence number
    at which this row was born.
    """

    key: str
    size: int
    etag: str
    last_modified: int
    seq: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    owner_id: str = ""
    checksums: Mapping[str, str] = field(default_factory=dict)
    checksum_type: str = ""
    parts: tuple[PartInfo, ...] = ()
    version_id: str | None = None


@dataclass(frozen=True, slots=True)
class NewObject:
    """What the writer of an object says about it, before its bytes are known.

    With `carried`, the object is a copy of one that lives elsewhere: ETag, times, parts and
    checksums are taken over as they are, and the backend refuses (BadDigest) bytes whose
    size, or whose MD5 where the ETag is one, differs.
    """

    key: str
    headers: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    owner_id: str = ""
    checksum_type: str = "FULL_OBJECT"
    carried: ObjectInfo | None = None

    @classmethod
    def copy_of(cls, info: ObjectInfo) -> NewObject:
        """The same object for another place, every fact taken over."""
        return cls(
            key=info.key,
            headers=info.headers,
            metadata=info.metadata,
            tags=info.tags,
            owner_id=info.owner_id,
            checksum_type=info.checksum_type,
            carried=info,
        )


@dataclass(frozen=True, slots=True)
class UploadInfo:
    """A multipart upload: open, or finished within the last 24 hours (`completed` is set)."""

    upload_id: str
    key: str
    initiated: int
    headers: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    owner_id: str = ""
    checksum_algorithm: str = ""
    checksum_type: str = ""
    completed: ObjectInfo | None = None


@dataclass(frozen=True, slots=True)
class PartRequest:
    """One part as CompleteMultipartUpload names it; checksums only where the client gave them."""

    number: int
    etag: str
    checksums: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Precondition:
    """What must hold of the live row at the moment of the commit; the default always holds.

    `etags` (If-Match; `*` is any), `absent` (If-None-Match: *), `none_of` (If-None-Match with
    tags), `seq_at_most` (nothing newer than a bound that was noted before).
    """

    etags: tuple[str, ...] = ()
    absent: bool = False
    none_of: tuple[str, ...] = ()
    seq_at_most: int | None = None

    def check(self, current: ObjectInfo | None) -> None:
        """Raise NoSuchKey (If-Match on nothing) or PreconditionFailed; return if it holds.

        Source: Amazon S3 User Guide, "Conditional writes".
        """
        if self.etags:
            if current is None:
                raise NoSuchKey()
            if "*" not in self.etags and current.etag not in self.etags:
                raise PreconditionFailed(fields={"Condition": "If-Match"})
        if current is None:
            return
        if self.absent or current.etag in self.none_of:
            raise PreconditionFailed(fields={"Condition": "If-None-Match"})
        if self.seq_at_most is not None and current.seq > self.seq_at_most:
            raise PreconditionFailed("The object was changed after the bound.")


ALWAYS = Precondition()


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of a listing, in UTF-8 byte order of keys and prefixes together.

    `last` is where the next page starts (pass it as `after`), None at the end.
    `objects` carry no metadata, tags or parts, and no header but STORAGE_CLASS.
    """

    objects: tuple[ObjectInfo, ...]
    prefixes: tuple[str, ...]
    last: str | None


@dataclass(frozen=True, slots=True)
class UploadListing:
    """One page of uploads ordered by key, then initiation; `last` as (key, upload id)."""

    uploads: tuple[UploadInfo, ...]
    prefixes: tuple[str, ...]
    last: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class Usage:
    """What a place holds. `versions` counts rows that are not live (history, delete markers)."""

    keys: int
    versions: int
    uploads: int
    size: int

    @property
    def empty(self) -> bool:
        return not (self.keys or self.versions or self.uploads)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a store. `key` is empty for what concerns the place as a whole."""

    place: Place
    key: str
    problem: str

    def __str__(self) -> str:
        within = f"/{self.key}" if self.key else ""
        return f"{self.place.bucket}~{self.place.incarnation}{within}: {self.problem}"


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
    """An open object: its facts and its bytes belong together, whatever happens to the key."""

    info: ObjectInfo

    def read(self, start: int, end: int) -> Iterator[bytes]:
        """Bytes [start, end) in pieces of at most PIECE_BYTES."""

    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


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
        self._pulse = pulse

    def __iter__(self) -> Iterator[bytes]:
        for piece in self.reader.read(self.start, self.end):
            if self._pulse is not None:
                self._pulse()
            yield piece


class Backend(Protocol):
    """Where bytes live. See the module's docstring for the units and for the guarantees."""

    name: str
    place_id: str
    """Identity of the physical place (not of its name or path); empty until `prepare`."""

    confirms_copies: bool = False
    """A put of a carried object is confirmed by checksum on the far side, at rest."""

    # -- the physical place and the buckets on it ------------------------------------
    def prepare(self, known_id: str | None) -> str:
        """Find or, where nothing is known of it yet, make the physical place; its id.

        Raises BackendUnavailable if the place does not show `known_id`.
        """

    def check(self) -> None:
        """Raise BackendUnavailable unless the place that we know is there and answers."""

    def check_store(self, *, deep: bool) -> Iterator[Finding]:
        """What does not agree with its bytes, in every place; `deep` reads and hashes them all."""

    def create_bucket(self, place: Place) -> None:
        """Make an empty place. Doing it again is no error."""

    def delete_bucket(self, place: Place, *, force: bool = False) -> None:
        """Remove a place; BucketNotEmpty unless it is empty or `force`. Absent is no error."""

    def places(self, bucket: str) -> tuple[Place, ...]:
        """Every place of that real bucket name that exists here, of whatever incarnation."""

    def usage(self, place: Place) -> Usage: ...
    def head_seq(self, place: Place) -> int:
        """The newest sequence number that was given out."""

    def mark(self, place: Place, name: str, text: str | None) -> None:
        """Leave a small note on a place (None takes it away); clients never see it."""

    def marked(self, place: Place, name: str) -> str | None: ...

    # -- objects ---------------------------------------------------------------------
    def put(self, place: Place, new: NewObject, body: Body, when: Precondition = ALWAYS) -> ObjectInfo:
        """Store an object; durable when it returns, invisible if it raises."""

    def can_link(self, reader: ObjectReader) -> bool:
        """Whether a put of it here would move no bytes: a hint, the put decides anew."""

    def open(self, place: Place, key: str) -> ObjectReader:
        """Raises NoSuchKey."""

    def head(self, place: Place, key: str) -> ObjectInfo:
        """Raises NoSuchKey."""

    def delete(self, place: Place, key: str, when: Precondition = ALWAYS) -> ObjectInfo | None:
        """The object that is gone now, or None if there was none."""

    def list(
        self, place: Place, *, prefix: str = "", delimiter: str = "", after: str = "", limit: int = 1000
    ) -> Listing:
        """Keys and common prefixes strictly after `after`.

        Keys under a common prefix that is at or before `after` are passed over, so `last`,
        an S3 marker and a start-after all mean the same here.
        """

    # -- multipart uploads -----------------------------------------------------------
    def create_upload(self, place: Place, upload: UploadInfo) -> None:
        """Open an upload under the id that the caller chose; the same again is no error."""

    def head_upload(self, place: Place, upload_id: str) -> UploadInfo:
        """Raises NoSuchUpload; finished uploads are found for 24 hours."""

    def put_part(
        self, place: Place, upload_id: str, number: int, body: Body, carried: PartInfo | None = None
    ) -> PartInfo:
        """Raises NoSuchUpload. `carried` takes a part's facts over as NewObject.carried does."""

    def open_part(self, place: Place, upload_id: str, number: int) -> ObjectReader:
        """An uploaded part's bytes (`info.key` is the upload's key). Raises NoSuchUpload, InvalidPart."""

    def complete_upload(
        self,
        place: Place,
        upload_id: str,
        parts: Iterable[PartRequest],
        when: Precondition = ALWAYS,
        *,
        checksums: Mapping[str, str] | None = None,
        carried: ObjectInfo | None = None,
    ) -> ObjectInfo:
        """Make the object of its parts; no byte moves. Repeated within 24 hours: the first answer.

        `checksums` are whole-object values that the client expects (BadDigest if they differ).
        `carried` makes it the copy of another object, whatever the parts' own ETags are, and
        then neither the least part size nor the ETag rule applies.
        Raises NoSuchUpload, InvalidPart, InvalidPartOrder, EntityTooSmall, PreconditionFailed.
        """

    def abort_upload(self, place: Place, upload_id: str) -> None:
        """Raises NoSuchUpload."""

    def list_parts(
        self, place: Place, upload_id: str, *, after: int = 0, limit: int = 1000
    ) -> tuple[tuple[PartInfo, ...], bool]:
        """Parts after a number, in order, and whether there are more. Raises NoSuchUpload."""

    def list_uploads(
        self,
        place: Place,
        *,
        prefix: str = "",
        delimiter: str = "",
        after: tuple[str, str] = ("", ""),
        limit: int = 1000,
        finished: bool = False,
    ) -> UploadListing:
        """Open uploads after (key, upload id); with `finished` also those that `head_upload` still finds."""
