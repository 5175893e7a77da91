"""Whether a bucket keeps versions."""

from __future__ import annotations

from proxy.bucket_settings import ENABLED, SUSPENDED
from proxy.errors import InvalidBucketState, NotImplementedByUs
from proxy.handlers.call import Answer, Call, document
from proxy.records import change_settings
from proxy.wire import xml


def get_versioning(call: Call) -> Answer:
    return document(xml.versioning(call.here.settings.versioning))


def put_versioning(call: Call) -> Answer:
    """The storage is told first: repeated after a crash between the two, both are as was asked.

    Raises InvalidBucketState (with object lock, versions are kept for good), NotImplementedByUs.
    """
    status = xml.read_versioning(call.document())
    if status == SUSPENDED and call.here.settings.object_lock:
        raise InvalidBucketState(
            "An Object Lock configuration is present on this bucket: its versioning cannot be suspended."
        )
    if status == ENABLED and not call.store.keeps_versions:
        raise NotImplementedByUs("The storage of this bucket keeps no versions.")
    call.store.set_versioning(status)
    change_settings(call.here, versioning=status)
    return Answer(200)
