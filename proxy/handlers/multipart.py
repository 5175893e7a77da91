"""Multipart uploads: create, upload a part, complete, abort, list.

The upload id is ours and goes with the bucket when it moves.
"""

from __future__ import annotations

import secrets

from proxy.backends.values import PartRequest, UploadInfo
from proxy.errors import InvalidRequest, NoSuchUpload
from proxy.handlers import encrypting, headers
from proxy.handlers.call import Answer, Call, document
from proxy.handlers.lifecycle import of_abortion, of_expiration
from proxy.handlers.listing import asked_of
from proxy.handlers.parameters import number, page_size, part_number, wrong
from proxy.identity import name_of
from proxy.wire import checksums, xml
from proxy.wire.encryption import CUSTOMER

FULL_OBJECT, COMPOSITE = "FULL_OBJECT", "COMPOSITE"


def create_upload(call: Call) -> Answer:
    new = headers.new_object(call)
    algorithm, kind = _checksum_wish(call)
    upload = UploadInfo(
        upload_id=secrets.token_urlsafe(48),
        key=new.key,
        initiated=call.now_ms,
        headers=new.headers,
        metadata=new.metadata,
        tags=new.tags,
        owner_id=new.owner_id,
        checksum_algorithm=algorithm,
        checksum_type=kind,
        lock=new.lock,
        acl=new.acl,
        customer_key=new.customer_key,
    )
    call.store.create_upload(upload)
    answer = document(xml.initiate_upload(bucket=call.here.name, key=new.key, upload_id=upload.upload_id))
    answer.headers.update(encrypting.told(encrypting.of_new(call, new.customer_key)))
    answer.headers.update(of_abortion(call, upload))
    if algorithm:
        answer.headers["x-amz-checksum-algorithm"] = algorithm.upper()
        answer.headers["x-amz-checksum-type"] = kind
    return answer


def _checksum_wish(call: Call) -> tuple[str, str]:
    """(algorithm, type) of an upload's checksums. Raises InvalidRequest.

    Source: Amazon S3 User Guide, "Checking object integrity", the table of checksum types.
    """
    name = call.request.headers.get("x-amz-checksum-algorithm", "")
    kind = call.request.headers.get("x-amz-checksum-type", "").upper()
    if not name:
        if kind:
            raise InvalidRequest(
                "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header."
            )
        return "", ""
    algorithm = checksums.algorithm(name)
    kind = kind or (COMPOSITE if algorithm.composite else FULL_OBJECT)
    possible = {COMPOSITE: algorithm.composite, FULL_OBJECT: algorithm.join is not None}
    if not possible.get(kind):
        raise InvalidRequest(
            f"The {kind} checksum type cannot be used with the {algorithm.name.upper()} checksum algorithm."
        )
    return algorithm.name, kind


def upload_of(call: Call) -> UploadInfo:
    """The upload that the query names, if it is of this key. Raises NoSuchUpload."""
    upload_id = call.request.query.get("uploadId", "")
    if not upload_id:
        raise NoSuchUpload()
    upload = call.store.head_upload(upload_id)
    if upload.key != call.request.key:
        raise NoSuchUpload(fields={"UploadId": upload_id})
    return upload


def required_part_number(call: Call) -> int:
    found = part_number(call.request.query)
    if found is None:
        raise wrong("partNumber", "", "This operation needs a part number.")
    return found


def upload_part(call: Call) -> Answer:
    part = required_part_number(call)
    upload = upload_of(call)
    key = encrypting.key_of_part(call, upload)
    _check_algorithm(call, upload)
    body = call.body(upload.checksum_algorithm)
    info = call.store.put_part(upload.upload_id, part, body, customer_key=key.key if key else None)
    answer = {"ETag": headers.quoted(info.etag)}
    answer.update(encrypting.told(upload.encryption))
    answer.update(headers.of_checksums(info.checksums, ""))
    return Answer(200, answer)


def _check_algorithm(call: Call, upload: UploadInfo) -> None:
    """A part's checksum is of the upload's algorithm, if both have one. Raises InvalidRequest."""
    given = checksums.named(call.request.headers)
    wanted = upload.checksum_algorithm
    if given and wanted and given != wanted:
        raise InvalidRequest(
            f"Checksum Type mismatch occurred, expected checksum Type: {wanted}, "
            f"actual checksum Type: {given}"
        )


def complete_upload(call: Call) -> Answer:
    upload = upload_of(call)
    key = encrypting.key_of_completion(call, upload)
    parts = xml.read_complete(call.document())
    _check_size(call, upload, {part.number for part in parts})
    info = call.store.complete_upload(
        upload.upload_id,
        [PartRequest(part.number, part.etag, part.checksums) for part in parts],
        headers.precondition(call),
        version_id=call.new_version_id(),
        checksums=_expected(call, upload),
        customer_key=key.key if key else None,
    )
    request = call.request
    answer = document(
        xml.complete_upload(
            location=request.url_of(request.key),
            bucket=call.here.name,
            key=request.key,
            etag=info.etag,
            checksums=info.checksums,
            checksum_type=info.checksum_type,
        )
    )
    if info.encryption.mode != CUSTOMER:  # (S3 does not tell a customer's key again here)
        answer.headers.update(encrypting.told(info.encryption))
    answer.headers.update(headers.of_new_version(info))
    answer.headers.update(of_expiration(call, info))
    return answer


def _expected(call: Call, upload: UploadInfo) -> dict[str, str] | None:
    """The whole object's checksums as the client has them. Raises InvalidRequest."""
    given = call.request.headers
    kind = given.get("x-amz-checksum-type", "").upper()
    if kind and upload.checksum_type and kind != upload.checksum_type:
        raise InvalidRequest(
            f"The upload was created using the {upload.checksum_type} checksum type. "
            "The complete request must use the same checksum type."
        )
    found = {name: given[one.header] for name, one in checksums.ALGORITHMS.items() if one.header in given}
    return found or None


def _check_size(call: Call, upload: UploadInfo, numbers: set[int]) -> None:
    """x-amz-mp-object-size, if it is given, must be the size of the object to be. Raises InvalidRequest."""
    text = call.request.headers.get("x-amz-mp-object-size")
    if text is None or upload.completed is not None:
        return
    total, after, more = 0, 0, True
    while more:
        page, more = call.store.list_parts(upload.upload_id, after=after)
        total += sum(part.size for part in page if part.number in numbers)
        after = page[-1].number if page else after
    if text != str(total):
        raise InvalidRequest(
            "The provided 'x-amz-mp-object-size' header value does not match what was computed."
        )


def abort_upload(call: Call) -> Answer:
    """Raises NoSuchUpload."""
    call.store.abort_upload(upload_of(call).upload_id)
    return Answer(204)


def list_parts(call: Call) -> Answer:
    """Raises NoSuchUpload."""
    query = call.request.query
    upload = upload_of(call)
    if upload.completed is not None:
        raise NoSuchUpload(fields={"UploadId": upload.upload_id})
    marker = number(query, "part-number-marker")
    limit = page_size(query, "max-parts")
    parts, more = call.store.list_parts(upload.upload_id, after=marker, limit=limit) if limit else ((), False)
    answer = document(
        xml.list_parts(
            bucket=call.here.name,
            key=upload.key,
            upload=upload,
            parts=parts,
            marker=marker,
            next_marker=parts[-1].number if parts else marker,
            limit=limit,
            truncated=more,
            name_of=name_of,
        )
    )
    answer.headers.update(of_abortion(call, upload))
    return answer


def list_uploads(call: Call) -> Answer:
    query = call.request.query
    asked = asked_of(call, "max-uploads")
    after = (query.get("key-marker", ""), query.get("upload-id-marker", ""))
    if not after[0]:
        after = ("", "")
    page = call.store.list_uploads(
        prefix=asked.prefix, delimiter=asked.delimiter, after=after, limit=max(asked.limit, 1)
    )
    return document(
        xml.list_uploads(
            asked,
            page.uploads if asked.limit else (),
            page.prefixes if asked.limit else (),
            key_marker=after[0],
            upload_id_marker=after[1],
            next_marker=page.last if asked.limit else None,
            name_of=name_of,
        )
    )
