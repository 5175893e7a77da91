"""Clearing one key of the source, in batches: all its versions and markers but those that must stay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from jobs.kinds.base import Issue, Item, Outcome
from jobs.kinds.migration.ground import GONE, Ground
from proxy.backends.values import UNLOCKED, Deletion, ObjectInfo, Precondition
from proxy.errors import ObjectLocked, PreconditionFailed, S3Error

MOST_TOLD = 50
"""Versions of one key that stay and are told one by one; the rest is told as a number."""


def clear_key(ground: Ground, item: Item) -> Outcome:
    """Idempotent: what is gone is no error. Raises S3Error, LeaseLost, Cancelled.

    `versions` of the item are all that there were; without them they are listed.
    """
    known: Sequence[str] | None = item.data.get("versions")
    batches = _listed(ground, item.key) if known is None else iter([_remove(ground, item.key, known)])
    deleted, stayed = 0, 0
    issues: list[Issue] = []
    for done in batches:
        for version, end in done.items():
            if not isinstance(end, S3Error):
                deleted += end is not None
                continue
            if not isinstance(end, ObjectLocked | PreconditionFailed):
                raise end
            stayed += 1
            if len(issues) < MOST_TOLD:
                issues.append(_told(ground, item.key, version, end))
    if stayed > len(issues):
        issues.append(Issue(item.key, issues[-1].code, f"{stayed - len(issues)} more versions stay."))
    return Outcome(objects=deleted + stayed, deleted=deleted, issues=tuple(issues))


Done = Mapping[str, ObjectInfo | S3Error | None]
"""What became of each version."""


def _remove(ground: Ground, key: str, versions: Sequence[str]) -> Done:
    """One commit for all of them."""
    bound = Precondition(seq_at_most=int(ground.work.state["bound"]))
    with ground.work.effect():
        done = ground.source.delete_all([Deletion(key, version, when=bound) for version in versions])
    return dict(zip(versions, done, strict=True))


def _listed(ground: Ground, key: str) -> Iterator[Done]:
    """Batch after batch of a key's versions, newest first, removed as they are listed.

    The next listing begins behind the last one that stayed: what is gone has no place in line.
    """
    after = ("", "")
    while True:
        listing = ground.source.list_versions(prefix=key, after=after, limit=ground.limits.page_items)
        batch = [info.version_id for info in listing.versions if info.key == key]
        if not batch:
            return
        done = _remove(ground, key, batch)
        yield done
        if listing.last is None or len(batch) < len(listing.versions):
            return
        stayed = [version for version, end in done.items() if isinstance(end, S3Error)]
        after = (key, stayed[-1]) if stayed else after
        ground.work.pulse()


def _told(ground: Ground, key: str, version: str, why: S3Error) -> Issue:
    if isinstance(why, ObjectLocked):
        return Issue(key, "ObjectLocked", f"{_lock_text(ground, key, version)}; it stays.", version)
    return Issue(key, "WrittenAfterFlip", "It was written after the flip; it stays.", version)


def _lock_text(ground: Ground, key: str, version: str) -> str:
    """Until when a version is locked, in words."""
    try:
        lock = ground.source.head(key, version).lock
    except GONE:
        lock = UNLOCKED
    hold = "A legal hold keeps this version" if lock.hold else ""
    if not lock.until:
        return hold or "A lock keeps this version"
    until = f"{datetime.fromtimestamp(lock.until / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
    retention = f"a {lock.mode.lower()} retention keeps it until {until}"
    return f"{hold}, and {retention}" if hold else retention[0].upper() + retention[1:]
