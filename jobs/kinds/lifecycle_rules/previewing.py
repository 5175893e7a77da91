"""What a run would do now, candidate by candidate with the reason for each. Reads only."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from jobs.kinds.lifecycle_rules import walking
from jobs.kinds.lifecycle_rules.decisions import CHANGES, LOOK, Decision, Does
from jobs.kinds.lifecycle_rules.looking import again
from jobs.kinds.lifecycle_rules.position import CURRENT, UPLOADS, VERSIONS, Position
from jobs.kinds.lifecycle_rules.ranking import Ranking
from jobs.kinds.lifecycle_rules.retaining import begun, rank_more
from jobs.kinds.lifecycle_rules.spec import TRANSITION, Spec
from jobs.kinds.lifecycle_rules.tally import Tally
from jobs.kinds.lifecycle_rules.walking import Found, FoundUpload, Sight
from proxy.backends.values import UploadInfo
from proxy.errors import NoSuchBucket
from proxy.records import BucketRecord, find_bucket
from proxy.store import Store

PATIENCE_S = 10.0
"""How long a preview looks; then it tells what it has seen."""
MOST_CANDIDATES = 1000
MOST_KEPT = 100
"""How many are listed one by one; the totals count all that were seen."""
ENTRIES, LOOKS = 1000, 100
"""How much is looked at between two glances at the clock; fewer where each may have to be looked at alone."""

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Deadline:
    """When a preview stops looking."""

    at: float
    clock: Clock

    @property
    def over(self) -> bool:
        return self.clock() > self.at


@dataclass(slots=True)
class Shown:
    """What is gathered for the preview."""

    now_ms: int
    tally: Tally = field(default_factory=Tally)
    candidates: list[dict[str, Any]] = field(default_factory=list)
    kept: list[dict[str, Any]] = field(default_factory=list)

    def add(self, found: Found) -> None:
        """One version."""
        self.tally.add([found])
        info = found.info
        since = info.last_modified if found.behind is None else found.behind.since_ms
        self._show(found.decision, info.key, info.version_id, info.size, since)

    def add_upload(self, found: FoundUpload) -> None:
        """One multipart upload; its id stands where a version's does."""
        self.tally.add_uploads([found])
        upload: UploadInfo = found.upload
        self._show(found.decision, upload.key, upload.upload_id, 0, upload.initiated)

    def _show(self, decision: Decision, key: str, id: str, size: int, since_ms: int) -> None:
        changes = decision.does in CHANGES
        rows, most = (self.candidates, MOST_CANDIDATES) if changes else (self.kept, MOST_KEPT)
        if decision.does is Does.NOTHING or len(rows) >= most:
            return
        rows.append(
            {
                "key": key,
                "version_id": id,
                "size": size,
                "age_s": max(0, self.now_ms - since_ms) // 1000,
                "rule": decision.rule,
                "action": decision.does.value,
                "reason": decision.reason,
            }
        )


def preview(
    bucket: BucketRecord,
    spec: Spec,
    now_ms: int,
    patience_s: float = PATIENCE_S,
    clock: Clock = time.monotonic,
    limit: int = 0,
) -> dict[str, Any]:
    """What would be done now. Without `exact` there is at least so much of everything."""
    looks = bucket.settings.object_lock or any(rule.tags for rule in spec.rules)
    limit = limit or (LOOKS if looks else ENTRIES)
    store, deadline = Store.of(bucket), Deadline(clock() + patience_s, clock)
    rankings = _ranked(store, spec, now_ms, limit, deadline)
    unranked = [rule.id for rule in spec.retaining if rule.id not in rankings]
    shown = Shown(now_ms)
    sight = Sight(store, spec, now_ms, rankings, limit)
    whole = all(_goes_through(sight, bucket, section, shown, deadline) for section in _SECTIONS)
    told = shown.tally.told()
    return {
        "bucket": bucket.name,
        "backend": bucket.route.backend,
        "candidates": shown.candidates,
        "kept": shown.kept,
        "totals": told["decided"],
        "kept_totals": told["kept"],
        "by_rule": told["by_rule"],
        "looked_at": told["looked_at"],
        "exact": whole and not unranked,
        "notes": list(_notes(bucket, spec, unranked, whole)),
    }


def _ranked(store: Store, spec: Spec, now_ms: int, limit: int, deadline: Deadline) -> dict[str, Ranking]:
    """Of the rules that retain the newest; nothing unless the whole listing was seen."""
    rankings, after = begun(spec), ""
    while rankings:
        last = rank_more(store, spec, rankings, after, limit, now_ms)
        if last is None:
            break
        if deadline.over:
            return {}
        after = last
    return rankings


# -- the sections -----------------------------------------------------------------------------


def _current(sight: Sight, bucket: BucketRecord, shown: Shown, at: Position) -> Position | None:
    if not sight.spec.about_current:
        return None
    found, goes_on = walking.current(sight, at)
    for each in found:
        shown.add(again(sight, each) if each.decision is LOOK else each)
    return goes_on


def _versions(sight: Sight, bucket: BucketRecord, shown: Shown, at: Position) -> Position | None:
    """Where versions may be locked, each one that would go is looked at."""
    if not (sight.spec.about_versions and bucket.settings.keeps_versions and sight.store.keeps_versions):
        return None
    found, goes_on = walking.versions(sight, at)
    looks_at = {Does.LOOK, Does.DELETE_VERSION} if bucket.settings.object_lock else {Does.LOOK}
    for each in found:
        tells = each.info.marker or each.decision.does not in looks_at
        shown.add(each if tells else again(sight, each))
    return goes_on


def _uploads(sight: Sight, bucket: BucketRecord, shown: Shown, at: Position) -> Position | None:
    if not sight.spec.about_uploads:
        return None
    found, goes_on = walking.uploads(sight, at)
    for each in found:
        shown.add_upload(each)
    return goes_on


Section = Callable[[Sight, BucketRecord, Shown, Position], Position | None]
_SECTIONS: tuple[tuple[str, Section], ...] = ((VERSIONS, _versions), (CURRENT, _current), (UPLOADS, _uploads))


def _goes_through(
    sight: Sight, bucket: BucketRecord, section: tuple[str, Section], shown: Shown, deadline: Deadline
) -> bool:
    """False if there was no time for all of it."""
    name, look = section
    at: Position | None = Position(name)
    while at is not None:
        if deadline.over:
            return False
        at = look(sight, bucket, shown, at)
    return True


# -- what an operator should know -------------------------------------------------------------


def _notes(bucket: BucketRecord, spec: Spec, unranked: list[str], whole: bool) -> Iterator[str]:
    if bucket.gate.closed:
        yield f"{bucket.name} takes no writes now ({bucket.gate.holder} has it): a run waits for that."
    for name in unranked:
        yield f"{name}: not everything could be listed in time, so what it would retain is not known."
    if not whole:
        yield "There was no time to look at everything: there is at least as much."
    asks = any(rule.noncurrent_after_s is not None or rule.expired_delete_markers for rule in spec.rules)
    if asks and not bucket.settings.keeps_versions:
        yield f"{bucket.name} keeps no versions: nothing is ever noncurrent there."
    for rule in spec.rules:
        if rule.action == TRANSITION and rule.destination and not _exists(rule.destination.bucket):
            yield f"{rule.id}: the destination {rule.destination.bucket} does not exist."


def _exists(name: str) -> bool:
    try:
        find_bucket(name)
    except NoSuchBucket:
        return False
    return True
