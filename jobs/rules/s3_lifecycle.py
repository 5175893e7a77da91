"""Lifecycle configurations that owners have set with S3's own API, taken over into rules.

Each bucket that has one has the rule `bucket:<name>`. They run while `storage.lifecycle.enabled` is on
in the rules that are in force.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from jobs import standing
from jobs.kinds import KINDS
from jobs.kinds.base import Kind
from jobs.models import Job, RuleSync
from jobs.rules.syncing import jobs_of_rules, said_of
from jobs.rules.values import BUCKET_RULE, LIFECYCLE, DeclaredRule
from jobs.standing import Declared
from proxy.models import Bucket
from proxy.wire.lifecycle import Lifecycle, LifecycleRule, lifecycle_of

_DAY_S = 86_400
INTERVAL_S = _DAY_S
"""S3 looks once a day, too."""
CONCURRENCY, TIMEOUT_S = 8, 300
_SETTING = "lifecycle"
BATCH = 50
"""Buckets that one sync brings up to date, for it holds the database meanwhile."""


def sync(*, kinds: Mapping[str, Kind] = KINDS) -> int:
    """Bring the jobs of these rules up to date: how many changed. Raises database errors.

    What differs is looked at again under locks: whoever is stopped between a look and a change must not
    bring back what an owner has taken out since.
    """
    kind = kinds[LIFECYCLE]
    names = sorted(_differing(kind))[:BATCH]
    if not names:
        return 0
    with transaction.atomic():
        held = Bucket.objects.select_for_update().filter(name__in=names)
        taken = RuleSync.objects.select_for_update().filter(pk=1).first()
        wanted, jobs = _wanted(taken, held), _jobs(kind)
        changes = 0
        for name in names:
            declared, job = wanted.get(BUCKET_RULE + name), jobs.get(BUCKET_RULE + name)
            if declared is not None and (job is None or said_of(job) != declared):
                standing.declare(kind, declared)
            elif declared is None and job is not None:
                standing.withdraw(job)
            else:
                continue
            changes += 1
    return changes


def _differing(kind: Kind) -> set[str]:
    """The buckets whose rule is not what they say."""
    wanted, jobs = _wanted(RuleSync.objects.filter(pk=1).first(), Bucket.objects.all()), _jobs(kind)
    said = {name: said_of(job) for name, job in jobs.items()}
    both = wanted.keys() | said.keys()
    return {name.removeprefix(BUCKET_RULE) for name in both if wanted.get(name) != said.get(name)}


def _jobs(kind: Kind) -> dict[str, Job]:
    jobs = jobs_of_rules().filter(kind=kind.name, rule__startswith=BUCKET_RULE)
    return {job.rule: job for job in jobs}


def spec_of(bucket_name: str, lifecycle: Lifecycle) -> dict[str, Any]:
    """The spec of what a bucket's settings keep; an age in days is one of as many times 24 hours.

    S3 rounds up to the next midnight, UTC; here an object goes in the first run after its age.
    """
    return {
        "bucket": bucket_name,
        "interval_s": INTERVAL_S,
        "concurrency": CONCURRENCY,
        "timeout_s": TIMEOUT_S,
        "rules": [_entry(rule) for rule in lifecycle.rules if rule.enabled],
    }


def _wanted(taken: RuleSync | None, buckets: QuerySet[Bucket]) -> dict[str, Declared]:
    """What buckets say now, by the names of the rules; `taken` is what was taken over of the file."""
    on = taken is not None and taken.lifecycle
    having = buckets.filter(settings__has_key=_SETTING).values_list("name", "settings")
    rules = [_rule(name, said[_SETTING], on) for name, said in having]
    return {rule.name: rule.declared() for rule in rules}


def _rule(bucket_name: str, text: str, on: bool) -> DeclaredRule:
    spec = spec_of(bucket_name, lifecycle_of(text))
    return DeclaredRule(LIFECYCLE, f"{BUCKET_RULE}{bucket_name}", on and bool(spec["rules"]), spec)


def _entry(rule: LifecycleRule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "prefix": rule.prefix,
        "tags": dict(rule.tags),
        "min_size": rule.min_size,
        "max_size": rule.max_size,
        "include_globs": [],
        "exclude_globs": [],
        "action": "" if rule.days is None and rule.date_ms is None else "delete",
        "after_s": _seconds(rule.days),
        "on_date_ms": rule.date_ms,
        "destination": None,
        "delete_source": True,
        "count": None,
        "qualify": {"min_size": None, "min_age_s": None},
        "protect_younger_than_s": None,
        "noncurrent_after_s": _seconds(rule.noncurrent_days),
        "noncurrent_keep": rule.noncurrent_keep,
        "abort_multipart_after_s": _seconds(rule.abort_days),
        "expired_delete_markers": rule.expired_delete_markers,
    }


def _seconds(days: int | None) -> int | None:
    return None if days is None else days * _DAY_S
