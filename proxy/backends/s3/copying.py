"""Copies that the service makes by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from proxy.backends.base import Body, ObjectReader, ReaderBody, SealedBody
from proxy.backends.bodies import is_md5
from proxy.backends.s3.answers import Made
from proxy.backends.s3.calls.objects import Source as CopySource
from proxy.backends.s3.client import Client
from proxy.backends.s3.guarding import Guard
from proxy.backends.s3.reader import Pinned, S3Reader
from proxy.backends.seals import PlainFacts
from proxy.backends.values import ObjectInfo, PartRequest
from proxy.errors import NoSuchKey, NoSuchVersion, NotImplementedByUs, PreconditionFailed

MIB = 1024 * 1024
MOST_COPIED = 5 * 1024 * MIB
"""Bytes of one CopyObject or UploadPartCopy. Source: Amazon S3 API Reference, CopyObject."""

_COPY_PART = 1024 * MIB


@dataclass(frozen=True, slots=True)
class WholeSource:
    """An object of the same service whose bytes and facts may be taken over as they are."""

    pinned: Pinned
    plain: PlainFacts

    @property
    def named(self) -> CopySource:
        return CopySource(self.pinned.bucket, self.pinned.key, self.pinned.version)

    @property
    def headers(self) -> dict[str, str]:
        """While it is what it was when it was opened."""
        return {"x-amz-copy-source-if-match": f'"{self.pinned.backend_etag}"'}


class Copier:
    """Copies within one service, told by `service`: see `place_id` of a backend."""

    def __init__(self, client: Client, service: str) -> None:
        self._client = client
        self._service = service

    def source(self, body: Body | SealedBody, carried: ObjectInfo | None) -> WholeSource | None:
        """What the service could copy in place of these bytes; None if they must come through here."""
        if isinstance(body, SealedBody):
            reader = self._ours(body.raw)
            return None if reader is None else WholeSource(reader.pinned, body.plain)
        if not (isinstance(body, ReaderBody) and body.whole):
            return None
        return self._plain(body.reader, carried)

    def range_source(self, found: ObjectReader) -> WholeSource | None:
        """An object of which the service could copy a stretch of plain bytes."""
        reader = self._ours(found)
        if reader is None or reader.info.seal is not None:
            return None
        return WholeSource(reader.pinned, PlainFacts(reader.info.size, reader.info.etag))

    def can(self, reader: ObjectReader) -> bool:
        """Whether a put of all of it would move no bytes."""
        return self._ours(reader) is not None and (
            reader.info.seal is not None or self._plain(reader, None) is not None
        )

    def _ours(self, reader: ObjectReader | None) -> S3Reader | None:
        return reader if isinstance(reader, S3Reader) and reader.service == self._service else None

    def _plain(self, found: ObjectReader, carried: ObjectInfo | None) -> WholeSource | None:
        """What is put whole has its MD5 as ETag and no checksums of parts. Both must be known."""
        reader = self._ours(found)
        if reader is None or reader.info.seal is not None:
            return None
        info = reader.info
        fits = info.etag == carried.etag if carried is not None else _known_whole(info)
        return WholeSource(reader.pinned, PlainFacts(info.size, info.etag, info.checksums)) if fits else None

    def copy(
        self, bucket: str, key: str, source: WholeSource, headers: Mapping[str, str], guard: Guard
    ) -> Made | None:
        """`headers` are the new object's. None if the service cannot, or the source is there no longer."""
        said = {**headers, **source.headers}
        try:
            if source.pinned.size > MOST_COPIED:
                return self._in_parts(bucket, key, source, headers, guard)
            directives = {"x-amz-metadata-directive": "REPLACE", "x-amz-tagging-directive": "REPLACE"}
            return self._client.copy(bucket, key, source.named, {**said, **directives})
        except (NoSuchKey, NoSuchVersion, NotImplementedByUs):
            return None
        except PreconditionFailed:
            if guard.headers:
                raise  # whichever of the two conditions it was
            return None

    def _in_parts(
        self, bucket: str, key: str, source: WholeSource, headers: Mapping[str, str], guard: Guard
    ) -> Made:
        client = self._client
        begun = {name: value for name, value in headers.items() if name not in guard.headers}
        upload_id = client.create_upload(bucket, key, begun)
        try:
            parts = []
            for number, start in enumerate(range(0, source.pinned.size, _COPY_PART), 1):
                span = (start, min(start + _COPY_PART, source.pinned.size))
                made = client.upload_part_copy(
                    bucket, key, upload_id, number, source.named, span, source.headers
                )
                parts.append(PartRequest(number, made.etag))
            return client.complete_upload(bucket, key, upload_id, parts, guard.headers)
        except BaseException:
            client.abort_upload(bucket, key, upload_id)
            raise


def _known_whole(info: ObjectInfo) -> bool:
    return is_md5(info.etag) and not any("-" in value for value in info.checksums.values())
