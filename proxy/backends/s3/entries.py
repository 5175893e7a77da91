"""What listings show, by name. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from proxy.backends.s3.showing import Shown

_KEY_BYTES = 1024
_GREATEST = "\U0010ffff"

Entry = Shown | str
"""What a listing shows: a version, or a common prefix."""

E = TypeVar("E", bound=Entry)


def behind_all_of(prefix: str) -> str:
    """The greatest key that begins so."""
    return prefix + _GREATEST * ((_KEY_BYTES - len(prefix.encode())) // 4)


def is_behind_all(text: str) -> bool:
    """Whether it is what `behind_all_of` gives, and no key."""
    return text.endswith(_GREATEST)


def just_below(character: str) -> str:
    """The character before, with surrogates left out."""
    return "\ud7ff" if character == "\ue000" else chr(ord(character) - 1)


def name_of(entry: Entry) -> str:
    return entry if isinstance(entry, str) else entry.key


def by_key(entries: Iterable[E]) -> list[E]:
    """In the order of their UTF-8 bytes; those of one name stay as they came."""
    return sorted(entries, key=lambda entry: name_of(entry).encode())
