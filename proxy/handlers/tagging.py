"""Tags of buckets and of objects."""

from __future__ import annotations

from proxy.errors import NotImplementedByUs
from proxy.handlers.call import Answer, Call, document
from proxy.wire import xml


def get_bucket_tagging(call: Call) -> Answer:
    raise NotImplementedByUs()


def put_bucket_tagging(call: Call) -> Answer:
    raise NotImplementedByUs()


def delete_bucket_tagging(call: Call) -> Answer:
    raise NotImplementedByUs()


def get_object_tagging(call: Call) -> Answer:
    return document(xml.tagging(call.head().tags))


def put_object_tagging(call: Call) -> Answer:
    raise NotImplementedByUs()


def delete_object_tagging(call: Call) -> Answer:
    raise NotImplementedByUs()
