"""The values that travel between the store and its backends.

Times are integer milliseconds since the epoch, in UTC; sizes are bytes of the plaintext;
ETags carry no quotes; keys are text whose UTF-8 bytes sort.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from proxy.backends.seals import UNENCRYPTED, Encryption, Seal, SealedSegment
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
    """One uploaded part, or one part of a finished multipart object.

    `segment` says how an uploaded part is sealed; parts of a finished object have none, since its
    `seal` lists them.
    """

    number: int
    size: int
    etag: str
    last_modified: int
    checksums: Mapping[str, str] = field(default_factory=dict)
    segment: SealedSegment | None = field(default=None, compare=False)


NULL_VERSION = "null"
"""Id of the version that is written while versioning is not enabled: at most one per key."""

CURRENT = ""
"""In place of a version id: whatever a plain GET finds."""

GOVERNANCE, COMPLIANCE = "GOVERNANCE", "COMPLIANCE"


@dataclass(frozen=True, slots=True)
class Lock:
    """What keeps one version from being removed: a retention (`mode`, `until`) and a legal hold.

    `mode` is GOVERNANCE, COMPLIANCE or "" (no retention); `until` is milliseconds, 0 with no mode.
    Source: Amazon S3 User Guide, "Locking objects with Object Lock".
    """

    mode: str = ""
    until: int = 0
    hold: bool = False

    def binds(self, now: int, *, bypass: bool = False) -> bool:
        """Whether the version must stay; `bypass` lifts a governance retention, never a hold."""
        if self.hold:
            return True
        return self.until > now and not (bypass and self.mode == GOVERNANCE)


UNLOCKED = Lock()


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """Every fact about one version of an object except its bytes.

    `headers` holds the standard headers that S3 keeps (lower-case names), `metadata` the
    `x-amz-meta-` headers without that prefix, `checksums` base64 values by lower-case
    algorithm (`crc32`, `crc32c`, `crc64nvme`, `sha1`, `sha256`; composite ones end in `-N`).
    `parts` is empty for an object that was put whole. `seq` is the place's sequence number
    of its last change but those of `lock`.

    `ordinal` orders the versions of one key: the greatest is the newest. A delete marker has
    `marker` set, size 0 and no ETag. `latest` is True for the newest version of its key.
    `acl` is opaque to backends ("" means: the owner alone). `size`, `etag`, `checksums` and `parts`
    are always those of the plaintext, also if `seal` says that what is stored is not. How it is sealed
    is no fact of an object: infos that differ only there are equal.
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
    version_id: str = NULL_VERSION
    ordinal: int = 0
    marker: bool = False
    latest: bool = True
    lock: Lock = UNLOCKED
    acl: str = ""
    seal: Seal | None = field(default=None, compare=False)
    encryption: Encryption = UNENCRYPTED


@dataclass(frozen=True, slots=True)
class NewObject:
    """What the writer of an object says about it, before its bytes are known.

    It becomes the current version of its key under `version_id`, and a version of that same id
    is replaced by it: so a fresh id keeps what was there, and NULL_VERSION replaces the null
    version wherever it stands in line.

    With `carried`, the object is a copy of one that lives elsewhere: ETag, times, parts and
    checksums are taken over as they are, and the backend refuses (BadDigest) bytes whose
    size, or whose MD5 where the ETag is one, differs. It then takes its place in line by
    `carried.ordinal`: the current version only if no greater ordinal is there; with `newest` it becomes
    the current version as any other object does (a replica).

    `customer_key` (SSE-C, 32 bytes) seals it and is never kept. `sealed_anew` has the body sealed as
    the backend's configuration says, also where it could be taken over as it is.
    """

    key: str
    headers: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    owner_id: str = ""
    checksum_type: str = "FULL_OBJECT"
    version_id: str = NULL_VERSION
    lock: Lock = UNLOCKED
    acl: str = ""
    carried: ObjectInfo | None = None
    newest: bool = False
    customer_key: bytes | None = field(default=None, repr=False, compare=False)
    sealed_anew: bool = False

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
            version_id=info.version_id,
            lock=info.lock,
            acl=info.acl,
            carried=info,
        )


@dataclass(frozen=True, slots=True)
class UploadInfo:
    """A multipart upload: open, or finished within the last 24 hours (`completed` is set).

    `lock` and `acl` become the finished object's. `seal` holds the wrap of the data key that seals
    all parts. `customer_key` (SSE-C, 32 bytes) is given by whoever creates it and is never kept, and so is
    `carried`: the object that it is to become a copy of, for backends that must say so before the bytes.
    """

    upload_id: str
    key: str
    initiated: int
    headers: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    owner_id: str = ""
    checksum_algorithm: str = ""
    checksum_type: str = ""
    lock: Lock = UNLOCKED
    acl: str = ""
    completed: ObjectInfo | None = None
    seal: Seal | None = field(default=None, compare=False)
    encryption: Encryption = UNENCRYPTED
    customer_key: bytes | None = field(default=None, repr=False, compare=False)
    carried: ObjectInfo | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class PartRequest:
    """One part as CompleteMultipartUpload names it; checksums only where the client gave them."""

    number: int
    etag: str
    checksums: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Precondition:
    """What must hold of the row at the moment of the commit; the default always holds.

    The row is that of the version that is named, else the current one (None: no such row, or a
    delete marker). `etags` (If-Match; `*` is any), `absent` (If-None-Match: *), `none_of`
    (If-None-Match with tags), `size` and `modified` (milliseconds, compared by whole seconds),
    `seq_at_most` (nothing newer than a bound that was noted before).
    """

    etags: tuple[str, ...] = ()
    absent: bool = False
    none_of: tuple[str, ...] = ()
    size: int | None = None
    modified: int | None = None
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
        if self.size is not None and current.size != self.size:
            raise PreconditionFailed(fields={"Condition": "Size"})
        if self.modified is not None and current.last_modified // 1000 != self.modified // 1000:
            raise PreconditionFailed(fields={"Condition": "LastModifiedTime"})
        if self.seq_at_most is not None and current.seq > self.seq_at_most:
            raise PreconditionFailed("The object was changed after the bound.")


ALWAYS = Precondition()


@dataclass(frozen=True, slots=True)
class Deletion:
    """One thing to take away: a version for good, or (with `marker`) a key from sight.

    Without `marker` the version `version_id` is removed and the next older one, if any, becomes
    the current one. With it a delete marker of that id becomes the current version; a version of
    the same id (the null version) is replaced. `bypass` lifts governance retention. `carried` is
    a marker that is copied from elsewhere: it takes its place in line as NewObject.carried does.
    `owner_id` becomes that of a marker. `superseded`: only while a newer one stands before it.
    """

    key: str
    version_id: str = NULL_VERSION
    marker: bool = False
    when: Precondition = ALWAYS
    bypass: bool = False
    carried: ObjectInfo | None = None
    owner_id: str = ""
    superseded: bool = False


@dataclass(frozen=True, slots=True)
class Amendment:
    """A change of what is said about a version, its bytes untouched; None leaves a thing alone.

    `tags` replace all tags, `acl` the access list; `retention` is (mode, until), ("", 0) ends it;
    `bypass` lets a governance retention be shortened or ended.
    """

    tags: Mapping[str, str] | None = None
    acl: str | None = None
    retention: tuple[str, int] | None = None
    hold: bool | None = None
    bypass: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of a listing, in UTF-8 byte order of keys and prefixes together.

    `last` is where the next page starts (pass it as `after`), None at the end.
    `objects` carry no metadata, tags, parts, lock or access list, and no header but STORAGE_CLASS.
    """

    objects: tuple[ObjectInfo, ...]
    prefixes: tuple[str, ...]
    last: str | None


@dataclass(frozen=True, slots=True)
class VersionListing:
    """One page of all versions and delete markers: keys in byte order, newest first within a key.

    `last` is where the next page starts (pass it as `after`): the key and version id of the last
    entry, or a prefix and "". Entries carry what those of a Listing do, and `version_id`,
    `ordinal`, `marker`, `latest`.
    """

    versions: tuple[ObjectInfo, ...]
    prefixes: tuple[str, ...]
    last: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class FeedPosition:
    """Where a reader of a change feed is: up to and with the change `seq` of that life of a bucket."""

    bucket_id: str
    incarnation: str
    seq: int


class FeedLost(Exception):
    """The feed does not go on from a position: the reader must look at everything once.

    Another life of the bucket, a position that the bounded log no longer holds, or that it never gave out.
    """


@dataclass(frozen=True, slots=True)
class Change:
    """Something happened to a key; `gone`: a plain GET found nothing afterwards."""

    key: str
    seq: int
    gone: bool


@dataclass(frozen=True, slots=True)
class ChangeListing:
    """The next changes of a place in their order; `position` is where to go on, `more`: there are some."""

    changes: tuple[Change, ...]
    position: FeedPosition
    more: bool


@dataclass(frozen=True, slots=True)
class UploadListing:
    """One page of uploads ordered by key, then initiation; `last` as (key, upload id)."""

    uploads: tuple[UploadInfo, ...]
    prefixes: tuple[str, ...]
    last: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class Usage:
    """What a place holds.

    `versions` counts rows that are not live (older versions, delete markers) and `versions_size`
    their bytes; `locked` counts versions that a retention or a hold keeps at this moment. Without
    `exact` there is at least so much: whoever asked had no more patience.
    """

    keys: int
    versions: int
    uploads: int
    size: int
    versions_size: int = 0
    locked: int = 0
    exact: bool = True

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
