"""The ring of master keys, and how a sealed secret says which of them sealed it; pure.

`SLUICEGATE_MASTER_KEY` has one key or several between commas, the oldest first: the newest seals,
any opens. So a key is replaced by adding one, sealing everything anew (`manage.py db_rekey`) and
taking the old one away.

A sealed secret begins with a head: version 2 and four bytes that name the key. Version 1, of the
first releases, names none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

_UNNAMED, _NAMED = b"\x01", b"\x02"
_ID_BYTES = 4
_PURPOSE = b"sluicegate master key id 1"


def ring(text: str) -> tuple[str, ...]:
    """The keys in the text, the newest last; none of an empty text."""
    return tuple(key for key in (part.strip() for part in text.split(",")) if key)


def head_of(key: str) -> bytes:
    """How what this key seals begins."""
    return _NAMED + hashlib.sha256(_PURPOSE + key.encode()).digest()[:_ID_BYTES]


def split(sealed: bytes) -> tuple[bytes, bytes] | None:
    """(head, the rest); None for a form that is not known."""
    lengths = {_UNNAMED: 1, _NAMED: 1 + _ID_BYTES}
    length = lengths.get(sealed[:1])
    return None if length is None else (sealed[:length], sealed[length:])


def candidates(head: bytes, keys: Iterable[str]) -> list[str]:
    """Those of the ring's keys that may open what has this head, the newest first."""
    return [key for key in reversed(list(keys)) if head in (_UNNAMED, head_of(key))]


def is_sealed_with(sealed: bytes, key: str) -> bool:
    """Whether this very key sealed it, as far as the head says."""
    return sealed.startswith(head_of(key))
