"""The checksum algorithms of S3: running, whole-object values of parts, composite values.

Values are base64 text of the big-endian digest. Source: Amazon S3 User Guide, "Checking object
integrity".
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from awscrt import checksums as crt

from proxy.errors import BadDigest, InvalidRequest

HEADER_PREFIX = "x-amz-checksum-"


class Checksum(Protocol):
    """A running checksum, used like those of hashlib."""

    def update(self, data: bytes, /) -> None: ...
    def digest(self) -> bytes: ...


class _Crc:
    """A running CRC over a function (data, previous) -> value."""

    __slots__ = ("_function", "_size", "_value")

    def __init__(self, function: Callable[[bytes, int], int], size: int) -> None:
        self._function = function
        self._size = size
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = self._function(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._size, "big")


@dataclass(frozen=True, slots=True)
class Algorithm:
    """`join` makes one value of two neighbours' values and the second one's length in bytes."""

    name: str
    size: int
    new: Callable[[], Checksum]
    join: Callable[[int, int, int], int] | None = None
    composite: bool = True

    @property
    def header(self) -> str:
        return HEADER_PREFIX + self.name


ALGORITHMS: Mapping[str, Algorithm] = {
    row.name: row
    for row in (
        Algorithm("crc32", 4, lambda: _Crc(zlib.crc32, 4), crt.combine_crc32),
        Algorithm("crc32c", 4, lambda: _Crc(crt.crc32c, 4), crt.combine_crc32c),
        Algorithm("crc64nvme", 8, lambda: _Crc(crt.crc64nvme, 8), crt.combine_crc64nvme, composite=False),
        Algorithm("sha1", 20, lambda: hashlib.sha1(usedforsecurity=False)),
        Algorithm("sha256", 32, hashlib.sha256),
    )
}
"""By lower-case name, as in ObjectInfo.checksums."""

_NOT_VALUES = frozenset(HEADER_PREFIX + word for word in ("algorithm", "mode", "type"))
ONE_ONLY = "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
_UNSUPPORTED = (
    "Checksum algorithm provided is unsupported. Please try again with any of the valid types: "
    "[CRC32, CRC32C, CRC64NVME, SHA1, SHA256]"
)


def algorithm(name: str) -> Algorithm:
    """By S3's name in any case. Raises InvalidRequest."""
    found = ALGORITHMS.get(name.lower())
    if found is None:
        raise InvalidRequest(_UNSUPPORTED)
    return found


def value_of(digest: bytes) -> str:
    """Base64, as headers, trailers and documents carry it."""
    return base64.b64encode(digest).decode("ascii")


def digest_of(name: str, value: str) -> bytes:
    """The digest behind a value. Raises BadDigest if it cannot be one of this algorithm."""
    found = algorithm(name)
    try:
        digest = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != found.size:
        raise BadDigest(f"Value for {found.header} header is invalid.")
    return digest


def announced(headers: Mapping[str, str]) -> tuple[str, str] | None:
    """(algorithm, value) of the one x-amz-checksum- header, the value as it came; None without one.

    Raises InvalidRequest for several of them and for unknown algorithms.
    """
    found = [name for name in headers if name.startswith(HEADER_PREFIX) and name not in _NOT_VALUES]
    if not found:
        return None
    if len(found) > 1:
        raise InvalidRequest(ONE_ONLY)
    return algorithm(found[0][len(HEADER_PREFIX) :]).name, headers[found[0]]


def named(headers: Mapping[str, str]) -> str:
    """The algorithm that a request's body is checked by: of its header, its trailer, or as the SDK says.

    Raises InvalidRequest for several of them and for unknown ones.
    """
    found = announced(headers)
    if found is not None:
        return found[0]
    trailer = headers.get("x-amz-trailer", "").lower()
    if trailer.startswith(HEADER_PREFIX):
        return algorithm(trailer.removeprefix(HEADER_PREFIX)).name
    sdk = headers.get("x-amz-sdk-checksum-algorithm")
    return algorithm(sdk).name if sdk else ""


def compute(name: str, data: bytes) -> str:
    """The value for bytes that are at hand. Raises InvalidRequest for an unknown algorithm."""
    running = algorithm(name).new()
    running.update(data)
    return value_of(running.digest())


def combine(name: str, parts: Iterable[tuple[str, int]]) -> str:
    """The whole object's CRC from its parts' (value, length in bytes), in order.

    Raises InvalidRequest for an algorithm that has no such value (SHA1, SHA256), BadDigest for a bad value.
    """
    found = algorithm(name)
    if found.join is None:
        raise InvalidRequest(f"The FULL_OBJECT checksum type cannot be used with {found.name.upper()}.")
    total = 0
    for value, length in parts:
        total = found.join(total, int.from_bytes(digest_of(name, value), "big"), length)
    return value_of(total.to_bytes(found.size, "big"))


def composite(name: str, values: Iterable[str]) -> str:
    """The checksum of the parts' checksums, in order, with "-" and their count.

    Raises InvalidRequest for an algorithm that has no such value (CRC64NVME) or a bad value.
    """
    found = algorithm(name)
    if not found.composite:
        raise InvalidRequest(f"The COMPOSITE checksum type cannot be used with {found.name.upper()}.")
    running, count = found.new(), 0
    for value in values:
        running.update(digest_of(name, value))
        count += 1
    return f"{value_of(running.digest())}-{count}"
