"""What is known and found out about a body on its way in, pure and the same for every backend."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from proxy.backends.base import Body, ReaderBody, SealedBody
from proxy.backends.seals import PlainFacts
from proxy.errors import BadDigest
from proxy.wire.checksums import ALGORITHMS, Checksum, value_of


class Running:
    """Hashes bytes as they pass: MD5, and the checksums of these names."""

    def __init__(self, names: Iterable[str]) -> None:
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sums: dict[str, Checksum] = {name: ALGORITHMS[name].new() for name in names}
        self.size = 0

    def add(self, piece: bytes) -> None:
        self._md5.update(piece)
        for running in self._sums.values():
            running.update(piece)
        self.size += len(piece)

    def facts(self, checksums: Mapping[str, str]) -> PlainFacts:
        """`checksums` are those that the body brings; own ones take precedence."""
        own = {name: value_of(running.digest()) for name, running in self._sums.items()}
        return PlainFacts(self.size, self._md5.hexdigest(), {**checksums, **own})


def is_md5(etag: str) -> bool:
    """Whether an ETag is the MD5 of the bytes (and not that of a multipart object)."""
    return len(etag) == 32 and "-" not in etag


def composite_checksums(body: Body | SealedBody) -> tuple[str, ...]:
    """Those of a multipart source: they do not fit an object that is put whole."""
    if not isinstance(body, ReaderBody):
        return ()
    return tuple(name for name, value in body.checksums.items() if "-" in value)


def part_checksum(body: Body | SealedBody, algorithm: str, *, carried: bool) -> tuple[str, ...]:
    """The upload's checksum that must be computed for a part, if it is not the body that brings it.

    A client's own body was told to compute it; one that is read from an object was not.
    """
    name = algorithm.lower()
    return (name,) if name and not carried and isinstance(body, ReaderBody) else ()


def refuse_other_bytes(found: PlainFacts, size: int, etag: str) -> None:
    """Raises BadDigest if what came is not what was carried."""
    if found.size != size or (is_md5(etag) and found.etag != etag):
        raise BadDigest("The bytes are not those of the object that they are a copy of.")
