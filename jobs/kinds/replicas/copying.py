"""Copying one object to another bucket, and taking a replica away.

Both happen inside `Work.writing`, of which the Target was made.
"""

from __future__ import annotations

from dataclasses import dataclass

from jobs.kinds.replicas.pacing import Pacing
from jobs.kinds.replicas.target import Seen, Target
from proxy.backends.base import ObjectReader, ReaderBody
from proxy.backends.values import ObjectInfo


@dataclass(frozen=True, slots=True)
class Copied:
    """What was copied, what the destination says of it, and how many bytes came through here."""

    source: ObjectInfo
    made: ObjectInfo
    moved: int


def copy_object(
    reader: ObjectReader, target: Target, key: str, seen: Seen, pacing: Pacing, now_ms: int
) -> Copied:
    """Make the open object a replica called `key`, if the destination still is as it was `seen`.

    Its bytes are linked or copied by the service where that can be, else they come through here, and the
    destination refuses bytes that do not have the size and (where it is one) the MD5 of the source.
    `now_ms` (wall clock) is what a default retention counts from. Safe to repeat.

    Raises PreconditionFailed and NoSuchKey (it is not as it was seen: look again), RequestTimeout,
    what the reader raises (InvalidRequest of what only a customer's key opens), what the destination
    cannot take (MetadataTooLarge, ObjectLocked, NotImplementedByUs ...), and what the pulse raises.
    """
    info, pace = reader.info, pacing.begin(reader.info.size)
    new = target.replica(info, key, now_ms)
    made = seen.hold(lambda when: target.store.put(new, ReaderBody(reader, pulse=pace), when))
    return Copied(info, made, pace.moved)


def delete_object(target: Target, key: str, seen: Seen) -> ObjectInfo | None:
    """Take away what was `seen` there; in a bucket that keeps versions a delete marker comes instead.

    Only after the source has confirmed that it has no such object. Raises PreconditionFailed, NoSuchKey,
    ObjectLocked.
    """
    return seen.hold(lambda when: target.store.delete(target.removal(key, when)))
