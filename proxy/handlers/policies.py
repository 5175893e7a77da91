"""Bucket policy, public access block and ownership controls."""

from __future__ import annotations

from proxy.errors import NotImplementedByUs
from proxy.handlers.call import Answer, Call


def get_policy(call: Call) -> Answer:
    raise NotImplementedByUs()


def put_policy(call: Call) -> Answer:
    raise NotImplementedByUs()


def delete_policy(call: Call) -> Answer:
    raise NotImplementedByUs()


def get_policy_status(call: Call) -> Answer:
    raise NotImplementedByUs()


def get_public_access_block(call: Call) -> Answer:
    raise NotImplementedByUs()


def put_public_access_block(call: Call) -> Answer:
    raise NotImplementedByUs()


def delete_public_access_block(call: Call) -> Answer:
    raise NotImplementedByUs()


def get_ownership_controls(call: Call) -> Answer:
    raise NotImplementedByUs()


def put_ownership_controls(call: Call) -> Answer:
    raise NotImplementedByUs()


def delete_ownership_controls(call: Call) -> Answer:
    raise NotImplementedByUs()
