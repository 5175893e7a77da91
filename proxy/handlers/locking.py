"""Object lock: the configuration of a bucket, retention and legal hold of a version."""

from __future__ import annotations

from proxy.errors import NotImplementedByUs
from proxy.handlers.call import Answer, Call


def get_configuration(call: Call) -> Answer:
    raise NotImplementedByUs()


def put_configuration(call: Call) -> Answer:
    raise NotImplementedByUs()


def get_retention(call: Call) -> Answer:
    raise NotImplementedByUs()


def put_retention(call: Call) -> Answer:
    raise NotImplementedByUs()


def get_legal_hold(call: Call) -> Answer:
    raise NotImplementedByUs()


def put_legal_hold(call: Call) -> Answer:
    raise NotImplementedByUs()
