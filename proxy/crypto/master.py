"""Sealing small secrets with the master key.

A sealed secret is: a head that names the master key (`proxy.secrets`), a random 96-bit nonce,
AES-256-GCM's output. Head and context (what the secret is for) are authenticated with it, so a
secret that was moved to another row does not open. The AES key is derived from the master key by
HKDF-SHA256.
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

from proxy import secrets
from proxy.errors import InternalError

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


@lru_cache(maxsize=16)
def _cipher(master_key: str) -> AESGCM:
    return AESGCM(HKDF(SHA256(), 32, salt=None, info=_PURPOSE).derive(master_key.encode()))


def _ring() -> tuple[str, ...]:
    ring = secrets.ring(settings.MASTER_KEY)
    if not ring:
        raise NoKey()
    return ring


def seal(plain: bytes, context: bytes) -> bytes:
    """Seal a secret with the newest master key; only the same `context` opens it. Raises NoKey."""
    newest = _ring()[-1]
    head, nonce = secrets.head_of(newest), os.urandom(_NONCE_BYTES)
    return head + nonce + _cipher(newest).encrypt(nonce, plain, head + context)


def open_sealed(sealed: bytes, context: bytes) -> bytes:
    """The secret that `seal` was given, whichever master key sealed it. Raises WrongKey."""
    ring = _ring()
    split = secrets.split(sealed)
    if split is None:
        raise WrongKey("A stored secret has a form that this version does not know.")
    head, rest = split
    for key in secrets.candidates(head, ring):
        try:
            return _cipher(key).decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], head + context)
        except (InvalidTag, ValueError):  # ValueError: too short for a nonce
            continue
    raise WrongKey()
