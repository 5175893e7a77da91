"""Cross-origin rules of a bucket, and the preflight that asks for them."""

from __future__ import annotations

from proxy.errors import NotImplementedByUs
from proxy.handlers.call import Answer, Call


def get_cors(call: Call) -> Answer:
    raise NotImplementedByUs()


def put_cors(call: Call) -> Answer:
    raise NotImplementedByUs()


def delete_cors(call: Call) -> Answer:
    raise NotImplementedByUs()


def preflight(call: Call) -> Answer:
    raise NotImplementedByUs()
