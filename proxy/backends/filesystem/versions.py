"""The versions of one key, inside a transaction: one is put, marked or removed.

The greatest (ordinal, version id) of a key is its newest. It stands in `live` unless it is a
delete marker; everything else stands in `history`. Each change first looks, then decides
whether it may happen at all, and only then writes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

from proxy.backends.filesystem.rows import (
    OF_HISTORY,
    OF_LIVE,
    WHOLE,
    WHOLE_MARKS,
    Row,
    Stored,
    lock_of,
    segments_of,
    values,
    whole,
)
from proxy.backends.filesystem.transaction import Transaction
from proxy.backends.rules import require_free, require_superseded
from proxy.backends.values import Deletion, ObjectInfo, Precondition

_STANDING = "version, ordinal, size, etag, modified, seq, mode, until, hold, body, segments"
_LIVE = f"SELECT {_STANDING}, 0, 1 FROM live WHERE key = ?"
_OLDER = f"SELECT {_STANDING}, marker, 0 FROM history WHERE key = ? AND version = ?"
_NEWEST_OLDER = (
    f"SELECT {_STANDING}, marker, 0 FROM history WHERE key = ? AND version != ?"
    " ORDER BY ordinal DESC, version DESC LIMIT 1"
)
VERSION = (
    f"SELECT {OF_LIVE} FROM live WHERE key = ?1 AND version = ?2"
    f" UNION ALL SELECT {OF_HISTORY} FROM history WHERE key = ?1 AND version = ?2"
)
_PUT_LIVE = f"INSERT OR REPLACE INTO live ({WHOLE}) VALUES ({WHOLE_MARKS})"
_PUT_OLDER = f"INSERT OR REPLACE INTO history ({WHOLE}, marker) VALUES ({WHOLE_MARKS}, ?)"
_RETIRE = f"INSERT INTO history ({WHOLE}) SELECT {WHOLE} FROM live WHERE key = ?"
_PROMOTE = f"INSERT INTO live ({WHOLE}) SELECT {WHOLE} FROM history WHERE key = ? AND version = ?"
_DROP_LIVE = "DELETE FROM live WHERE key = ?"
_DROP_OLDER = "DELETE FROM history WHERE key = ? AND version = ?"

Land = Callable[[Transaction], Stored]


class Standing(NamedTuple):
    """As much of a row as a decision about its key looks at, and where it stands."""

    version: str
    ordinal: int
    size: int
    etag: str
    modified: int
    seq: int
    mode: str
    until: int
    hold: int
    body: int | None
    segments: str
    marker: int
    live: int

    def info(self, key: str) -> ObjectInfo:
        """What preconditions and locks are judged by."""
        return ObjectInfo(
            key, self.size, self.etag, self.modified, self.seq, version_id=self.version,
            marker=bool(self.marker), lock=lock_of(self.mode, self.until, self.hold),
        )  # fmt: skip


@dataclass(slots=True)
class Line:
    """What a change of the version `version` of `key` must know.

    `current` is what a plain GET finds, `same` the version of that id, `newest` the newest of
    all others.
    """

    key: bytes
    current: Standing | None
    same: Standing | None
    newest: Standing | None

    @classmethod
    def read(cls, transaction: Transaction, key: bytes, version: str) -> Line:
        """One read where the place keeps no older versions."""
        row = transaction.row(_LIVE, key)
        current = None if row is None else Standing._make(row)
        is_current = current is not None and current.version == version
        same, newest = (current, None) if is_current else (None, current)
        if transaction.versions:
            if not is_current:
                same = _standing(transaction.row(_OLDER, key, version))
            if newest is None:
                newest = _standing(transaction.row(_NEWEST_OLDER, key, version))
        return cls(key, current, same, newest)

    @property
    def same_is_newest(self) -> bool:
        same, newest = self.same, self.newest
        if same is None or newest is None:
            return same is not None
        return (same.ordinal, same.version) > (newest.ordinal, newest.version)

    def judged(self, standing: Standing | None) -> ObjectInfo | None:
        """As a precondition sees it: a delete marker is nothing."""
        if standing is None or standing.marker:
            return None
        return standing.info(str(self.key, "utf-8"))

    def require_free(self, new: ObjectInfo | None, now: int, *, bypass: bool = False) -> None:
        """Raises ObjectLocked if the version of that id must stay as it is."""
        if self.same is not None and (self.same.until > now or self.same.hold):
            require_free(self.same.info(str(self.key, "utf-8")), new, now, bypass=bypass)

    def placed(self, info: ObjectInfo, seq: int, *, carried: bool) -> ObjectInfo:
        """With its place in line: a carried one keeps its own, any other becomes the newest."""
        newest = self.newest
        if carried:
            latest = newest is None or (info.ordinal, info.version_id) > (newest.ordinal, newest.version)
            return replace(info, seq=seq, latest=latest)
        greatest = max(each.ordinal if each else 0 for each in (newest, self.same))
        return replace(info, seq=seq, ordinal=max(seq, greatest + 1), latest=True)

    def shows(self, info: ObjectInfo | None) -> bool:
        """Whether a plain GET finds something once `info` is there (None: `same` is removed)."""
        if info is not None and info.latest:
            return not info.marker
        return self.newest is not None and not self.newest.marker


def _standing(row: Row | None) -> Standing | None:
    return None if row is None else Standing._make(row)


# -- the three changes ---------------------------------------------------------------------
def put_version(
    transaction: Transaction, info: ObjectInfo, land: Land, when: Precondition, *, carried: bool
) -> ObjectInfo:
    """Make `info`, with the bytes that `land` brings, a version of its key.

    Raises PreconditionFailed, NoSuchKey, ObjectLocked and what `land` raises.
    """
    line = Line.read(transaction, info.key.encode(), info.version_id)
    when.check(line.judged(line.current))
    line.require_free(info if carried else None, transaction.now)
    info = line.placed(info, transaction.seq + 1, carried=carried)
    transaction.next_seq(line.key, gone=not line.shows(info))
    _enter(transaction, line, info, land(transaction))
    return info


def delete_version(transaction: Transaction, deletion: Deletion) -> ObjectInfo | None:
    """See `Deletion`: the marker, what was removed, or None if there was nothing.

    Raises PreconditionFailed, NoSuchKey, ObjectLocked, and then has changed nothing.
    """
    line = Line.read(transaction, deletion.key.encode(), deletion.version_id)
    when = deletion.when
    when.check(line.judged(line.current if deletion.marker else line.same))
    if line.same is not None:
        require_superseded(deletion, latest=line.same_is_newest)
    line.require_free(None, transaction.now, bypass=deletion.bypass)
    return _mark(transaction, line, deletion) if deletion.marker else _remove(transaction, line)


def _mark(transaction: Transaction, line: Line, deletion: Deletion) -> ObjectInfo:
    carried = deletion.carried
    said = ObjectInfo(
        deletion.key,
        0,
        "",
        carried.last_modified if carried else transaction.now,
        owner_id=carried.owner_id if carried else deletion.owner_id,
        version_id=deletion.version_id,
        ordinal=carried.ordinal if carried else 0,
        marker=True,
    )
    info = line.placed(said, transaction.seq + 1, carried=carried is not None)
    transaction.next_seq(line.key, gone=not line.shows(info))
    _enter(transaction, line, info, Stored(None))
    return info


def _remove(transaction: Transaction, line: Line) -> ObjectInfo | None:
    same = line.same
    if same is None:
        return None
    row = transaction.row(VERSION, line.key, same.version)
    assert row is not None
    transaction.next_seq(line.key, gone=not line.shows(None))
    if same.live:
        transaction.run(_DROP_LIVE, line.key)
    else:
        transaction.run(_DROP_OLDER, line.key, same.version)
    _release(transaction, same)
    _promote(transaction, line)
    return replace(whole(row), latest=line.same_is_newest)


# -- what they write -------------------------------------------------------------------------
def _enter(transaction: Transaction, line: Line, info: ObjectInfo, where: Stored) -> None:
    same, newest = line.same, line.newest
    to_live = info.latest and not info.marker
    if info.latest and newest is not None and newest.live:
        transaction.run(_RETIRE, line.key)
        transaction.count(live=True, number=-1, size=-newest.size)
        transaction.count(live=False, number=1, size=newest.size)
    if not to_live and line.current is not None and (info.latest or line.current is same):
        transaction.run(_DROP_LIVE, line.key)
    if to_live:
        if same is not None and not same.live:
            transaction.run(_DROP_OLDER, line.key, same.version)
        transaction.run(_PUT_LIVE, *values(info, where))
    else:
        transaction.run(_PUT_OLDER, *values(info, where), info.marker)
    transaction.count(live=to_live, number=1, size=info.size)
    if same is not None:
        _release(transaction, same)
    if not info.latest:
        _promote(transaction, line)


def _release(transaction: Transaction, gone: Standing) -> None:
    transaction.count(live=bool(gone.live), number=-1, size=-gone.size)
    transaction.release(Stored(gone.body, segments_of(gone.segments)))


def _promote(transaction: Transaction, line: Line) -> None:
    """The newest of the others comes back into sight, unless it is there or is a marker."""
    newest = line.newest
    if newest is None or newest.live or newest.marker:
        return
    transaction.run(_PROMOTE, line.key, newest.version)
    transaction.run(_DROP_OLDER, line.key, newest.version)
    transaction.count(live=False, number=-1, size=-newest.size)
    transaction.count(live=True, number=1, size=newest.size)
