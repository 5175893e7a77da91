"""Wraps: keys, sealed with keys. A data key by its bucket's key or the customer's, a bucket key by a ring's.

The text of a wrap is `v1.KIND.KEY-ID.PAYLOAD`: what sealed it, and in base64url without padding a form
byte, a random nonce of 12 bytes, and AES-256-GCM of the key. Authenticated with it is what it belongs to:
each field with its length before it, so that no two sets of fields look the same.

A wrap of the form BOUND binds where a body belongs and what its plaintext is. A wrap of the form AHEAD is
made before version id, size and ETag are known; it binds bucket and key alone, and the rest is in the
footers, which only its data key opens. The form is authenticated: neither passes for the other.

One key wraps at most 2^32 times (NIST SP 800-38D, 8.3: random nonces); a bucket of more writes needs
another bucket key by then.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from proxy.crypto.frames import DamagedBody
from proxy.crypto.ring import Ring

BUCKET, CUSTOMER, RING = "b", "c", "r"
"""Kinds: by what a key is wrapped."""

_FORMAT = "v1"
_BOUND, _AHEAD = b"\x00", b"\x01"
_NONCE_BYTES = 12


class WrongWrap(DamagedBody):
    """A wrap does not open for what it stands with."""


@dataclass(frozen=True, slots=True)
class WrappingKey:
    """What wraps: the key of a bucket, of a customer, or of a ring."""

    kind: str
    id: str
    key: bytes = field(repr=False)


def bucket_wrapping(key_id: str, key: bytes) -> WrappingKey:
    """A bucket's key."""
    return WrappingKey(BUCKET, key_id, key)


def customer_wrapping(key: bytes) -> WrappingKey:
    """A customer's key (SSE-C, 32 bytes); its id is its MD5 in base64, as S3 has it."""
    return WrappingKey(
        CUSTOMER, base64.b64encode(hashlib.md5(key, usedforsecurity=False).digest()).decode(), key
    )


@dataclass(frozen=True, slots=True)
class Bound:
    """What a data key belongs to: nothing of it can be changed without another wrap.

    `root` is `root_of` the segments. Of an open upload there are bucket and key, and its id as `version_id`.
    """

    bucket_id: str
    key: str
    version_id: str = ""
    size: int = 0
    etag: str = ""
    root: str = ""


def root_of(segments: Iterable[tuple[str, int, int]]) -> str:
    """One word for a body's segments (body id in hex, size, stored), in their order: SHA-256 in hex."""
    digest = hashlib.sha256()
    for body_id, size, stored in segments:
        digest.update(struct.pack(">16sQQ", bytes.fromhex(body_id), size, stored))
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class WrapName:
    """Which key opens a wrap."""

    kind: str
    key_id: str


def wrap_data_key(data_key: bytes, by: WrappingKey, bound: Bound) -> str:
    """A wrap that opens only with `by` and for what is `bound`."""
    return _wrap(data_key, by, _BOUND, _bound_fields(bound))


def wrap_ahead(data_key: bytes, by: WrappingKey, bucket_id: str, key: str) -> str:
    """A wrap for a body of which nothing but its key is known yet."""
    return _wrap(data_key, by, _AHEAD, _ahead_fields(bucket_id, key))


def unwrap_data_key(wrap: str, by: WrappingKey, bound: Bound) -> bytes:
    """The data key. Of a wrap made ahead only bucket and key of `bound` count. Raises WrongWrap."""
    payload = _payload(wrap)
    ahead = payload[:1] == _AHEAD
    fields = _ahead_fields(bound.bucket_id, bound.key) if ahead else _bound_fields(bound)
    return _unwrap(wrap, payload, by, fields)


def wrap_bucket_key(key: bytes, key_id: str, bucket_id: str, ring: Ring) -> str:
    """A bucket's key, wrapped by the ring's newest key. Raises EmptyRing."""
    by = WrappingKey(RING, ring.newest.id, ring.newest.key)
    return _wrap(key, by, _BOUND, (bucket_id, key_id))


def unwrap_bucket_key(wrap: str, key_id: str, bucket_id: str, ring: Ring) -> bytes:
    """The bucket's key. Raises MissingKey, WrongWrap."""
    found = ring.key(name_of(wrap).key_id)
    by = WrappingKey(RING, found.id, found.key)
    return _unwrap(wrap, _payload(wrap), by, (bucket_id, key_id))


def kind_and_key(wrap: str) -> str:
    """What a wrap says before its last dot: wraps that one key opens say the same."""
    return wrap.rpartition(".")[0]


def name_of(wrap: str) -> WrapName:
    """Which key opens a wrap, also from its `kind_and_key` alone. Raises WrongWrap."""
    parts = wrap.split(".")
    if len(parts) not in (3, 4) or parts[0] != _FORMAT or parts[1] not in (BUCKET, CUSTOMER, RING):
        raise WrongWrap("its wrap has a form that this version does not know")
    return WrapName(parts[1], parts[2])


def is_ahead(wrap: str) -> bool:
    """Whether the wrap was made before the facts of its body were known. Raises WrongWrap."""
    return _payload(wrap)[:1] == _AHEAD


def _bound_fields(bound: Bound) -> tuple[str, ...]:
    size = str(bound.size)
    return (bound.bucket_id, bound.key, bound.version_id, bound.root, size, bound.etag)


def _ahead_fields(bucket_id: str, key: str) -> tuple[str, ...]:
    return (bucket_id, key)


def _context(by: WrappingKey, form: bytes, fields: Iterable[str]) -> bytes:
    said = [_FORMAT.encode(), by.kind.encode(), by.id.encode(), form]
    said += [text.encode("utf-8", "surrogatepass") for text in fields]
    return b"".join(len(text).to_bytes(4) + text for text in said)


def _wrap(plain: bytes, by: WrappingKey, form: bytes, fields: Iterable[str]) -> str:
    nonce = os.urandom(_NONCE_BYTES)
    sealed = AESGCM(by.key).encrypt(nonce, plain, _context(by, form, fields))
    return f"{_FORMAT}.{by.kind}.{by.id}.{_text(form + nonce + sealed)}"


def _unwrap(wrap: str, payload: bytes, by: WrappingKey, fields: Iterable[str]) -> bytes:
    if kind_and_key(wrap) != f"{_FORMAT}.{by.kind}.{by.id}":
        raise WrongWrap(f"its wrap is not by the key {by.id}")
    form, nonce, sealed = payload[:1], payload[1 : 1 + _NONCE_BYTES], payload[1 + _NONCE_BYTES :]
    try:
        return AESGCM(by.key).decrypt(nonce, sealed, _context(by, form, fields))
    except (InvalidTag, ValueError):  # ValueError: too short for a nonce
        raise WrongWrap("its wrap was altered, or is that of something else") from None


def _text(payload: bytes) -> str:
    return base64.urlsafe_b64encode(payload).rstrip(b"=").decode()


def _payload(wrap: str) -> bytes:
    text = wrap.rpartition(".")[2]
    try:
        payload = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        payload = b""
    if not payload or _text(payload) != text:  # the last digit has bits that mean nothing
        raise WrongWrap("its wrap is not what a wrap looks like")
    return payload
