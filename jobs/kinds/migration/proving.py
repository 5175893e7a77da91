"""Reading a body of the target again and proving it: by MD5, or against the source's bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from jobs.errors import JobFailed
from jobs.kinds.migration.ground import Ground
from jobs.kinds.pieces import Span
from proxy.backends.base import ObjectReader
from proxy.backends.sealing.reader import SealedReader, is_locked

_COMPARED = 64 * 1024
"""How many bytes of source and target are compared at once."""


def differs(key: str, what: str) -> JobFailed:
    """What ends a job whose target is not the source; the message names the key."""
    return JobFailed(f"{key}: {what}.", "VerificationFailed")


def prove_md5(ground: Ground, reader: ObjectReader, span: Span, what: str) -> None:
    """Raises JobFailed unless the bytes of the span have its MD5."""
    digest = hashlib.md5(usedforsecurity=False)
    for piece in reader.read(span.start, span.end):
        ground.work.pulse()
        digest.update(piece)
    if digest.hexdigest() != span.md5:
        raise differs(
            what, f"the bytes {span.start} to {span.end} have the MD5 {digest.hexdigest()}, not {span.md5}"
        )


def prove_same(ground: Ground, target: ObjectReader, source: ObjectReader, span: Span, what: str) -> None:
    """Raises JobFailed unless both have the same bytes in the span."""
    ours = _blocks(target.read(span.start, span.end))
    theirs = _blocks(source.read(span.start, span.end))
    while True:
        ground.work.pulse()
        mine, other = next(ours, None), next(theirs, None)
        if mine != other:
            raise differs(what, f"the bytes {span.start} to {span.end} are not those of the source")
        if mine is None:
            return


def prove_locked(ground: Ground, target: SealedReader, source: ObjectReader, what: str) -> None:
    """Of a body that only its writer's key opens (SSE-C): raises JobFailed unless both are sealed alike,
    byte for byte."""
    if not is_locked(source) or source.seal != target.seal:
        raise differs(what, "it is not sealed as the source is")
    prove_same(ground, target.inner, source.inner, Span(0, target.seal.stored), what)


def _blocks(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes in blocks of one size, however they came."""
    rest = bytearray()
    for piece in pieces:
        rest += piece
        while len(rest) >= _COMPARED:
            yield bytes(rest[:_COMPARED])
            del rest[:_COMPARED]
    if rest:
        yield bytes(rest)
