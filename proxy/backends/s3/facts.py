"""What is known of versions beside what listings of the service tell: rows of proxy_objectfacts.

A row is a cache of the object's stamp, and the only place of what is known of it late. It counts
while the service shows the ETag that it was written for, and no later time: whatever was written
behind our back is not taken for what we wrote.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from proxy.backends.s3.stamps import Stamp, from_text, to_text
from proxy.backends.s3.tables import rows, run, soon
from proxy.backends.values import Place

CLOCK_SLACK_MS = 2000
"""The time that a service says of its answer and the one that it gives to the object may differ so much."""

MOST_ASKED = 1000
"""Rows of one statement: their values stay below what a database takes as parameters."""

Version = tuple[str, str]
"""(key, version id)."""


@dataclass(frozen=True, slots=True)
class Known:
    """One row: what was written, under which ETag and when in the service's milliseconds."""

    backend_etag: str
    written: int
    ordinal: int
    stamp: Stamp

    def still_holds(self, backend_etag: str, modified: int) -> bool:
        """Whether it is about what the service shows now."""
        return self.backend_etag == backend_etag and modified <= self.written + CLOCK_SLACK_MS


_NOTE = (
    "INSERT INTO proxy_objectfacts"
    " (bucket_id, incarnation, key, version_id, backend_etag, facts, written_ms, ordinal)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s, (SELECT max(o.ordinal) FROM (SELECT CAST(%s AS bigint) AS ordinal"
    " UNION ALL SELECT f.ordinal + 1 FROM proxy_objectfacts f"
    " WHERE f.incarnation = %s AND f.key = %s AND f.version_id <> %s) o))"
    " ON CONFLICT (incarnation, key, version_id) DO UPDATE SET backend_etag = excluded.backend_etag,"
    " facts = excluded.facts, written_ms = excluded.written_ms, ordinal = excluded.ordinal"
    " RETURNING ordinal"
)
_KEEP = (
    "INSERT INTO proxy_objectfacts"
    " (bucket_id, incarnation, key, version_id, backend_etag, facts, written_ms, ordinal)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
    " ON CONFLICT (incarnation, key, version_id) DO UPDATE SET backend_etag = excluded.backend_etag,"
    " facts = excluded.facts, written_ms = excluded.written_ms, ordinal = excluded.ordinal"
)
_ASKED = (
    "WITH asked (key, version_id) AS (VALUES {rows})"
    " SELECT f.key, f.version_id, f.backend_etag, f.written_ms, f.ordinal, f.facts"
    " FROM asked a JOIN proxy_objectfacts f"
    " ON f.incarnation = %s AND f.key = a.key AND f.version_id = a.version_id"
)


def note(place: Place, key: str, version_id: str, stamp: Stamp, *, backend_etag: str, written: int) -> int:
    """Keep what was written just now as the newest version of its key; the ordinal that it got."""
    data = key.encode()
    found = soon(
        _NOTE, place.bucket_id, place.incarnation, data, version_id, backend_etag, to_text(stamp), written,
        written, place.incarnation, data, version_id,
    )  # fmt: skip
    return int(found[0][0]) if found else written


def keep(place: Place, key: str, version_id: str, known: Known) -> None:
    """Keep what was found out about a version, in its place in line."""
    soon(
        _KEEP, place.bucket_id, place.incarnation, key.encode(), version_id, known.backend_etag,
        to_text(known.stamp), known.written, known.ordinal,
    )  # fmt: skip


def find(place: Place, key: str, version_id: str) -> Known | None:
    return find_all(place, [(key, version_id)]).get((key, version_id))


def find_all(place: Place, versions: Sequence[Version]) -> dict[Version, Known]:
    """Those that there are rows of."""
    found: dict[Version, Known] = {}
    for start in range(0, len(versions), MOST_ASKED):
        some = versions[start : start + MOST_ASKED]
        statement = _ASKED.format(rows=", ".join("(%s, %s)" for _ in some))
        asked = [value for key, version_id in some for value in (key.encode(), version_id)]
        for key, version_id, etag, written, ordinal, text in rows(statement, *asked, place.incarnation):
            found[bytes(key).decode(), version_id] = Known(etag, written, ordinal, from_text(text))
    return found


def forget(place: Place, versions: Iterable[Version]) -> None:
    """Drop the rows of what is gone."""
    for key, version_id in versions:
        soon(
            "DELETE FROM proxy_objectfacts WHERE incarnation = %s AND key = %s AND version_id = %s",
            place.incarnation, key.encode(), version_id,
        )  # fmt: skip


def forget_place(place: Place) -> None:
    """Drop every row of a place, a bounded number at a time."""
    statement = (
        "DELETE FROM proxy_objectfacts WHERE id IN"
        f" (SELECT id FROM proxy_objectfacts WHERE incarnation = %s LIMIT {MOST_ASKED})"
    )
    while run(statement, place.incarnation):
        pass


def prune(place: Place, after: str, until: str | None, there: Iterable[Version]) -> None:
    """Drop the rows of keys behind `after`, up to `until` (None: to the end), that are of none of `there`."""
    kept = set(there)
    at = after.encode()
    end = None if until is None else until.encode()
    while True:
        found = rows(
            "SELECT key, version_id FROM proxy_objectfacts WHERE incarnation = %s AND key > %s"
            f" ORDER BY key, version_id LIMIT {MOST_ASKED}",
            place.incarnation, at,
        )  # fmt: skip
        within = [(bytes(key), version_id) for key, version_id in found if end is None or bytes(key) <= end]
        forget(place, {(key.decode(), version_id) for key, version_id in within} - kept)
        if len(within) < MOST_ASKED:
            return
        at = within[-1][0]
