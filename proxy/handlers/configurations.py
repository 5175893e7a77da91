"""Configurations of features that we do not have: what is so is said, what cannot be is refused."""

from __future__ import annotations

from proxy.errors import NotImplementedByUs
from proxy.handlers.call import Answer, Call


def get_accelerate(call: Call) -> Answer:
    raise NotImplementedByUs()


def get_encryption(call: Call) -> Answer:
    raise NotImplementedByUs()


def get_lifecycle(call: Call) -> Answer:
    raise NotImplementedByUs()


def get_logging(call: Call) -> Answer:
    raise NotImplementedByUs()


def get_notification(call: Call) -> Answer:
    raise NotImplementedByUs()


def get_replication(call: Call) -> Answer:
    raise NotImplementedByUs()


def get_request_payment(call: Call) -> Answer:
    raise NotImplementedByUs()


def get_website(call: Call) -> Answer:
    raise NotImplementedByUs()


def put_notification(call: Call) -> Answer:
    raise NotImplementedByUs()


def put_request_payment(call: Call) -> Answer:
    raise NotImplementedByUs()


def put_logging(call: Call) -> Answer:
    raise NotImplementedByUs()


def delete_encryption(call: Call) -> Answer:
    raise NotImplementedByUs()


def delete_lifecycle(call: Call) -> Answer:
    raise NotImplementedByUs()


def delete_replication(call: Call) -> Answer:
    raise NotImplementedByUs()


def delete_website(call: Call) -> Answer:
    raise NotImplementedByUs()
