"""Handlers of the operations that S3 knows and that we do not have."""

from __future__ import annotations

from proxy.errors import NotImplementedByUs
from proxy.handlers.call import Answer, Call


def not_implemented(call: Call) -> Answer:
    """Always raises NotImplemented: never a wrong success."""
    raise NotImplementedByUs("This operation is not implemented.")
