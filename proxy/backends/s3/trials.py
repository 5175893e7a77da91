"""What is tried to find out what a service can do: one function for each capability.

Each is True or False; what the service refuses is raised, and means False as well.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from proxy.backends.s3.calls.objects import Source
from proxy.backends.s3.client import Client
from proxy.backends.s3.errors import FAULTS, BucketMissing, Refused
from proxy.backends.values import PartRequest
from proxy.errors import PreconditionFailed, S3Error, SlowDown

_DATA = b"sluicegate probes what this service can do"
_WRONG = '"00000000000000000000000000000000"'
_ORDER = ("B", "a", "a-b", "a/b", "a0", "ä", "\uff5e", "\U0001f600")
"""In the order of their UTF-8 bytes: neither that of any language nor that of UTF-16."""
_EXACT = ("a//b", "c/", "d\\e")


@dataclass(frozen=True, slots=True)
class Bench:
    """Where things are tried."""

    client: Client
    bucket: str
    prefix: str
    locked: bool = False
    """The bucket was made with object lock."""

    def put(self, name: str, headers: Mapping[str, str] | None = None) -> str:
        """The ETag of a new object."""
        return self.client.put(self.bucket, self.prefix + name, _DATA, headers or {}).etag

    def data(self, name: str, version: str = "") -> bytes:
        return b"".join(self.client.get(self.bucket, self.prefix + name, version=version))

    def keys(self, folder: str) -> list[str]:
        """What is listed below a folder, in the order of the listing."""
        start = self.prefix + folder
        return [row.key[len(start) :] for row in self.client.list(self.bucket, prefix=start).objects]


def _refuses(call: Callable[[], object]) -> bool:
    """Whether a precondition keeps a call from being done."""
    try:
        call()
    except PreconditionFailed:
        return True
    return False


def _unsigned_streams(bench: Bench) -> bool:
    """Tried first: the streams of the other trials depend on it."""
    caller = bench.client.caller
    caller.signs_streams = False
    try:
        bench.client.put(bench.bucket, bench.prefix + "stream", _Stream())
    except FAULTS:
        raise
    except S3Error:
        caller.signs_streams = True
        return False
    return bench.data("stream") == _DATA


def _conditional_put(bench: Bench) -> bool:
    new = {"if-none-match": "*"}
    bench.put("new", new)
    return _refuses(lambda: bench.put("new", new))


def _conditional_replace(bench: Bench) -> bool:
    etag = bench.put("replaced")
    refuses = _refuses(lambda: bench.put("replaced", {"if-match": _WRONG}))
    bench.put("replaced", {"if-match": f'"{etag}"'})
    return refuses


def _conditional_delete(bench: Bench) -> bool:
    etag, key = bench.put("deleted"), bench.prefix + "deleted"
    if not _refuses(lambda: bench.client.delete(bench.bucket, key, headers={"if-match": _WRONG})):
        return False
    bench.client.delete(bench.bucket, key, headers={"if-match": f'"{etag}"'})
    return bench.keys("deleted") == []


def _conditional_complete(bench: Bench) -> bool:
    client, bucket, key = bench.client, bench.bucket, bench.prefix + "completed"
    bench.put("completed")
    upload = client.create_upload(bucket, key)
    part = PartRequest(1, client.upload_part(bucket, key, upload, 1, _DATA).etag)
    new = {"if-none-match": "*"}
    return _refuses(lambda: client.complete_upload(bucket, key, upload, [part], new))


def _server_side_copy(bench: Bench) -> bool:
    bench.put("source")
    bench.client.copy(bench.bucket, bench.prefix + "copy", Source(bench.bucket, bench.prefix + "source"))
    return bench.data("copy") == _DATA


def _checksums(bench: Bench) -> bool:
    name, right = "x-amz-checksum-crc32", _crc32(_DATA)
    bench.put("summed", {name: right})
    told = bench.client.head(
        bench.bucket, bench.prefix + "summed", headers={"x-amz-checksum-mode": "ENABLED"}
    )
    try:
        bench.put("summed", {name: _crc32(b"something else")})
    except S3Error as error:
        if isinstance(error, (*FAULTS, SlowDown)):
            raise
        return told.checksums.get("crc32") == right
    return False


def _ordered_listing(bench: Bench) -> bool:
    for name in reversed(_ORDER):
        bench.put(f"order/{name}")
    return tuple(bench.keys("order/")) == _ORDER


def _exact_keys(bench: Bench) -> bool:
    for name in _EXACT:
        bench.put(f"exact/{name}")
    return tuple(bench.keys("exact/")) == _EXACT


def _tagging(bench: Bench) -> bool:
    bench.put("tagged", {"x-amz-tagging": "a=b%20c"})
    return bench.client.tags(bench.bucket, bench.prefix + "tagged") == {"a": "b c"}


def _encryption(bench: Bench) -> bool:
    name = "x-amz-server-side-encryption"
    bench.put("encrypted", {name: "AES256"})
    facts = bench.client.head(bench.bucket, bench.prefix + "encrypted")
    return facts.headers.get(name) == "AES256"


def _versioning(bench: Bench) -> bool:
    client, key = bench.client, bench.prefix + "versions"
    if not bench.locked:
        client.put_versioning(bench.bucket, "Enabled")
    first, second = [client.put(bench.bucket, key, data).version_id for data in (_DATA, b"")]
    return first not in ("", second) and bench.data("versions", first) == _DATA


def _object_lock(bench: Bench) -> bool:
    if not bench.locked:
        return False
    client, key = bench.client, bench.prefix + "locked"
    version = client.put(bench.bucket, key, _DATA).version_id
    client.put_hold(bench.bucket, key, True, version=version)
    try:
        client.delete(bench.bucket, key, version=version)
    except Refused:
        return True
    return False


def _strict_buckets(bench: Bench) -> bool:
    absent = f"{bench.bucket}-0"
    try:
        bench.client.put(absent, "probe", _DATA)
    except BucketMissing:
        return True
    bench.client.delete(absent, "probe")
    bench.client.delete_bucket(absent)
    return False


TRIALS: Mapping[str, Callable[[Bench], bool]] = {
    "unsigned_streams": _unsigned_streams,
    "conditional_put": _conditional_put,
    "conditional_replace": _conditional_replace,
    "conditional_delete": _conditional_delete,
    "conditional_complete": _conditional_complete,
    "server_side_copy": _server_side_copy,
    "checksums": _checksums,
    "ordered_listing": _ordered_listing,
    "exact_keys": _exact_keys,
    "tagging": _tagging,
    "encryption": _encryption,
}
BUCKET_TRIALS: Mapping[str, Callable[[Bench], bool]] = {
    "strict_buckets": _strict_buckets,
    "versioning": _versioning,
    "object_lock": _object_lock,
}
"""What only a bucket of its own can show; the last two, since the others must not make versions."""


class _Stream:
    """`_DATA` as a stream."""

    length = len(_DATA)

    def __iter__(self) -> Iterator[bytes]:
        yield _DATA


def _crc32(data: bytes) -> str:
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()
