"""Calls about one object or several.

`headers` are sent as they are: conditions, metadata, checksums, what the service is to do about
encryption. "" as a version means: whatever a plain call finds. The errors are those of `Caller.send`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from proxy.backends.s3 import reading
from proxy.backends.s3.answers import Facts, Made, Removed
from proxy.backends.s3.caller import Caller
from proxy.backends.s3.calls.buckets import BucketCalls
from proxy.backends.s3.calls.documents import given, with_digest, writable
from proxy.backends.s3.errors import of_code, unreadable
from proxy.backends.s3.requests import Request
from proxy.backends.s3.transport import Payload, Reply
from proxy.errors import MethodNotAllowed, NoSuchKey, S3Error
from proxy.wire.dates import iso_ms
from proxy.wire.encoding import encode
from proxy.wire.xml.document import document, element

MOST_DELETED = 1000
"""Keys of one DeleteObjects."""
SURE_SECONDS = 5.0
"""So long after a bucket answered, a bare 404 is believed to be about the key."""

_NOTHING: Mapping[str, str] = {}
_CONTENT_RANGE = re.compile("bytes ([0-9]{1,18})-[0-9]{1,18}/[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a copy comes from, on the same service."""

    bucket: str
    key: str
    version: str = ""

    @property
    def header(self) -> str:
        """The value of x-amz-copy-source."""
        version = f"?versionId={encode(self.version)}" if self.version else ""
        return f"/{self.bucket}/{encode(self.key, keep_slash=True)}{version}"


class Download:
    """An object's facts and its bytes on their way; close it if it is not read to the end."""

    def __init__(self, facts: Facts, reply: Reply) -> None:
        self.facts = facts
        self._reply = reply

    def __iter__(self) -> Iterator[bytes]:
        """Pieces of at most PIECE_BYTES. Raises Broken."""
        return self._reply.pieces()

    def close(self) -> None:
        self._reply.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class ObjectCalls(BucketCalls):
    """GetObject, HeadObject, PutObject, CopyObject, DeleteObject(s), tags and locks."""

    def __init__(self, caller: Caller) -> None:
        super().__init__(caller)
        self._answered: dict[str, float] = {}

    def get(
        self,
        bucket: str,
        key: str,
        *,
        version: str = "",
        span: tuple[int, int | None] | None = None,
        last: int | None = None,
        headers: Mapping[str, str] = _NOTHING,
    ) -> Download:
        """The object, or bytes [start, end) of it (`span`, end None: to its end), or its `last` bytes.

        Raises NoSuchKey, NoSuchVersion, MethodNotAllowed (a marker), InvalidRange, PreconditionFailed.
        """
        reply = self.caller.send(
            Request("GET", bucket, key, given(versionId=version), {**headers, **_range(span, last)})
        )
        facts = Facts(reply.status, reply.headers)
        # Without a length nobody could tell that it was cut.
        if "content-length" not in reply.headers or not _is_asked_for(facts, span, last):
            reply.close()
            raise unreadable(self.caller.backend)
        return Download(facts, reply)

    def head(
        self, bucket: str, key: str, *, version: str = "", headers: Mapping[str, str] = _NOTHING
    ) -> Facts:
        """Raises as `get` does. A bare 404 is NoSuchKey only once it is sure that the bucket is there."""
        try:
            facts = self._facts(Request("HEAD", bucket, key, given(versionId=version), headers))
        except NoSuchKey as error:
            if "x-amz-delete-marker" not in error.headers:
                self._make_sure_of(bucket)
            raise
        except MethodNotAllowed as error:
            if not version and "x-amz-delete-marker" not in error.headers:
                raise unreadable(self.caller.backend) from None  # it is some proxy that does not allow it
            raise
        self._answered[bucket] = time.monotonic()
        return facts

    def put(
        self, bucket: str, key: str, payload: bytes | Payload, headers: Mapping[str, str] = _NOTHING
    ) -> Facts:
        """Raises PreconditionFailed, ConditionalRequestConflict, BadDigest ..., and what the payload raises.

        Bytes are sent again after a fault, a stream that has begun is not.
        """
        return self._facts(Request("PUT", bucket, key, headers=headers, payload=payload))

    def copy(self, bucket: str, key: str, source: Source, headers: Mapping[str, str] = _NOTHING) -> Made:
        """Server-side. `headers` say what becomes of the metadata, and on which conditions."""
        asked = {**headers, "x-amz-copy-source": source.header}
        return self._read_both(
            Request("PUT", bucket, key, headers=asked),
            lambda facts, body: reading.made(facts, body, "CopyObjectResult"),
        )

    def delete(
        self, bucket: str, key: str, *, version: str = "", headers: Mapping[str, str] = _NOTHING
    ) -> Facts:
        """What was removed or made (`marker`, `version_id`); that nothing was there is no error."""
        return self._facts(Request("DELETE", bucket, key, given(versionId=version), headers))

    def delete_many(
        self, bucket: str, items: Sequence[tuple[str, str]], headers: Mapping[str, str] = _NOTHING
    ) -> list[Removed | S3Error]:
        """(key, version or "") each on its own: what became of it or the error that kept it, in order.

        Keys that XML cannot hold go one by one; the others MOST_DELETED at a time.
        """
        outcome: dict[int, Removed | S3Error] = {}
        named = [index for index, (key, _) in enumerate(items) if writable(key)]
        for index, (key, version) in enumerate(items):
            if not writable(key):
                outcome[index] = self._delete_one(bucket, key, version, headers)
        for start in range(0, len(named), MOST_DELETED):
            indexes = named[start : start + MOST_DELETED]
            found = self._delete_named(bucket, [items[index] for index in indexes], headers)
            outcome.update(zip(indexes, found, strict=True))
        return [outcome[index] for index in range(len(items))]

    def tags(self, bucket: str, key: str, *, version: str = "") -> dict[str, str]:
        return self._read(
            Request("GET", bucket, key, {"tagging": "", **given(versionId=version)}), reading.tags
        )

    def put_tags(self, bucket: str, key: str, tags: Mapping[str, str], *, version: str = "") -> Facts:
        rows = [f"<Tag>{element('Key', name)}{element('Value', tags[name])}</Tag>" for name in tags]
        body = document("Tagging", "<TagSet>", *rows, "</TagSet>")
        return self._put_document(bucket, key, {"tagging": "", **given(versionId=version)}, body)

    def delete_tags(self, bucket: str, key: str, *, version: str = "") -> Facts:
        return self._facts(Request("DELETE", bucket, key, {"tagging": "", **given(versionId=version)}))

    def put_retention(
        self, bucket: str, key: str, mode: str, until: int, *, version: str = "", bypass: bool = False
    ) -> Facts:
        """`until` in milliseconds; mode "" ends it. Raises Refused where the present one is stronger."""
        rows = element("Mode", mode) + element("RetainUntilDate", iso_ms(until)) if mode else ""
        headers = {"x-amz-bypass-governance-retention": "true"} if bypass else {}
        query = {"retention": "", **given(versionId=version)}
        return self._put_document(bucket, key, query, document("Retention", rows), headers)

    def put_hold(self, bucket: str, key: str, on: bool, *, version: str = "") -> Facts:
        body = document("LegalHold", element("Status", "ON" if on else "OFF"))
        return self._put_document(bucket, key, {"legal-hold": "", **given(versionId=version)}, body)

    def _make_sure_of(self, bucket: str) -> None:
        """Raise BucketMissing if that is why a key is not there."""
        now = time.monotonic()
        if now - self._answered.get(bucket, -SURE_SECONDS) >= SURE_SECONDS:
            self.head_bucket(bucket)
            self._answered[bucket] = now

    def _delete_one(
        self, bucket: str, key: str, version: str, headers: Mapping[str, str]
    ) -> Removed | S3Error:
        try:
            facts = self.delete(bucket, key, version=version, headers=headers)
        except S3Error as error:
            return error
        made = facts.version_id if facts.marker and not version else ""
        return Removed(key, version, facts.marker, made)

    def _delete_named(
        self, bucket: str, items: Sequence[tuple[str, str]], headers: Mapping[str, str]
    ) -> Iterable[Removed | S3Error]:
        body = document("Delete", *map(_object_row, items))
        request = Request("POST", bucket, "", {"delete": ""}, with_digest(body, headers), body)
        told = list(self._read(request, reading.removals))
        for key, version in items:
            yield self._outcome(bucket, key, version, told)

    def _outcome(self, bucket: str, key: str, version: str, told: list[Removed]) -> Removed | S3Error:
        """What the answer says of one item; taken out of it, for an item may be there twice."""
        of_key = [row for row in told if row.key == key]
        exact = [row for row in of_key if row.version_id == version]
        if not of_key:
            return unreadable(self.caller.backend)
        row = (exact or of_key)[0]
        told.remove(row)
        if row.code:
            return of_code(self.caller.backend, bucket, row.code, row.message)
        return row


def _object_row(item: tuple[str, str]) -> str:
    key, version = item
    return f"<Object>{element('Key', key)}{element('VersionId', version) if version else ''}</Object>"


def _is_asked_for(facts: Facts, span: tuple[int, int | None] | None, last: int | None) -> bool:
    """Whether the bytes begin where they were to begin: what lies between may not know ranges."""
    if facts.status != 206:
        return last is None and (span is None or span[0] == 0)
    said = _CONTENT_RANGE.fullmatch(facts.headers.get("content-range", ""))
    return said is not None and (span is None or int(said[1]) == span[0])


def _range(span: tuple[int, int | None] | None, last: int | None) -> dict[str, str]:
    if last is not None:
        return {"range": f"bytes=-{last}"}
    if span is None:
        return {}
    start, end = span
    return {"range": f"bytes={start}-{'' if end is None else end - 1}"}
