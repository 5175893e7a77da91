"""GetObjectAttributes."""

from __future__ import annotations

from proxy.backends.values import STORAGE_CLASS, ObjectInfo
from proxy.errors import AccessDenied, InvalidArgument
from proxy.handlers import encrypting, headers
from proxy.handlers.call import Answer, Call, document
from proxy.handlers.parameters import number, page_size
from proxy.wire import xml
from proxy.wire.dates import http_date

_ATTRIBUTES = frozenset({"ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"})


def get_object_attributes(call: Call) -> Answer:
    """Needs the right to read the object, too. Raises NoSuchKey, NoSuchVersion, InvalidArgument."""
    text = call.request.headers.get("x-amz-object-attributes", "")
    wanted = {name.strip() for name in text.split(",") if name.strip()}
    if not wanted or not wanted <= _ATTRIBUTES:
        raise InvalidArgument(
            "Invalid attribute name specified.",
            fields={"ArgumentName": "x-amz-object-attributes", "ArgumentValue": text},
        )
    key = encrypting.key_of_read(call)
    info = call.head()
    if not call.may("s3:GetObject", info):
        raise AccessDenied()
    encrypting.check_key(info.encryption, key)
    storage_class = info.headers.get(STORAGE_CLASS, "STANDARD")
    content = xml.object_attributes(
        etag=info.etag if "ETag" in wanted else None,
        checksums=info.checksums if "Checksum" in wanted else None,
        checksum_type=info.checksum_type,
        parts=_parts(call, info) if "ObjectParts" in wanted and info.parts else None,
        storage_class=storage_class if "StorageClass" in wanted else None,
        size=info.size if "ObjectSize" in wanted else None,
    )
    answer = document(content)
    answer.headers["Last-Modified"] = http_date(info.last_modified)
    answer.headers.update(headers.of_version(call, info))
    return answer


def _parts(call: Call, info: ObjectInfo) -> xml.AttributeParts:
    """One page of the parts."""
    limit = page_size(call.request.headers, "x-amz-max-parts")
    marker = number(call.request.headers, "x-amz-part-number-marker")
    following = [part for part in info.parts if part.number > marker]
    page = following[:limit]
    return xml.AttributeParts(
        total=len(info.parts),
        marker=marker,
        next_marker=page[-1].number if page else marker,
        max_parts=limit,
        truncated=len(following) > limit,
        parts=tuple(xml.AttributePart(part.number, part.size, part.checksums) for part in page),
    )
