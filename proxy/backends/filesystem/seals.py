"""How the bodies of one open place are sealed: listed, counted, and sealed with other wraps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import apsw

from proxy.backends.filesystem.bucket import OpenBucket
from proxy.backends.filesystem.rows import Row, lock_of, sealed_of
from proxy.backends.filesystem.transaction import Transaction
from proxy.backends.seals import Reseal, SealEntry, SealListing

_SHOWN = "key, version, ordinal, size, etag, wrap, sealed, mode, until, hold"
_ORDER = "ORDER BY key, ordinal DESC, version DESC LIMIT :limit"
_FROM = (
    f"SELECT {_SHOWN}, 1 FROM live WHERE key {{than}} :key"
    f" UNION ALL SELECT {_SHOWN}, 0 FROM history WHERE key {{than}} :key AND NOT marker {_ORDER}"
)
_FROM_KEY, _AFTER_KEY = _FROM.format(than=">="), _FROM.format(than=">")
_OLDER = (
    f"SELECT {_SHOWN}, 0 FROM history WHERE key = :key AND NOT marker"
    f" AND (ordinal, version) < (:ordinal, :version) {_ORDER}"
)
_POSITION = (
    "SELECT ordinal FROM live WHERE key = ?1 AND version = ?2"
    " UNION ALL SELECT ordinal FROM history WHERE key = ?1 AND version = ?2"
)
_WRAPS = " UNION ALL ".join(
    f"SELECT wrap FROM {table} WHERE wrap != ''" for table in ("live", "history", "uploads")
)
_RESEAL = tuple(
    f"UPDATE {table} SET wrap = ? WHERE key = ? AND version = ? AND wrap = ?" for table in ("live", "history")
)
_RESEAL_UPLOAD = "UPDATE uploads SET wrap = ? WHERE id = ? AND wrap = ?"
_TOGETHER = 2_000
"""Wraps that share a commit; it stays far below a second."""


def list_seals(bucket: OpenBucket, after: tuple[str, str], limit: int) -> SealListing:
    """See `Backend.list_seals`. A version that is gone by now counts as before the newest of its key."""
    with bucket.pool.lend() as connection:
        connection.execute("BEGIN")
        try:
            rows = _rows(connection, after[0].encode(), after[1], limit + 1)
        finally:
            connection.execute("COMMIT")
    now = bucket.now()
    entries = tuple(_entry(row, now) for row in rows[:limit])
    more = len(rows) > limit and bool(entries)
    return SealListing(entries, (entries[-1].key, entries[-1].version_id) if more else None)


def _rows(connection: apsw.Connection, key: bytes, version: str, limit: int) -> list[Row]:
    at = {"key": key, "limit": limit}
    if not version:
        return connection.execute(_AFTER_KEY, at).fetchall()
    passed = connection.execute(_POSITION, (key, version)).fetchone()
    if passed is None:
        return connection.execute(_FROM_KEY, at).fetchall()
    rows: list[Row] = connection.execute(_OLDER, {**at, "ordinal": passed[0], "version": version}).fetchall()
    if len(rows) < limit:
        rows += connection.execute(_AFTER_KEY, {"key": key, "limit": limit - len(rows)}).fetchall()
    return rows


def _entry(row: Row, now: int) -> SealEntry:
    key, version, _, size, etag, wrap, sealed, mode, until, hold, live = row
    return SealEntry(
        str(key, "utf-8"), version, size, wrap, lock_of(mode, until, hold).binds(now), bool(live),
        etag=etag, segments=sealed_of(sealed),
    )  # fmt: skip


def count_seals(bucket: OpenBucket) -> Mapping[str, int]:
    """See `Backend.count_seals`."""
    # (SQLite takes five times as long to find the last dot.)
    with bucket.pool.lend() as connection:
        return Counter(wrap.rpartition(".")[0] for (wrap,) in connection.execute(_WRAPS))


def reseal(bucket: OpenBucket, changes: Sequence[Reseal]) -> list[bool]:
    """See `Backend.reseal`. No change of the place, so no seq."""
    done: list[bool] = []
    for at in range(0, len(changes), _TOGETHER):
        some = changes[at : at + _TOGETHER]

        def operation(transaction: Transaction, some: Sequence[Reseal] = some) -> list[bool]:
            return [_resealed(transaction, change) for change in some]

        done += bucket.writer.submit(operation, weight=len(some))
    return done


def _resealed(transaction: Transaction, change: Reseal) -> bool:
    if change.upload_id:
        return bool(transaction.changed(_RESEAL_UPLOAD, change.new, change.upload_id, change.old))
    key = change.key.encode()
    return any(transaction.changed(sql, change.new, key, change.version_id, change.old) for sql in _RESEAL)
