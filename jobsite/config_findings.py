"""What pydantic found, as text for an operator."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from pydantic import ValidationError

from jobsite.config_backends import (
    ENDPOINT,
    KEY_ID,
    Encryption,
    FilesystemBackend,
    RingKey,
    S3Backend,
    ServiceEncryption,
    Strict,
)
from jobsite.config_encryption import Loc
from jobsite.config_models import BucketStorage, Config, Storage

_NAMES = "use lower-case letters, digits and '-' (in bucket names also '.')"
_PATTERNS = {
    KEY_ID: "use up to 64 letters, digits, '-' and '_'",
    ENDPOINT: "write http:// or https://, a host and perhaps :PORT, and nothing else",
}
"""What to say of text that has not the form that a pattern demands."""

_BACKENDS = ("storage", "backends")
_TYPES: dict[str, type[Strict]] = {"filesystem": FilesystemBackend, "s3": S3Backend}
_KEYS: dict[Loc, list[str]] = {
    (): list(Config.model_fields),
    ("storage",): list(Storage.model_fields),
    ("storage", "buckets"): list(BucketStorage.model_fields),
    **{(*_BACKENDS, name): list(model.model_fields) for name, model in _TYPES.items()},
    (*_BACKENDS, "filesystem", "encryption"): list(Encryption.model_fields),
    (*_BACKENDS, "s3", "encryption"): list(ServiceEncryption.model_fields),
    **{(*_BACKENDS, name, "encryption", "keys"): list(RingKey.model_fields) for name in _TYPES},
}
"""What is known where, by the keys on the way there and a backend's type."""


def explain(error: ValidationError) -> Iterator[tuple[Loc, str]]:
    """Every finding of pydantic as (where, text); the refused value is not shown."""
    for finding in error.errors(include_url=False, include_input=False):
        loc = _written(finding["loc"])
        match finding["type"]:
            case "extra_forbidden":
                yield loc, f"unknown key '{loc[-1]}'{_hint(finding['loc'])}"
            case "missing":
                yield loc[:-1], f"'{loc[-1]}' is missing"
            case "union_tag_not_found":
                yield loc, "'type' is missing"
            case "union_tag_invalid":
                yield (*loc, "type"), "input should be " + " or ".join(f"'{name}'" for name in _TYPES)
            case "string_pattern_mismatch":
                yield loc, _PATTERNS.get(finding["ctx"]["pattern"], _NAMES)
            case _:
                yield loc, finding["msg"][0].lower() + finding["msg"][1:]


def _written(loc: Loc) -> Loc:
    """Without what pydantic adds: a mark on keys, and the type that it took a backend for."""
    loc = tuple(part for part in loc if part != "[key]")
    return loc[:3] + loc[4:] if loc[:2] == _BACKENDS and len(loc) > 3 else loc


def _hint(loc: Loc) -> str:
    inside = tuple(part for part in loc[:-1] if isinstance(part, str))
    known = _KEYS.get(inside) or _KEYS[inside[:2]]
    close = difflib.get_close_matches(str(loc[-1]), known, n=1)
    return f"; did you mean '{close[0]}'?" if close else f"; known here: {', '.join(known)}"
