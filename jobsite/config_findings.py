"""What pydantic found, as text for an operator."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from pydantic import BaseModel, ValidationError

from jobsite.config_backends import (
    BUCKET_NAME,
    ENDPOINT,
    KEY_ID,
    Encryption,
    FilesystemBackend,
    RingKey,
    S3Backend,
    ServiceEncryption,
)
from jobsite.config_encryption import Loc
from jobsite.config_models import BucketStorage, Config, Storage
from jobsite.config_rules import (
    NO_NUL,
    RULE_NAME,
    Delete,
    Lifecycle,
    LifecycleRule,
    Place,
    Qualify,
    Replication,
    ReplicationRule,
    RetainNewest,
    Transition,
    Window,
)
from jobsite.config_words import FORMS

_ENDS = "beginning and ending with a letter or a digit"
_NAMES = f"use up to 32 lower-case letters, digits and '-', {_ENDS}"
_PATTERNS = {
    BUCKET_NAME: f"use 3 to 63 lower-case letters, digits, '-' and '.', {_ENDS}",
    KEY_ID: "use up to 64 letters, digits, '-' and '_'",
    ENDPOINT: "write http:// or https://, a host and perhaps :PORT, and nothing else",
    NO_NUL: "may not contain the character NUL",
    RULE_NAME: "use up to 64 letters, digits, '_', '.' and '-'",
    **FORMS,
}
"""What to say of text that has not the form that a pattern demands."""

_MAPPING = "input should be a mapping: keys with values"
_OTHERS = {
    "string_type": "input should be text; in quotes, if YAML takes it for something else (off, 2024)",
    "model_type": _MAPPING,
    "dict_type": _MAPPING,
    "list_type": "input should be a list; [] is an empty one",
    "bool_type": "input should be true or false",
    "int_type": "input should be a whole number, without quotes",
}
"""What to say of a value of another type."""

_BACKENDS = ("storage", "backends")
_REPLICATION, _LIFECYCLE = ("storage", "replication", "rules"), ("storage", "lifecycle", "rules")
_TYPES: dict[str, type[BaseModel]] = {"filesystem": FilesystemBackend, "s3": S3Backend}
_ACTIONS: dict[str, type[BaseModel]] = {
    "delete": Delete,
    "transition": Transition,
    "retain-newest": RetainNewest,
}
_MODELS: dict[Loc, type[BaseModel]] = {
    (): Config,
    ("storage",): Storage,
    ("storage", "buckets"): BucketStorage,
    **{(*_BACKENDS, name): model for name, model in _TYPES.items()},
    (*_BACKENDS, "filesystem", "encryption"): Encryption,
    (*_BACKENDS, "s3", "encryption"): ServiceEncryption,
    **{(*_BACKENDS, name, "encryption", "keys"): RingKey for name in _TYPES},
    ("storage", "replication"): Replication,
    _REPLICATION: ReplicationRule,
    (*_REPLICATION, "source"): Place,
    (*_REPLICATION, "destination"): Place,
    (*_REPLICATION, "window"): Window,
    ("storage", "lifecycle"): Lifecycle,
    _LIFECYCLE: LifecycleRule,
    **{(*_LIFECYCLE, "action", name): model for name, model in _ACTIONS.items()},
    (*_LIFECYCLE, "action", "transition", "destination"): Place,
    (*_LIFECYCLE, "action", "retain-newest", "qualify"): Qualify,
}
"""What is known where, by the keys on the way there and a type where there are several."""

_TYPED = ((_BACKENDS, 3), ((*_LIFECYCLE, "action"), 5))
"""Where pydantic puts the type that it took something for: below these keys, at that place."""


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
                yield (*loc, "type"), "input should be " + " or ".join(_tags(finding["ctx"]["expected_tags"]))
            case "string_pattern_mismatch":
                yield loc, _PATTERNS.get(finding["ctx"]["pattern"], _NAMES)
            case other if other in _OTHERS:
                yield loc, _OTHERS[other]
            case _:
                yield loc, finding["msg"][0].lower() + finding["msg"][1:]


def _tags(expected: str) -> list[str]:
    """Of a list as pydantic writes it, without the form that has no type."""
    return [tag for tag in expected.split(", ") if tag != "'word'"]


def _keys_of(loc: Loc) -> Loc:
    return tuple(part for part in loc if isinstance(part, str))


def _written(loc: Loc) -> Loc:
    """Without what pydantic adds: a mark on keys, and the type that it took something for."""
    loc = tuple(part for part in loc if part != "[key]")
    for keys, place in _TYPED:
        if len(loc) > place and _keys_of(loc[:place]) == keys:
            return loc[:place] + loc[place + 1 :]
    return loc


def _hint(loc: Loc) -> str:
    inside = _keys_of(loc[:-1])
    model = _MODELS.get(inside) or _MODELS[inside[:2]]
    known = [field.alias or name for name, field in model.model_fields.items()]
    close = difflib.get_close_matches(str(loc[-1]), known, n=1)
    return f"; did you mean '{close[0]}'?" if close else f"; known here: {', '.join(known)}"
