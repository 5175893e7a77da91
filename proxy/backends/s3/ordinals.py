"""In what line the versions of a key stand, as numbers that stay the same. Pure.

A service orders versions by an order of its own and tells times in whole seconds. A version's
ordinal is its time in milliseconds, or one more than that of the next older version where this is
not greater; once found it is kept. So ordinals grow in the service's order, also within a second,
and those of versions that were already told stay when others are removed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class InLine:
    """One version as the service lists it; `modified` in milliseconds."""

    version_id: str
    modified: int


def lined_up(newest_first: Sequence[InLine], known: Mapping[str, int], floor: int = 0) -> dict[str, int]:
    """Ordinals of the versions of one key, whose older ones all have ordinals of at most `floor`.

    `known` ones are kept while they grow with the line (two writers of one second may have noted them
    in another order than the service has them).
    """
    found: dict[str, int] = {}
    last = floor
    for version in reversed(newest_first):
        last = max(known.get(version.version_id, version.modified), last + 1)
        found[version.version_id] = last
    return found


def same_second(older: Iterable[InLine], modified: int) -> list[InLine]:
    """Those of the older versions, newest first, that the time alone does not set apart."""
    found = []
    for version in older:
        if version.modified < modified:
            break
        found.append(version)
    return found
