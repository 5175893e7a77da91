"""Clearing one key of the source, in batches: all its versions and markers but those that must stay."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from jobs.kinds.base import Issue, Item, Outcome
from jobs.kinds.migration.ground import GONE, Ground
from proxy.backends.values import Deletion, Lock, ObjectInfo, Precondition
from proxy.errors import ObjectLocked, PreconditionFailed, S3Error

MOST_TOLD = 50
"""Versions of one key that stay and are told one by one; the rest is told as a number."""


def clear_key(ground: Ground, item: Item) -> Outcome:
    """Idempotent, for it begins with what is still there. Raises S3Error, LeaseLost, Cancelled."""
    deleted, stayed = 0, 0
    issues: list[Issue] = []
    for batch, done in _batches(ground, item.key):
        for info, end in zip(batch, done, strict=True):
            if not isinstance(end, S3Error):
                deleted += end is not None
                continue
            if not isinstance(end, ObjectLocked | PreconditionFailed):
                raise end
            stayed += 1
            if len(issues) < MOST_TOLD:
                issues.append(_told(ground, info, end))
    if stayed > len(issues):
        issues.append(Issue(item.key, issues[-1].code, f"{stayed - len(issues)} more versions stay."))
    return Outcome(objects=deleted + stayed, deleted=deleted, issues=tuple(issues))


def _batches(
    ground: Ground, key: str
) -> Iterator[tuple[Sequence[ObjectInfo], Sequence[ObjectInfo | S3Error | None]]]:
    """Versions of a key, newest first, and what became of each; one commit for each batch.

    The next listing begins behind the last one that stayed: what is gone has no place in line.
    """
    bound = Precondition(seq_at_most=int(ground.work.state["bound"]))
    after = ("", "")
    while True:
        listing = ground.source.list_versions(prefix=key, after=after, limit=ground.limits.page_items)
        batch = [info for info in listing.versions if info.key == key]
        if not batch:
            return
        deletions = [Deletion(key, info.version_id, when=bound) for info in batch]
        with ground.work.effect():
            done = ground.source.delete_all(deletions)
        yield batch, done
        if listing.last is None or len(batch) < len(listing.versions):
            return
        stayed = [info for info, end in zip(batch, done, strict=True) if isinstance(end, S3Error)]
        after = (key, stayed[-1].version_id) if stayed else after
        ground.work.pulse()


def _told(ground: Ground, info: ObjectInfo, why: S3Error) -> Issue:
    if isinstance(why, ObjectLocked):
        text = f"{_lock_text(_lock(ground, info))}; it stays."
        return Issue(info.key, "ObjectLocked", text, info.version_id)
    return Issue(info.key, "WrittenAfterFlip", "It was written after the flip; it stays.", info.version_id)


def _lock(ground: Ground, info: ObjectInfo) -> Lock:
    try:
        return ground.source.head(info.key, info.version_id).lock
    except GONE:
        return info.lock


def _lock_text(lock: Lock) -> str:
    """Until when a version is locked, in words."""
    hold = "A legal hold keeps this version" if lock.hold else ""
    if not lock.until:
        return hold or "A lock keeps this version"
    until = f"{datetime.fromtimestamp(lock.until / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
    retention = f"a {lock.mode.lower()} retention keeps it until {until}"
    return f"{hold}, and {retention}" if hold else retention[0].upper() + retention[1:]
