"""What a handler is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from proxy.access.actions import versioned
from proxy.backends.base import ObjectReader
from proxy.backends.values import CURRENT, ObjectInfo
from proxy.caller import Caller
from proxy.errors import InvalidArgument, MethodNotAllowed, NoSuchBucket, NoSuchKey, NoSuchVersion
from proxy.limits import MAX_DOCUMENT_BYTES, MAX_PUT_BYTES
from proxy.records import BucketRecord
from proxy.store import Store
from proxy.versioning import new_version_id
from proxy.wire.body import Body, open_body, read_all
from proxy.wire.request import S3Request
from proxy.wire.sigv4 import Credentials

Pulse = Callable[[], None]
T = TypeVar("T")


class Pieces(Protocol):
    """A request's body as it came off the wire, in pieces.

    `pulse` is called about once a second while there is nothing to take, so that a write
    which waits for its client still notices that its gate was closed.
    """

    pulse: Pulse | None

    def __iter__(self) -> Iterator[bytes]: ...


@dataclass(slots=True)
class NoPieces:
    """Of a request whose body was not asked for yet."""

    pulse: Pulse | None = None

    def __iter__(self) -> Iterator[bytes]:
        return iter(())


class Rights(Protocol):
    """What a caller may do in one bucket. The gateway has asked for the operation's own right.

    Where that right hangs on the object itself (its owner, its access list, its tags), the
    operation's handler asks again with `info`: `Call.open` and `Call.head` do.
    """

    def allows(self, right: str, key: str = "", info: ObjectInfo | None = None) -> bool: ...

    def require(self, right: str, key: str = "", info: ObjectInfo | None = None) -> None:
        """Raises AccessDenied."""

    def granted(self, right: str) -> bool:
        """As `allows`, but by what is meant for this caller in particular, not for everybody."""

    def elsewhere(self, bucket: BucketRecord) -> Rights:
        """The same caller's rights in the bucket of a copy's source (also if it is this one).

        Raises AccessDenied if that is not of the owner whom the request expects.
        """

    def saying(self, headers: Mapping[str, str]) -> Rights:
        """The same rights, for a request whose document says what these headers would say."""


@dataclass(slots=True)
class Call:
    """One authenticated, authorised request on its way through a handler.

    `right` is what the operation needs. `credentials` is None for an anonymous request.
    `keys_in_clear` lets clients' own encryption keys come without TLS from anywhere.
    """

    request: S3Request
    credentials: Credentials | None
    caller: Caller
    rights: Rights
    right: str
    pieces: Pieces
    now_ms: int
    region: str
    keys_in_clear: bool = False
    bucket: BucketRecord | None = None
    pulse: Pulse | None = None
    _store: Store | None = None

    @property
    def here(self) -> BucketRecord:
        """The bucket that the request names. Raises NoSuchBucket."""
        if self.bucket is None:
            raise NoSuchBucket(fields={"BucketName": self.request.bucket})
        return self.bucket

    @property
    def store(self) -> Store:
        if self._store is None:
            self._store = Store.of(self.here)
        return self._store

    @property
    def version(self) -> str:
        """The versionId of the request, CURRENT if there is none. Raises InvalidArgument for an empty one."""
        found = self.request.query.get("versionId")
        if found == "":
            raise InvalidArgument(
                "Version id cannot be the empty string",
                fields={"ArgumentName": "versionId", "ArgumentValue": ""},
            )
        return found or CURRENT

    def new_version_id(self) -> str:
        """The id under which what the request writes is to be stored."""
        return new_version_id(self.here.settings)

    def may(self, right: str, info: ObjectInfo) -> bool:
        """Whether the caller has that right, too, to what the request names."""
        return self.rights.allows(versioned(right) if self.version else right, self.request.key, info)

    def open(self) -> ObjectReader:
        """The object (or the version) that the request names, if the caller may have it.

        Raises what `Backend.open` does, and AccessDenied: also in place of NoSuchKey for a caller
        who may not list the bucket, so that nobody learns which keys there are.
        """
        reader = self._found(lambda: self.store.open(self.request.key, self.version))
        try:
            self.rights.require(self.right, self.request.key, reader.info)
        except BaseException:
            reader.close()
            raise
        return reader

    def head(self) -> ObjectInfo:
        """The facts of what the request names. Raises as `open` does."""
        info = self._found(lambda: self.store.head(self.request.key, self.version))
        self.rights.require(self.right, self.request.key, info)
        return info

    def _found(self, read: Callable[[], T]) -> T:
        try:
            return read()
        except (NoSuchKey, NoSuchVersion):
            self.rights.require("s3:ListBucket", self.request.key)
            raise
        except MethodNotAllowed:  # a delete marker: it has neither owner nor list
            if not self.rights.allows(self.right, self.request.key):
                self.rights.require("s3:ListBucket", self.request.key)
            raise

    def body(self, checksum: str = "", *, limit: int = MAX_PUT_BYTES) -> Body:
        """The decoded, self-checking body, at most `limit` bytes; can be taken once.

        `checksum` is computed in any case.
        """
        self.pieces.pulse = self.pulse
        return open_body(
            self.request, self.credentials, self.pieces, pulse=self.pulse, limit=limit, also=checksum
        )

    def document(self) -> bytes:
        """The body of a request that sends an XML document. Raises MaxMessageLengthExceeded."""
        return read_all(self.body(), MAX_DOCUMENT_BYTES)


@dataclass(slots=True)
class Answer:
    """A handler's answer. `length` stands in where the body is not sent (HEAD)."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | Download = b""
    length: int | None = None


class Download:
    """The bytes [start, end) of an open object; closes the object at the end or when told to."""

    def __init__(self, reader: ObjectReader, start: int, end: int) -> None:
        self.length = end - start
        self._reader = reader
        self._pieces = reader.read(start, end)
        self._open = True

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._pieces)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if self._open:
            self._open = False
            self._reader.close()


def document(content: bytes) -> Answer:
    """An XML document as an answer."""
    return Answer(200, {"Content-Type": "application/xml"}, content)
