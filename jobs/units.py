"""How numbers, sizes and spans of time are written for people. Pure."""

from __future__ import annotations

import math

_JOINERS = "\u200c\u200d"
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_SPANS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def visible(name: str) -> str:
    """A name with the numbers of signs that cannot be seen or disturb: line ends, direction marks."""
    return "".join(
        sign if sign.isprintable() or sign in _JOINERS else f"[U+{ord(sign):04X}]" for sign in name
    )


def grouped(number: int) -> str:
    """`12431` as `12,431`."""
    return f"{number:,}"


def counted(number: int, thing: str) -> str:
    """`1 object`, `12,431 objects`."""
    return f"{grouped(number)} {thing}" if number == 1 else f"{grouped(number)} {thing}s"


def binary(size: float) -> str:
    """Bytes in binary units, three figures at most: `0 B`, `1.50 KiB`, `64.0 MiB`, `512 GiB`."""
    if size < 1024:
        return f"{round(size)} B"
    unit = 0
    while size >= 1000 and unit < len(_BINARY) - 1:
        size /= 1024
        unit += 1
    places = 2 if size < 9.995 else 1 if size < 99.95 else 0
    return f"{size:.{places}f} {_BINARY[unit]}"


def span(seconds: float) -> str:
    """A span of time by its two largest units: `8 s`, `4 min 10 s`, `2 h 5 min`, `3 d`."""
    left = max(0, round(seconds))
    words: list[str] = []
    for name, length in _SPANS:
        count, left = divmod(left, length)
        if count:
            words.append(f"{count} {name}")
        if len(words) == 2 or (words and not count):
            break
    return " ".join(words) or "0 s"


def about(seconds: float) -> str:
    """An estimated span by its largest unit, rounded up: `10 seconds`, `4 minutes`, `3 hours`, `2 days`."""
    for name, length, most in (("second", 10, 6), ("minute", 60, 120), ("hour", 3_600, 48)):
        count = max(1, math.ceil(seconds / length))
        if count <= most:
            number = count * 10 if name == "second" else count
            return f"{number} {name}" if number == 1 else f"{number} {name}s"
    return f"{math.ceil(seconds / 86_400)} days"


def ago(seconds: float) -> str:
    """How long ago by the largest unit only: `just now`, `12 s ago`, `3 h ago`; `in 5 min` if ahead."""
    distance = abs(round(seconds))
    if distance < 2:
        return "just now"
    name, length = next((name, length) for name, length in _SPANS if distance >= length)
    text = f"{distance // length} {name}"
    return f"{text} ago" if seconds > 0 else f"in {text}"
