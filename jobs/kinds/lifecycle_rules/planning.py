"""What the rules decide about one object, version or upload. Pure; a preview and a run decide alike.

Sources: Amazon S3 User Guide, "Lifecycle configuration elements" and "Examples of S3 Lifecycle
configurations" (where several rules apply, the earliest expiration; deleting before transition).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from jobs.kinds.lifecycle_rules.decisions import LOOK, NOTHING, Decision, Does, Kept, kept, spell
from jobs.kinds.lifecycle_rules.filters import fits, is_folder, named, tagged
from jobs.kinds.lifecycle_rules.ranking import Ranking, rank_of
from jobs.kinds.lifecycle_rules.spec import DELETE, RETAIN_NEWEST, TRANSITION, Rule
from proxy.backends.values import ObjectInfo, UploadInfo

Tags = Mapping[str, str] | None
"""None: not known yet; a listing tells none."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one rule says of an object: due since `at_ms`, or kept from it by `kept`."""

    rule: Rule
    at_ms: int
    reason: str
    kept: Kept | None = None


# -- current versions -------------------------------------------------------------------------


def of_current(
    rules: Sequence[Rule],
    info: ObjectInfo,
    now_ms: int,
    rankings: Mapping[str, Ranking] | None = None,
    tags: Tags = None,
) -> Decision:
    """What becomes of what a plain GET finds.

    `rankings` are those of the rules that retain the newest, whole: a rule without one decides nothing.
    """
    found = [_verdict(rule, info, now_ms, rankings or {}) for rule in rules if fits(rule, info)]
    verdicts = [each for each in found if each is not None]
    if not verdicts:
        return NOTHING
    if is_folder(info):
        return kept(Kept.FOLDER, verdicts[0].rule.id, "It stands for a directory.")
    asking = [each for each in verdicts if each.rule.tags]
    if asking and tags is None:
        return LOOK
    return _first(each for each in verdicts if tagged(each.rule, tags or {}))


def _verdict(rule: Rule, info: ObjectInfo, now_ms: int, rankings: Mapping[str, Ranking]) -> Verdict | None:
    if rule.action == RETAIN_NEWEST:
        verdict = _retained(rule, info, now_ms, rankings.get(rule.id))
    else:
        verdict = _due(rule, info, now_ms)
    protection = rule.protect_younger_than_s
    if verdict is None or protection is None or now_ms - info.last_modified >= protection * 1000:
        return verdict
    return Verdict(rule, verdict.at_ms, f"It is younger than {spell(protection)}.", Kept.YOUNG)


def _due(rule: Rule, info: ObjectInfo, now_ms: int) -> Verdict | None:
    """By age or by date, whichever is earlier."""
    times: list[tuple[int, str]] = []
    if rule.after_s is not None:
        times.append((info.last_modified + rule.after_s * 1000, f"older than {spell(rule.after_s)}"))
    if rule.on_date_ms is not None:
        times.append(
            (rule.on_date_ms, f"due on {datetime.fromtimestamp(rule.on_date_ms / 1000, UTC):%Y-%m-%d}")
        )
    if not rule.action or not times:
        return None
    at_ms, reason = min(times)
    return Verdict(rule, at_ms, f"It is {reason}.") if at_ms <= now_ms else None


def _retained(rule: Rule, info: ObjectInfo, now_ms: int, ranking: Ranking | None) -> Verdict | None:
    """Only what is older than all that are kept goes, and only if as many are kept as there should be."""
    if ranking is None or not qualifies(rule, info, now_ms):
        return None
    if ranking.keeps(info):
        return Verdict(rule, info.last_modified, f"It is among the newest {rule.count}.", Kept.NEWEST)
    if not ranking.deletes or rank_of(info) >= ranking.oldest:
        return None  # it came, or changed, after it was ranked
    return Verdict(rule, info.last_modified, f"{rule.count} newer ones are kept.")


def qualifies(rule: Rule, info: ObjectInfo, now_ms: int) -> bool:
    """Whether an object that the rule is about is counted among the newest, or goes."""
    asked = rule.qualify
    if asked.min_size is not None and info.size < asked.min_size:
        return False
    return asked.min_age_s is None or now_ms - info.last_modified >= asked.min_age_s * 1000


def _first(verdicts: Iterable[Verdict]) -> Decision:
    """The decision of several: deleting before transition, the earliest of either; else what keeps it."""
    found = list(verdicts)
    for does, actions in ((Does.DELETE, (DELETE, RETAIN_NEWEST)), (Does.TRANSITION, (TRANSITION,))):
        due = [each for each in found if each.rule.action in actions and each.kept is None]
        if due:
            first = min(due, key=lambda each: each.at_ms)
            return Decision(does, first.rule.id, first.reason)
    for each in found:
        if each.kept is not None:
            return kept(each.kept, each.rule.id, each.reason)
    return NOTHING


# -- noncurrent versions and delete markers ---------------------------------------------------


@dataclass(frozen=True, slots=True)
class Behind:
    """What stands before a noncurrent version: when the next newer one was made, and so this one
    became noncurrent, and how many newer noncurrent versions (no markers) there are."""

    since_ms: int
    newer: int = 0


def of_noncurrent(
    rules: Sequence[Rule], info: ObjectInfo, behind: Behind, now_ms: int, tags: Tags = None
) -> Decision:
    """What becomes of a version, or a delete marker, that a newer one stands before."""
    due = [
        rule
        for rule in rules
        if rule.noncurrent_after_s is not None
        and behind.since_ms + rule.noncurrent_after_s * 1000 <= now_ms
        and fits(rule, info)
    ]
    if tags is None and any(rule.tags for rule in due):
        return LOOK
    due = [rule for rule in due if tagged(rule, tags or {})]
    free = [rule for rule in due if info.marker or behind.newer >= rule.noncurrent_keep]
    if free:
        first = min(free, key=lambda rule: rule.noncurrent_after_s or 0)
        age = spell(first.noncurrent_after_s or 0)
        return Decision(Does.DELETE_VERSION, first.id, f"It has been noncurrent for more than {age}.")
    if due:
        number = due[0].noncurrent_keep
        return kept(Kept.RECENT, due[0].id, f"It is among the {number} newest noncurrent versions.")
    return NOTHING


def of_lone_marker(rules: Sequence[Rule], info: ObjectInfo, now_ms: int) -> Decision:
    """What becomes of a delete marker that is the only version of its key.

    A rule that deletes by age takes those of that age with it.
    """
    for rule in rules:
        if not fits(rule, info):
            continue
        aged = rule.action == DELETE and _due(rule, info, now_ms) is not None
        if rule.expired_delete_markers or aged:
            return Decision(Does.DELETE_MARKER, rule.id, "It hides nothing any more.")
    return NOTHING


# -- uploads ----------------------------------------------------------------------------------


def of_upload(rules: Sequence[Rule], upload: UploadInfo, now_ms: int) -> Decision:
    """What becomes of a multipart upload that was not completed."""
    due = [
        rule
        for rule in rules
        if rule.abort_multipart_after_s is not None
        and upload.initiated + rule.abort_multipart_after_s * 1000 <= now_ms
        and named(rule, upload.key)
    ]
    if not due:
        return NOTHING
    first = min(due, key=lambda rule: rule.abort_multipart_after_s or 0)
    age = spell(first.abort_multipart_after_s or 0)
    return Decision(Does.ABORT_UPLOAD, first.id, f"It was begun more than {age} ago.")
