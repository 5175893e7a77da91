"""Following the change feed of a source that still takes writes.

What both sides have in common is known up to a position of the feed. Behind it come batches of changes:
each key that changed is made equal on the target, one version after the other, and the position moves
on once the whole batch is done. A batch is read again for each page, since a job may stop anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from jobs.kinds.base import Item, Page
from jobs.kinds.migration.changed import line_of
from jobs.kinds.migration.copying_large import enter_large, pieces_page
from jobs.kinds.migration.feed import Following, note, noted
from jobs.kinds.migration.ground import Ground, todo
from jobs.kinds.migration.proofs import proof_page
from jobs.kinds.position import PROOF, Position, decode, encode
from proxy.backends.values import Change, ObjectInfo


def follow_page(ground: Ground, position: Position, *, proves: bool) -> Page:
    """The next changes, while the walk stands still at `position`; `proves`: what was copied is read again.

    Raises FeedLost.
    """
    at = noted(ground)
    page, following = _inside(ground, at, proves) if at.inside else _batch(ground, at, proves)
    note(ground, following)
    return replace(page, token=encode(position.after_feeding()), truncated=True, total=None, total_bytes=None)


# -- a batch -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Deed:
    """One thing to do for a changed key, and where the follower is once it is done."""

    item: Item
    behind: Following
    info: ObjectInfo | None = None


def _batch(ground: Ground, at: Following, proves: bool) -> tuple[Page, Following]:
    limits = ground.limits
    listing = ground.source.changes(at.position, limit=limits.page_items)
    taken: list[Item] = []
    size, behind = 0, at
    for deed in _deeds(ground, at, listing.changes, proves):
        size += deed.item.size
        if deed.item.size > limits.large_bytes and not taken:
            assert deed.info is not None
            return _enter(ground, deed.info, deed.behind, proves)
        full = len(taken) == limits.page_items or size > limits.page_bytes
        if deed.item.size > limits.large_bytes or (taken and full):
            return Page(items=taken), behind
        taken.append(deed.item)
        behind = deed.behind
    return Page(items=taken), Following(listing.position)


def _deeds(ground: Ground, at: Following, changes: Sequence[Change], proves: bool) -> Iterator[_Deed]:
    """All that is left of a batch, in the order of its changes."""
    for change in changes:
        if change.seq <= at.done:
            continue
        line = line_of(ground, change.key, at.position.seq)
        within = replace(at, change=change.seq, key=change.key, version="")
        if line.extra:
            yield _Deed(todo("prune", change.key, versions=line.extra), within)
        ids = [info.version_id for info in line.renew]
        resumed = change.seq == at.change and at.version in ids
        for info in line.renew[ids.index(at.version) + 1 :] if resumed else line.renew:
            within = replace(within, version=info.version_id)
            yield _Deed(_to_renew(info, proves, told=info.version_id in line.told), within, info)
        at = replace(at, done=change.seq, change=0, key="", version="")


def _to_renew(info: ObjectInfo, proves: bool, *, told: bool) -> Item:
    if told:
        return todo("retell", info.key, version=info.version_id, at=info.seq, proves=proves)
    return todo(
        "renew marker" if info.marker else "renew", info.key, info.size,
        version=info.version_id, ordinal=info.ordinal, modified=info.last_modified, owner=info.owner_id,
        at=info.seq, proves=proves,
    )  # fmt: skip


# -- a large version ------------------------------------------------------------------------------


def _enter(ground: Ground, info: ObjectInfo, behind: Following, proves: bool) -> tuple[Page, Following]:
    page = enter_large(ground, Position(), info, f"change {behind.change}")
    return page, _went_on(page, replace(behind, at=info.seq), Position(inside=info.key), proves)


def _inside(ground: Ground, at: Following, proves: bool) -> tuple[Page, Following]:
    position = decode(at.inside)
    proving = position.section == PROOF
    page = proof_page(ground, position, at.at) if proving else pieces_page(ground, position)
    return page, _went_on(page, at, position, proves)


def _went_on(page: Page, at: Following, before: Position, proves: bool) -> Following:
    """Behind a page of a large version: inside it still, at the proof of its copy, or done with it."""
    goes_on = decode(page.token)
    if goes_on.inside:
        return replace(at, inside=encode(goes_on))
    if before.section == PROOF or not proves:
        return replace(at, inside="", at=0)
    return replace(at, inside=encode(Position(PROOF).enter(at.key, at.version)))
