"""JSON columns whose texts may hold any character, as keys of objects do.

PostgreSQL's JSON takes no NUL: "\\u0000 cannot be converted to text" (documentation, "JSON Types").
Therefore it is written as two others, and what it could be confused with as well.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

_MARK = "\ufdd0"
"""A code point that is no character (Unicode, section 23.7)."""
_ASCII = r"\ufdd0"
"""The same as JSON in ASCII writes it."""


def _written(text: str) -> str:
    return text.replace(_MARK, f"{_MARK}1").replace("\0", f"{_MARK}0")


def _read(text: str) -> str:
    return text.replace(f"{_MARK}0", "\0").replace(f"{_MARK}1", _MARK)


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    match value:
        case str():
            return change(value)
        case dict():
            return {_each_text(name, change): _each_text(each, change) for name, each in value.items()}
        case list() | tuple():
            return [_each_text(each, change) for each in value]
    return value


class Encoder(json.JSONEncoder):
    """For `encoder` of a JSONField."""

    def encode(self, o: Any) -> str:
        text = super().encode(o)
        return super().encode(_each_text(o, _written)) if r"\u0000" in text or _ASCII in text else text


class Decoder(json.JSONDecoder):
    """For `decoder` of a JSONField."""

    def decode(self, s: str, *args: Any, **options: Any) -> Any:
        value = super().decode(s, *args, **options)
        return _each_text(value, _read) if _MARK in s or _ASCII in s else value
