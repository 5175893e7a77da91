"""Tags of buckets and of objects."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from proxy.absences import NoSuchTagSet
from proxy.backends.values import Amendment, ObjectInfo
from proxy.handlers import headers
from proxy.handlers.call import Answer, Call, document
from proxy.records import change_settings
from proxy.wire import xml
from proxy.wire.tags import MAX_BUCKET_TAGS, checked_tags


def get_bucket_tagging(call: Call) -> Answer:
    """Raises NoSuchTagSet."""
    tags = call.here.settings.tags
    if not tags:
        raise NoSuchTagSet(fields={"BucketName": call.here.name})
    return document(xml.tagging(tags))


def put_bucket_tagging(call: Call) -> Answer:
    """Raises MalformedXML, InvalidTag."""
    change_settings(call.here, tags=checked_tags(xml.read_tagging(call.document()), MAX_BUCKET_TAGS))
    return Answer(204)


def delete_bucket_tagging(call: Call) -> Answer:
    change_settings(call.here, tags={})
    return Answer(204)


def get_object_tagging(call: Call) -> Answer:
    info = call.head()
    answer = document(xml.tagging(info.tags))
    answer.headers.update(headers.of_version(call, info))
    return answer


def put_object_tagging(call: Call) -> Answer:
    """Raises MalformedXML, InvalidTag, NoSuchKey, NoSuchVersion, MethodNotAllowed (a delete marker)."""
    seen = call.head()
    tags = checked_tags(xml.read_tagging(call.document()))
    call.rights.saying({"x-amz-tagging": urlencode(tags)}).require(call.right, seen.key, seen)
    return _replaced(call, seen, tags, 200)


def delete_object_tagging(call: Call) -> Answer:
    """Raises NoSuchKey, NoSuchVersion, MethodNotAllowed (a delete marker)."""
    return _replaced(call, call.head(), {}, 204)


def _replaced(call: Call, seen: ObjectInfo, tags: Mapping[str, str], status: int) -> Answer:
    """The version that was judged is the one that is changed, whatever is written meanwhile."""
    info = call.store.amend(call.request.key, seen.version_id, Amendment(tags=tags))
    return Answer(status, headers.of_version(call, info))
