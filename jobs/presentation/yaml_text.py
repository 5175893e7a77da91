"""Writes plain values as YAML, for people to read and to copy. Pure.

Source: YAML 1.2, chapters 5.7 and 7.3.1; what could be read as something else is in double quotes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

Plain = None | bool | int | float | str | Sequence["Plain"] | Mapping[str, "Plain"]

_BARE = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*\Z")
_DURATION = re.compile(r"[0-9]+[A-Za-z][A-Za-z/]*\Z")
_OTHER_THINGS = frozenset(["true", "false", "yes", "no", "on", "off", "null", "y", "n"])
"""Words that readers of YAML 1.1 take for something else."""


def scalar(value: bool | int | float | str | None) -> str:
    """A value that holds no others."""
    if isinstance(value, str):
        plain = _DURATION.match(value) or (_BARE.match(value) and value.lower() not in _OTHER_THINGS)
        return value if plain else '"' + "".join(map(_sign, value)) + '"'
    return json.dumps(value)


def _sign(sign: str) -> str:
    """A sign between double quotes."""
    if sign in '"\\':
        return f"\\{sign}"
    return sign if sign.isprintable() else f"\\U{ord(sign):08X}"


def flow(value: Plain) -> str:
    """In one line: `{bucket: photos, prefix: ""}`."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(name)}: {flow(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(flow(inner) for inner in value) + "]"
    return scalar(value)


def entry(values: Mapping[str, Plain]) -> str:
    """One entry of a list, its first line with the dash; what it holds is in one line each."""
    lines = [f"{scalar(name)}: {flow(value)}" for name, value in values.items()]
    return "".join(f"{'- ' if number == 0 else '  '}{line}\n" for number, line in enumerate(lines))
