"""What is kept of a bucket key, and the text of its copy on the backend; pure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from proxy.crypto.wraps import WrongWrap

_VERSION = 1


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """One bucket key, `wrapped` by a key of the ring. Times are milliseconds since the epoch."""

    id: str
    bucket_id: str
    ring_key_id: str
    wrapped: str
    created_ms: int
    newest: bool


def copy_of(records: Iterable[KeyRecord]) -> str:
    """The text that is left on the backend."""
    return json.dumps({"version": _VERSION, "keys": [asdict(record) for record in records]})


def records_in(text: str) -> list[KeyRecord]:
    """The records that such a text has; none in an empty one. Raises WrongWrap for anything else."""
    if not text:
        return []
    try:
        said = json.loads(text)
        if said["version"] != _VERSION:
            raise ValueError(said["version"])
        return [KeyRecord(**record) for record in said["keys"]]
    except (ValueError, KeyError, TypeError):
        raise WrongWrap("the copy of its bucket's keys has a form that this version does not know") from None
