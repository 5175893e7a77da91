"""Access lists of buckets and objects."""

from __future__ import annotations

from proxy.errors import NotImplementedByUs
from proxy.handlers.call import Answer, Call, document
from proxy.wire import xml


def get_bucket_acl(call: Call) -> Answer:
    return document(xml.private_acl(call.here.owner_id))


def put_bucket_acl(call: Call) -> Answer:
    raise NotImplementedByUs()


def get_object_acl(call: Call) -> Answer:
    return document(xml.private_acl(call.head().owner_id))


def put_object_acl(call: Call) -> Answer:
    raise NotImplementedByUs()
