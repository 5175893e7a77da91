"""Lifecycle configurations of buckets, and what answers about objects say of them.

What is kept here is carried out elsewhere; nothing of it happens while a request is served.
"""

from __future__ import annotations

import secrets

from proxy.absences import NoSuchLifecycleConfiguration
from proxy.backends.values import ObjectInfo, UploadInfo
from proxy.errors import InvalidRequest
from proxy.handlers.call import Answer, Call, document
from proxy.records import change_settings
from proxy.wire import xml
from proxy.wire.lifecycle import (
    ALL_CLASSES_128K,
    LEAST_TRANSITIONED,
    Lifecycle,
    abortion,
    expiration,
    lifecycle_of,
    lifecycle_text,
)

_LEAST = "x-amz-transition-default-minimum-object-size"


def get_lifecycle(call: Call) -> Answer:
    """Raises NoSuchLifecycleConfiguration."""
    text = call.here.settings.lifecycle
    if not text:
        raise NoSuchLifecycleConfiguration(fields={"BucketName": call.here.name})
    kept = lifecycle_of(text)
    answer = document(xml.lifecycle(kept.rules))
    answer.headers[_LEAST] = kept.least_transitioned
    return answer


def put_lifecycle(call: Call) -> Answer:
    """Raises what `read_lifecycle` does, and InvalidRequest for an unknown least size of transitions.

    That size is kept and told again; nothing moves between storage classes here.
    """
    least = call.request.headers.get(_LEAST, ALL_CLASSES_128K)
    if least not in LEAST_TRANSITIONED:
        raise InvalidRequest(f"Invalid TransitionDefaultMinimumObjectSize found: {least}")
    rules = xml.read_lifecycle(call.document(), _fresh_id)
    change_settings(call.here, lifecycle=lifecycle_text(Lifecycle(rules, least)))
    return Answer(200, {_LEAST: least})


def delete_lifecycle(call: Call) -> Answer:
    change_settings(call.here, lifecycle="")
    return Answer(204)


def _fresh_id() -> str:
    return secrets.token_urlsafe(36)


# -- what other answers say ---------------------------------------------------------------------


def of_expiration(call: Call, info: ObjectInfo) -> dict[str, str]:
    """x-amz-expiration of the current version, where a rule of the bucket ends it."""
    text = call.here.settings.lifecycle
    if not text or call.version:
        return {}
    told = expiration(text, info.key, info.size, info.tags, info.last_modified)
    return {"x-amz-expiration": told} if told else {}


def of_abortion(call: Call, upload: UploadInfo) -> dict[str, str]:
    """x-amz-abort-date and x-amz-abort-rule-id, where a rule of the bucket ends the upload."""
    text = call.here.settings.lifecycle
    return abortion(text, upload.key, upload.initiated) if text else {}
