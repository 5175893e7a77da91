"""DeleteObject and DeleteObjects: versions, delete markers, conditions."""

from __future__ import annotations

from dataclasses import replace

from proxy.access.actions import versioned
from proxy.backends.values import ALWAYS, CURRENT, Deletion, ObjectInfo, Precondition
from proxy.errors import AccessDenied, NoSuchKey, PreconditionFailed, S3Error
from proxy.handlers import headers
from proxy.handlers.call import Answer, Call, document
from proxy.handlers.locking import bypasses
from proxy.handlers.parameters import delete_condition
from proxy.versioning import deletion
from proxy.wire import xml
from proxy.wire.request import check_key
from proxy.wire.xml import Deleted, DeletedKey, DeleteFailure

_ANYTHING = Precondition(etags=("*",))


def delete_object(call: Call) -> Answer:
    """204 whether there was something or not. Raises PreconditionFailed, ObjectLocked."""
    key = call.request.key
    size, modified = delete_condition(call.request.headers)
    when = replace(headers.precondition(call), size=size, modified=modified)
    wish = _wish(call, key, call.version, when)
    try:
        done = call.store.delete(_judged(call, wish))
    except NoSuchKey:  # a condition on nothing
        done = None
    answer = Answer(204)
    if call.here.settings.keeps_versions:
        if wish.marker and done is not None:
            answer.headers["x-amz-version-id"] = done.version_id
        elif not wish.marker:
            answer.headers["x-amz-version-id"] = wish.version_id
        if done is not None and done.marker:
            answer.headers["x-amz-delete-marker"] = "true"
    return answer


def _wish(call: Call, key: str, version: str, when: Precondition) -> Deletion:
    bypass = version != CURRENT and bypasses(call, key)
    kept = call.store.keeps_versions
    return deletion(call.here.settings, key, version, when=when, bypass=bypass, kept=kept)


def _judged(call: Call, wish: Deletion) -> Deletion:
    """A condition that meets a delete marker holds for `If-Match: *` alone. Raises PreconditionFailed."""
    if not wish.marker or wish.when == ALWAYS:
        return wish
    try:
        call.store.head(wish.key)
        return wish
    except NoSuchKey as nothing:
        if nothing.headers.get("x-amz-delete-marker") != "true":
            return wish
    if wish.when != _ANYTHING:
        raise PreconditionFailed()
    return replace(wish, when=ALWAYS)


# -- many at once ------------------------------------------------------------------------------
def delete_objects(call: Call) -> Answer:
    """Each key on its own: what fails is listed with its error, what was not there counts as deleted."""
    wish = xml.read_delete(call.document())
    planned = [_planned(call, one) for one in wish.keys]
    if call.pulse is not None:
        call.pulse()
    results = iter(call.store.delete_all([one for one in planned if isinstance(one, Deletion)]))
    deleted: list[Deleted] = []
    failures: list[DeleteFailure] = []
    for asked, plan in zip(wish.keys, planned, strict=True):
        result = next(results) if isinstance(plan, Deletion) else plan
        if isinstance(result, S3Error) and not isinstance(result, NoSuchKey):
            if result.status in (500, 503):
                raise result  # trouble of ours ends the whole request
            failures.append(DeleteFailure(asked.key, result, asked.version_id or ""))
        else:
            deleted.append(_deleted(asked, result if isinstance(result, ObjectInfo) else None))
    return document(xml.delete_result([] if wish.quiet else deleted, failures))


def _planned(call: Call, one: DeletedKey) -> Deletion | S3Error:
    """What is to be done about one key, or the reason why nothing is."""
    try:
        check_key(one.key)
        if not call.rights.allows(_right(one), one.key):
            return AccessDenied()
        when = Precondition(
            etags=(one.etag,) if one.etag else (),
            size=one.size,
            modified=None if one.modified is None else one.modified * 1000,
        )
        return _judged(call, _wish(call, one.key, one.version_id or "", when))
    except S3Error as error:
        return error


def _right(one: DeletedKey) -> str:
    return versioned("s3:DeleteObject") if one.version_id else "s3:DeleteObject"


def _deleted(asked: DeletedKey, done: ObjectInfo | None) -> Deleted:
    marker = done.version_id if done is not None and done.marker else ""
    return Deleted(asked.key, asked.version_id or "", marker)
