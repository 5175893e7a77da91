"""PostObject: an upload from an HTML form."""

from __future__ import annotations

from proxy.errors import NotImplementedByUs
from proxy.handlers.call import Answer, Call


def post_object(call: Call) -> Answer:
    raise NotImplementedByUs()
