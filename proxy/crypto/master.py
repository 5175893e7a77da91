"""Sealing small secrets with the master key.

A sealed secret is: one version byte, a random 96-bit nonce, AES-256-GCM's output. Version byte
and context (what the secret is for) are authenticated with it, so a secret that was moved to
another row does not open. The AES key is derived from the master key by HKDF-SHA256.
Sources: NIST SP 800-38D; RFC 5869.
"""

from __future__ import annotations

import os
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from proxy.errors import InternalError

_VERSION = b"\x01"
_NONCE_BYTES = 12
_PURPOSE = b"sluicegate sealed secret 1"


class WrongKey(InternalError):
    """A secret does not open: another master key sealed it, or it was altered."""

    text = (
        "A stored secret does not open with this SLUICEGATE_MASTER_KEY: it was sealed with another one, "
        "or it was altered."
    )


class NoKey(WrongKey):
    """There is nothing to seal or open with."""

    text = "SLUICEGATE_MASTER_KEY is not set: secrets can be neither sealed nor opened."


@lru_cache(maxsize=4)
def _cipher(master_key: str) -> AESGCM:
    return AESGCM(HKDF(SHA256(), 32, salt=None, info=_PURPOSE).derive(master_key.encode()))


def _current() -> AESGCM:
    if not settings.MASTER_KEY:
        raise NoKey()
    return _cipher(settings.MASTER_KEY)


def seal(plain: bytes, context: bytes) -> bytes:
    """Seal a secret; only the same `context` opens it. Raises NoKey."""
    nonce = os.urandom(_NONCE_BYTES)
    return _VERSION + nonce + _current().encrypt(nonce, plain, _VERSION + context)


def open_sealed(sealed: bytes, context: bytes) -> bytes:
    """The secret that `seal` was given. Raises WrongKey."""
    version, nonce, rest = sealed[:1], sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
    cipher = _current()
    if version != _VERSION:
        raise WrongKey("A stored secret has a form that this version does not know.")
    try:
        return cipher.decrypt(nonce, rest, version + context)
    except (InvalidTag, ValueError):  # ValueError: too short for a nonce
        raise WrongKey() from None
