"""Bytes on their way in and out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager

from proxy.backends.base import Body, SealedBody, nothing_to_unlock
from proxy.backends.bodies import Running
from proxy.backends.seals import PlainFacts
from proxy.backends.values import PIECE_BYTES, ObjectInfo
from proxy.errors import IncompleteBody


class MemoryReader(AbstractContextManager["MemoryReader"]):
    """An open object: a snapshot, so nothing can happen to it. It reads what is stored."""

    def __init__(self, info: ObjectInfo, data: bytes) -> None:
        self.info = info
        self.data = data

    def read(self, start: int, end: int) -> Iterator[bytes]:
        for at in range(start, min(end, len(self.data)), PIECE_BYTES):
            yield self.data[at : min(at + PIECE_BYTES, end)]

    def unlock(self, customer_key: bytes) -> None:
        raise nothing_to_unlock()

    def close(self) -> None:
        return None

    def __exit__(self, *unused: object) -> None:
        return None


def taken(body: Body | SealedBody, need: tuple[str, ...]) -> tuple[bytes, PlainFacts]:
    """The bytes to keep and the facts of the plaintext; `need`: checksums to compute."""
    data = b"".join(body)
    if isinstance(body, SealedBody):
        return data, body.plain
    if body.length is not None and body.length != len(data):
        raise IncompleteBody()
    running = Running(need)
    running.add(data)
    return data, running.facts(body.checksums)
