"""Calls about multipart uploads. The errors are those of `Caller.send`; NoSuchUpload is one of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from proxy.backends.s3 import reading
from proxy.backends.s3.answers import Facts, Made, PartPage, UploadPage
from proxy.backends.s3.calls.documents import given, with_digest
from proxy.backends.s3.calls.objects import ObjectCalls, Source
from proxy.backends.s3.requests import Request
from proxy.backends.s3.transport import Payload
from proxy.backends.values import PartRequest
from proxy.wire.xml.document import CHECKSUM_ELEMENTS, document, element, quoted_etag

_NOTHING: Mapping[str, str] = {}


class UploadCalls(ObjectCalls):
    """From CreateMultipartUpload to Complete- and AbortMultipartUpload, and their two listings."""

    def create_upload(self, bucket: str, key: str, headers: Mapping[str, str] = _NOTHING) -> str:
        """The service's id of the new upload."""
        request = Request("POST", bucket, key, {"uploads": ""}, headers, repeatable=False)
        return self._read(request, reading.upload_id)

    def upload_part(
        self,
        bucket: str,
        key: str,
        upload_id: str,
        number: int,
        payload: bytes | Payload,
        headers: Mapping[str, str] = _NOTHING,
    ) -> Facts:
        """Bytes are sent again after a fault, a stream that has begun is not."""
        query = {"partNumber": str(number), "uploadId": upload_id}
        return self._facts(Request("PUT", bucket, key, query, headers, payload))

    def upload_part_copy(
        self,
        bucket: str,
        key: str,
        upload_id: str,
        number: int,
        source: Source,
        span: tuple[int, int] | None = None,
        headers: Mapping[str, str] = _NOTHING,
    ) -> Made:
        """Server-side: all of the source or bytes [start, end) of it."""
        asked = {**headers, "x-amz-copy-source": source.header}
        if span is not None:
            asked["x-amz-copy-source-range"] = f"bytes={span[0]}-{span[1] - 1}"
        query = {"partNumber": str(number), "uploadId": upload_id}
        return self._read_both(
            Request("PUT", bucket, key, query, asked),
            lambda facts, body: reading.made(facts, body, "CopyPartResult"),
        )

    def complete_upload(
        self,
        bucket: str,
        key: str,
        upload_id: str,
        parts: Iterable[PartRequest],
        headers: Mapping[str, str] = _NOTHING,
    ) -> Made:
        """Not sent again once it may have had an effect: look before you ask anew.

        Raises NoSuchUpload, InvalidPart, InvalidPartOrder, EntityTooSmall, PreconditionFailed.
        """
        body = document("CompleteMultipartUpload", *map(_part_row, parts))
        request = Request(
            "POST", bucket, key, {"uploadId": upload_id}, with_digest(body, headers), body, repeatable=False
        )
        return self._read_both(
            request, lambda facts, found: reading.made(facts, found, "CompleteMultipartUploadResult")
        )

    def abort_upload(self, bucket: str, key: str, upload_id: str) -> Facts:
        return self._facts(Request("DELETE", bucket, key, {"uploadId": upload_id}))

    def parts(self, bucket: str, key: str, upload_id: str, *, after: int = 0, limit: int = 1000) -> PartPage:
        query = {"uploadId": upload_id, **given(max_parts=limit, part_number_marker=after or None)}
        return self._read(Request("GET", bucket, key, query), reading.part_page)

    def uploads(
        self, bucket: str, *, prefix: str = "", after: tuple[str, str] = ("", ""), limit: int = 1000
    ) -> UploadPage:
        query = {
            "uploads": "",
            "encoding-type": "url",
            **given(prefix=prefix, key_marker=after[0], upload_id_marker=after[1], max_uploads=limit),
        }
        return self._read(Request("GET", bucket, query=query), reading.upload_page)


def _part_row(part: PartRequest) -> str:
    sums = "".join(element(CHECKSUM_ELEMENTS[name], value) for name, value in part.checksums.items())
    return f"<Part>{element('PartNumber', part.number)}{quoted_etag(part.etag)}{sums}</Part>"
