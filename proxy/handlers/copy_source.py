"""Where the bytes of a copy come from: x-amz-copy-source, its conditions, and the right to read it."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Self

from proxy.access.actions import versioned
from proxy.backends.base import ObjectReader
from proxy.backends.values import CURRENT, ObjectInfo
from proxy.errors import InvalidRequest, InvalidURI, MethodNotAllowed, NoSuchKey, NoSuchVersion
from proxy.handlers import encrypting
from proxy.handlers.call import Call, Rights
from proxy.handlers.parameters import wrong
from proxy.records import BucketRecord, find_bucket
from proxy.store import Store
from proxy.wire.conditions import check_copy_source
from proxy.wire.encoding import decode
from proxy.wire.request import check_key

_SOURCE = "x-amz-copy-source"
_VERSION = "?versionId="
_IS_MARKER = "The source of a copy request may not specifically refer to a delete marker by version id."


@dataclass(frozen=True, slots=True)
class Named:
    """What x-amz-copy-source names; `version` is CURRENT if it names none."""

    bucket: str
    key: str
    version: str


@dataclass(slots=True)
class CopySource:
    """An open source. Closes with the block."""

    named: Named
    bucket: BucketRecord
    reader: ObjectReader
    rights: Rights
    is_target: bool
    """The copy would go where the current version is that it is a copy of."""

    @property
    def info(self) -> ObjectInfo:
        return self.reader.info

    @property
    def headers(self) -> dict[str, str]:
        """x-amz-copy-source-version-id, where the source's bucket keeps versions."""
        return {f"{_SOURCE}-version-id": self.info.version_id} if self.bucket.settings.keeps_versions else {}

    def require(self, right: str) -> None:
        """Raise AccessDenied unless the caller has that right to the object, or to the version, named."""
        self.rights.require(versioned(right) if self.named.version else right, self.named.key, self.info)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.reader.close()


def open_source(call: Call) -> CopySource:
    """The source, if the caller may read it and its conditions hold.

    Raises NoSuchBucket, NoSuchKey, NoSuchVersion, AccessDenied, PreconditionFailed, InvalidArgument,
    InvalidRequest for a version that is a delete marker, and what `key_of_read` and `unlock` do.
    """
    key = encrypting.key_of_read(call, of_source=True)
    named = read_copy_source(call.request.headers[_SOURCE])
    bucket = call.here if named.bucket == call.here.name else find_bucket(named.bucket)
    rights = call.rights.elsewhere(bucket)
    store = call.store if bucket is call.here else Store.of(bucket)
    try:
        reader = store.open(named.key, named.version)
    except MethodNotAllowed:
        raise InvalidRequest(_IS_MARKER) from None
    except (NoSuchKey, NoSuchVersion):
        rights.require("s3:ListBucket", named.key)
        raise
    here = (named.bucket, named.key) == (call.here.name, call.request.key)
    source = CopySource(named, bucket, reader, rights, is_target=here and reader.info.latest)
    try:
        source.require("s3:GetObject")
        encrypting.unlock(reader, key)
        check_copy_source(call.request.headers, reader.info.etag, reader.info.last_modified)
    except BaseException:
        reader.close()
        raise
    return source


def read_copy_source(text: str) -> Named:
    """Raises InvalidArgument, KeyTooLongError."""
    path, question, version = text.partition(_VERSION)
    try:
        raw_bucket, slash, raw_key = path.removeprefix("/").encode("latin-1").partition(b"/")
        bucket, key = decode(raw_bucket), decode(raw_key)
        version = decode(version.encode("latin-1"))
    except InvalidURI:
        raise wrong(_SOURCE, text, "Copy Source must be URL-encoded UTF-8.") from None
    if not bucket or not slash or not key:
        raise wrong(
            _SOURCE, text, "Copy Source must mention the source bucket and key: sourcebucket/sourcekey"
        )
    if question and not version:
        raise wrong(_SOURCE, text, "Version id cannot be the empty string")
    check_key(key)
    return Named(bucket, key, version or CURRENT)
