"""Whether a bucket keeps versions."""

from __future__ import annotations

from proxy.errors import NotImplementedByUs
from proxy.handlers.call import Answer, Call, document
from proxy.wire import xml


def get_versioning(call: Call) -> Answer:
    """Versioning was never enabled: an empty configuration says so."""
    return document(xml.versioning())


def put_versioning(call: Call) -> Answer:
    raise NotImplementedByUs()
