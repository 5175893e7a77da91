"""DeleteObject and DeleteObjects."""

from __future__ import annotations

from proxy.backends.values import Deletion, Precondition
from proxy.errors import NotImplementedByUs, S3Error
from proxy.handlers import headers
from proxy.handlers.call import Answer, Call, document
from proxy.wire import xml
from proxy.wire.request import check_key


def delete_object(call: Call) -> Answer:
    """204 whether there was an object or not, unless If-Match says which one it must be."""
    call.store.delete(Deletion(call.request.key, when=headers.precondition(call)))
    return Answer(204)


def delete_objects(call: Call) -> Answer:
    """Each key on its own: what fails is listed with its error, what was not there counts as deleted."""
    wish = xml.read_delete(call.document())
    deleted: list[tuple[str, str]] = []
    failures: list[xml.DeleteFailure] = []
    for one in wish.keys:
        if call.pulse is not None:
            call.pulse()
        error = _delete(call, one)
        if error is not None:
            failures.append(xml.DeleteFailure(one.key, error, one.version_id or ""))
        else:
            deleted.append((one.key, one.version_id or ""))
    return document(xml.delete_result([] if wish.quiet else deleted, failures))


def _delete(call: Call, one: xml.DeletedKey) -> S3Error | None:
    """The reason why a key is still there. Trouble of ours ends the whole request instead."""
    try:
        check_key(one.key)
        if one.version_id not in (None, "null"):
            raise NotImplementedByUs("Object versions are not implemented.")
        when = Precondition(etags=(one.etag,) if one.etag else ())
        call.store.delete(Deletion(one.key, when=when))
    except S3Error as error:
        if error.status in (500, 503):
            raise
        return error
    return None
