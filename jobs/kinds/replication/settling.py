"""Bringing keys in line: look at both sides, decide, and copy or delete on that condition."""

from __future__ import annotations

from dataclasses import dataclass, field

from jobs.errors import WorkSignal
from jobs.kinds.base import Item, Outcome
from jobs.kinds.replicas.copying import copy_object, delete_object
from jobs.kinds.replicas.target import NOTHING, Seen, Target
from jobs.kinds.replication.deciding import Act, decide, decide_changed
from jobs.kinds.replication.ground import Ground
from jobs.kinds.replication.grouping import Wanted, item_of, wanted_of
from proxy.errors import NoSuchKey, PreconditionFailed
from proxy.store import Store

_LOOKS = 3
"""How often a key is looked at while others write it at the destination."""


@dataclass(slots=True)
class _Tally:
    """What became of the keys of an item."""

    objects: int = 0
    size: int = 0
    left: int = 0
    deleted: int = 0
    again: list[Item] = field(default_factory=list)

    def outcome(self) -> Outcome:
        return Outcome(
            objects=self.objects, size=self.size, left=self.left, deleted=self.deleted,
            again=tuple(self.again),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Hand:
    """One passage of the destination's gate."""

    ground: Ground
    source: Store
    target: Target
    tally: _Tally

    def settle(self, one: Wanted) -> None:
        """Raises S3Error, WorkSignal."""
        absent = one.absent
        for look in range(_LOOKS):
            try:
                self._settle(one, absent)
                break
            except (PreconditionFailed, NoSuchKey):
                absent = False
                if look == _LOOKS - 1:
                    raise
        self.tally.objects += 1

    def _settle(self, one: Wanted, absent: bool) -> None:
        spec = self.ground.spec
        there = spec.destination.key(one.relative)
        try:
            reader = self.source.open(spec.source.key(one.relative))
        except NoSuchKey:  # certainly: whatever else is wrong is another error
            self._source_has_none(there)
            return
        with reader:
            seen = NOTHING if absent else Seen(self.target.look(there))
            by_facts = decide_changed if one.changed else decide
            decision = by_facts(reader.info, seen.info, spec.conflict, deletes=spec.deletes)
            if decision.act is not Act.COPY:
                self.tally.left += 1
                return
            pacing, now_ms = self.ground.pacing, self.ground.work.now_ms()
            self.tally.size += copy_object(reader, self.target, there, seen, pacing, now_ms).source.size

    def _source_has_none(self, there: str) -> None:
        spec = self.ground.spec
        seen = Seen(self.target.look(there))
        if decide(None, seen.info, spec.conflict, deletes=spec.deletes).act is not Act.DELETE:
            self.tally.left += 1
            return
        self.ground.confirm_source()
        delete_object(self.target, there, seen)
        self.tally.deleted += 1


def settle_keys(ground: Ground, item: Item) -> Outcome:
    """Bring the keys of an item in line. Of several those that fail are left for an item of their own.

    Raises S3Error, WorkSignal.
    """
    wanted, tally = wanted_of(item), _Tally()
    with ground.work.writing(ground.spec.destination.bucket) as bucket:
        hand = _Hand(ground, ground.source, Target.of(bucket), tally)
        for one in wanted:
            ground.work.pulse()
            try:
                hand.settle(one)
            except WorkSignal:
                raise
            except Exception:
                if len(wanted) == 1:
                    raise
                tally.again.append(item_of(ground.spec.source.prefix, [one]))
    return tally.outcome()


def count_settled(ground: Ground, item: Item) -> Outcome:
    """Keys that were found as they should be, or are left as they are."""
    return Outcome(objects=item.data["objects"], left=item.data["objects"])
