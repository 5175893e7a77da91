"""The keys that `storage.backends[].encryption.keys` declares: read, compared, and never shown."""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Loc = tuple[str | int, ...]
"""Where something is: keys and indexes from the top of the document."""

KEY_BYTES = 32
SEALING_MODES = ("aes256-gcm-proxy",)
"""The modes that need a key of ours."""

_NEEDS_KEY = "mode {mode} needs a key; `manage.py keys generate` draws one, while the mode is none"
_HEX = re.compile(r"[0-9A-Fa-f]{64}")
_MOST_CHARACTERS = 4096
_OTHERS = 0o077


class Hidden(str):
    """Text that is not shown when what holds it is."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'(hidden)'"


class KeyRefused(Exception):
    """A key is not what a key must be; the text says why, without it."""


@dataclass(frozen=True, slots=True)
class _Declared:
    """A key as the file declares it."""

    loc: Loc
    backend: str
    id: str
    key: bytes = field(repr=False)


def read_key(key: str | None, key_file: str | None, home: Path) -> bytes:
    """The 32 bytes that are given as text or in a file, which is relative to `home`.

    64 hexadecimal digits, or base64 of 32 bytes. Raises KeyRefused.
    """
    if (key is None) == (key_file is None):
        raise KeyRefused("give either 'key' or 'key_file'")
    return _parsed(key if key is not None else _read_file(home / str(key_file)))


def hidden_hex(key: bytes) -> str:
    """As `settings.STORAGE` keeps it."""
    return Hidden(key.hex())


def key_contradictions(
    backends: Iterable[tuple[int, Mapping[str, Any]]], home: Path
) -> Iterator[tuple[Loc, str]]:
    """Keys that are none, ids that mean two keys, and modes that seal without a key.

    Looks at the document as it was written: what has not the right type is told elsewhere.
    """
    seen: dict[str, _Declared] = {}
    for index, backend in backends:
        encryption = backend.get("encryption")
        if not isinstance(encryption, Mapping):
            continue
        where: Loc = ("storage", "backends", index, "encryption")
        written = encryption.get("keys")
        keys = written if isinstance(written, list) else []
        if encryption.get("mode") in SEALING_MODES and not keys:
            yield where, _NEEDS_KEY.format(mode=encryption["mode"])
        yield from _ids_used_twice(keys, where)
        for declared in _readable(keys, (*where, "keys"), str(backend.get("name")), home):
            if isinstance(declared, _Declared):
                first = seen.setdefault(declared.id, declared)
                if first.key != declared.key:
                    yield declared.loc, _two_keys(first, declared)
            else:
                yield declared


def _two_keys(first: _Declared, other: _Declared) -> str:
    ours, theirs = first.backend, other.backend
    return f"the key '{other.id}' of backend '{theirs}' has other bytes than that of backend '{ours}'"


def _ids_used_twice(keys: list[Any], where: Loc) -> Iterator[tuple[Loc, str]]:
    seen: set[str] = set()
    for number, item in enumerate(keys):
        key_id = item.get("id") if isinstance(item, Mapping) else None
        if isinstance(key_id, str):
            if key_id in seen:
                yield (*where, "keys", number, "id"), f"a second key with the id '{key_id}'"
            seen.add(key_id)


def _readable(keys: list[Any], where: Loc, backend: str, home: Path) -> Iterator[_Declared | tuple[Loc, str]]:
    """Each key, or what is wrong with it."""
    for number, item in enumerate(keys):
        if not isinstance(item, Mapping):
            continue
        given = [item.get(name) for name in ("key", "key_file")]
        if "" in given or not all(text is None or isinstance(text, str) for text in given):
            continue  # not filled in, or no text
        loc: Loc = (*where, number)
        try:
            yield _Declared(loc, backend, str(item.get("id")), read_key(given[0], given[1], home))
        except KeyRefused as refused:
            yield loc, str(refused)


def _parsed(text: str) -> bytes:
    text = text.strip()
    if _HEX.fullmatch(text):
        return bytes.fromhex(text)
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise KeyRefused("a key is 64 hexadecimal digits, or base64 of 32 bytes")
    return key


def _read_file(path: Path) -> str:
    try:
        with path.open() as file:
            mode = os.fstat(file.fileno()).st_mode & 0o777
            if mode & _OTHERS:
                raise KeyRefused(f"{path} can be read by others (mode {mode:04o}): chmod 600")
            return file.read(_MOST_CHARACTERS)
    except UnicodeDecodeError:
        raise KeyRefused(f"{path} holds no text") from None
    except OSError as error:
        raise KeyRefused(f"{path} cannot be read: {error.strerror}") from None
