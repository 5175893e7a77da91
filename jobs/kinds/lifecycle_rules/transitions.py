"""Transitions: an object is copied, the copy is verified, and only then the original is deleted here.

What was done before a crash is found done: a copy that is there is verified again, and then the original
goes. An original that was changed meanwhile stays, and so does its copy, until a later run looks again.
"""

from __future__ import annotations

from jobs.kinds.base import Issue, Item, Outcome
from jobs.kinds.lifecycle_rules.facts import unchanged, unpack
from jobs.kinds.lifecycle_rules.ground import Ground
from jobs.kinds.lifecycle_rules.large import copy_in_pieces, is_large
from jobs.kinds.lifecycle_rules.removing import of_current, removed
from jobs.kinds.lifecycle_rules.spec import Rule
from jobs.kinds.lifecycle_rules.verifying import same_bytes
from jobs.kinds.pieces import GONE
from jobs.kinds.replicas.copying import copy_object
from jobs.kinds.replicas.pacing import Pacing
from jobs.kinds.replicas.sameness import Sameness, described_alike, is_newer, sameness
from jobs.kinds.replicas.target import Seen
from jobs.kinds.replicas.target import Target as Destination
from proxy.backends.base import ObjectReader
from proxy.backends.values import ObjectInfo
from proxy.errors import NoSuchKey, PreconditionFailed
from proxy.records import find_bucket
from proxy.store import Store

MEANWHILE = (PreconditionFailed, NoSuchKey)
"""Somebody else wrote to the object, or to its destination; the next run looks again."""


def transition(ground: Ground, item: Item) -> Outcome:
    """Raises S3Error: what cannot be read here, or cannot be written there."""
    return transition_one(ground, _rule(ground, item.data["rule"]), unpack(item.data["what"]))


def _rule(ground: Ground, name: str) -> Rule:
    return next(rule for rule in ground.spec.rules if rule.id == name)


def transition_one(ground: Ground, rule: Rule, planned: ObjectInfo) -> Outcome:
    """The object as it was planned; one that is another by now is left."""
    target = rule.destination
    assert target is not None
    store = Store.of(find_bucket(ground.spec.bucket))
    try:
        reader = store.open(planned.key)
    except GONE:
        return Outcome(skipped=True)
    with reader:
        info, key = reader.info, target.prefix + planned.key[len(rule.prefix) :]
        try:
            unchanged(store, planned).check(info)
            done = _copied(ground, reader, rule, key)
        except MEANWHILE:
            return Outcome(skipped=True)
        if done is None:
            text = f"What {target.bucket}/{key} holds is newer; both stay."
            return Outcome(objects=0, issues=(Issue(info.key, "DestinationNewer", text),))
        if not rule.delete_source:
            return Outcome(size=info.size if done else 0, skipped=not done)
        there = Store.of(find_bucket(target.bucket))
        if not same_bytes(reader, there, key, ground.work.pulse):
            text = f"What {target.bucket}/{key} holds are other bytes; the original stays."
            return Outcome(objects=0, issues=(Issue(info.key, "BadDigest", text),))
    with ground.here() as here:
        ends = removed(here, of_current, [info])
    ends.raise_passing()
    return ends.outcome


def _copied(ground: Ground, reader: ObjectReader, rule: Rule, key: str) -> bool | None:
    """Whether it had to be copied; None if something newer is there. Raises MEANWHILE, S3Error, Deferred."""
    target = rule.destination
    assert target is not None
    with ground.work.writing(target.bucket) as bucket:
        destination = Destination.of(bucket)
        found = destination.look(key)
        wanted = _is_wanted(reader.info, found, last=rule.delete_source)
        if not wanted:
            return wanted
        large = is_large(reader, destination.store, ground.steps.limits)
        if not large:
            pacing = Pacing(ground.work.pulse, ground.spec.timeout_s or None)
            copy_object(reader, destination, key, Seen(found), pacing, ground.work.now_ms())
    if large:
        copy_in_pieces(ground, reader, target, key, Seen(found))
    return True


def _is_wanted(info: ObjectInfo, found: ObjectInfo | None, *, last: bool) -> bool | None:
    """Whether it must be copied over what was found; None if that is newer. Pure.

    `last`: the original goes, and with it what the copy does not tell of it.
    """
    if found is None or is_newer(info, found):
        return True
    if sameness(info, found) is Sameness.SAME:
        return last and not is_newer(found, info) and not described_alike(info, found)
    return None if is_newer(found, info) else True
