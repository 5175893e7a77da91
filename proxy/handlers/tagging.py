"""Tags of buckets and of objects."""

from __future__ import annotations

from collections.abc import Mapping

from proxy.absences import NoSuchTagSet
from proxy.backends.values import Amendment
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
    return _replaced(call, checked_tags(xml.read_tagging(call.document())), 200)


def delete_object_tagging(call: Call) -> Answer:
    """Raises NoSuchKey, NoSuchVersion, MethodNotAllowed (a delete marker)."""
    return _replaced(call, {}, 204)


def _replaced(call: Call, tags: Mapping[str, str], status: int) -> Answer:
    """The version that was judged is the one that is changed, whatever is written meanwhile."""
    seen = call.head()
    info = call.store.amend(call.request.key, seen.version_id, Amendment(tags=tags))
    return Answer(status, headers.of_version(call, info))
