"""Renewing: one version of a key that was changed is made equal on the target, and read back there."""

from __future__ import annotations

from jobs.kinds.base import Item, Outcome
from jobs.kinds.migration.copying import copy_marker
from jobs.kinds.migration.facts import object_difference
from jobs.kinds.migration.ground import GONE, Ground
from jobs.kinds.migration.proofs import PROOFS
from jobs.kinds.migration.sides import refuse_lost_lock
from proxy.backends.base import ReaderBody
from proxy.backends.values import Amendment, Deletion, NewObject, ObjectInfo
from proxy.errors import S3Error

DONE = Outcome(objects=0)


def renew(ground: Ground, item: Item) -> Outcome:
    """One that is gone by now is passed over: that is a change too. Raises JobFailed, S3Error."""
    with ground.work.effect():
        try:
            reader = ground.source.open(item.key, item.data["version"])
        except GONE:
            return Outcome(objects=0, skipped=True)
        with reader:
            refuse_lost_lock(ground, reader.info)
            if not _is_there(ground, reader.info):
                body = ReaderBody(reader, pulse=ground.work.pulse)
                ground.target.put(NewObject.copy_of(ground.carried(reader.info)), body)
    if item.data["proves"]:
        PROOFS["prove"](ground, item)
    return DONE


def retell(ground: Ground, item: Item) -> Outcome:
    """Tags and access list as the source has them by now; the body was copied before and stays.

    One that is gone by now is passed over. Raises JobFailed, S3Error.
    """
    with ground.work.effect():
        try:
            info = ground.source.head(item.key, item.data["version"])
        except GONE:
            return Outcome(objects=0, skipped=True)
        wanted = ground.carried(info)
        change = Amendment(tags=wanted.tags, acl=wanted.acl)
        ground.target.amend(wanted.key, wanted.version_id, change)
    if item.data["proves"]:
        PROOFS["facts"](ground, item)
    return DONE


def _is_there(ground: Ground, info: ObjectInfo) -> bool:
    """Whether the target has the version with all its facts, and in its place in line."""
    wanted = ground.carried(info)
    try:
        copy = ground.target.head(wanted.key, wanted.version_id)
    except GONE:
        return False
    in_line = not ground.keeps_versions or copy.ordinal == info.ordinal
    return in_line and object_difference(wanted, copy) is None


def renew_marker(ground: Ground, item: Item) -> Outcome:
    """A delete marker has no more facts than its listing told."""
    copy_marker(ground, item)
    if item.data["proves"]:
        PROOFS["prove marker"](ground, item)
    return DONE


def prune(ground: Ground, item: Item) -> Outcome:
    """Remove versions of a key that only the target has. Raises S3Error."""
    with ground.work.effect():
        done = ground.target.delete_all([Deletion(item.key, version) for version in item.data["versions"]])
    for each in done:
        if isinstance(each, S3Error):
            raise each
    return DONE
