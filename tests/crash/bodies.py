"""What the clients of the crash tests write: every body says which key and version it is."""

from __future__ import annotations

import random

KIB, MIB = 1024, 1024 * 1024
CLIENTS = 3
KEYS_EACH = 667
_LARGE = {0: 20 * MIB, 1: 12 * MIB, 2: 9 * MIB, 3: 5 * MIB}
_SPANS = {4: MIB, 14: 100 * KIB, 60: 33 * KIB, 90: 0}
"""From this number on keys have this size, up to the next; the rest is small."""
SMALL_FROM = 110


def key_of(client: int, number: int) -> str:
    return f"c{client}/{number:04d} é+%"


def may_vanish(number: int) -> bool:
    """Whether its owner deletes the key at times."""
    return number % 10 == 9


def size_of(number: int, version: int) -> int:
    """Bytes of that version of a key; they change a little with the version, but for empty ones."""
    if number in _LARGE:
        return _LARGE[number] + version % 5
    if number >= SMALL_FROM:
        return 16 + (number * 37 + version) % (8 * KIB)
    size = next(size for start, size in sorted(_SPANS.items(), reverse=True) if number >= start)
    return size + version % 5 if size else 0


def body_of(client: int, number: int, version: int) -> bytes:
    """The same for the same arguments."""
    size = size_of(number, version)
    head = f"{client}/{number}/{version}\n".encode()
    return (head + random.Random(f"{client}/{number}/{version}").randbytes(max(0, size - len(head))))[:size]


def version_in(client: int, number: int, body: bytes) -> int | None:
    """Which version of the key a body is, compared to the last byte; None if it is none of them."""
    if not size_of(number, 1):
        return 0 if not body else None
    head, newline, _ = body[:64].partition(b"\n")
    parts = head.split(b"/")
    if not newline or len(parts) != 3 or not parts[2].isdigit():
        return None
    version = int(parts[2])
    return version if body == body_of(client, number, version) else None
