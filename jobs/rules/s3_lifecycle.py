"""Lifecycle configurations that owners have set with S3's own API, taken over into rules.

Each bucket that has one has the rule `bucket:<name>`. They run while `storage.lifecycle.enabled` is on
in the rules that are in force.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.db import transaction

from jobs import standing
from jobs.kinds import KINDS
from jobs.kinds.base import Kind
from jobs.models import Job, RuleSync
from jobs.rules.syncing import jobs_of_rules, said_of
from jobs.rules.values import BUCKET_RULE, LIFECYCLE, DeclaredRule
from proxy.models import Bucket

_DAY_S = 86_400
INTERVAL_S = _DAY_S
"""S3 promises no more than once a day either."""
CONCURRENCY, TIMEOUT_S = 8, 300
SETTING = "lifecycle"
"""What a bucket's settings call its configuration."""


def sync(*, kinds: Mapping[str, Kind] = KINDS) -> int:
    """Bring the jobs of these rules up to date: how many changed. Raises database errors."""
    kind = kinds[LIFECYCLE]
    on = RuleSync.objects.filter(pk=1, lifecycle=True).exists()
    wanted = {f"{BUCKET_RULE}{name}": _rule(name, text, on) for name, text in _configurations()}
    jobs = {job.rule: job for job in jobs_of_rules().filter(kind=kind.name, rule__startswith=BUCKET_RULE)}
    changed = [rule for name, rule in wanted.items() if name not in jobs or _differs(jobs[name], rule)]
    for rule in changed:
        standing.declare(kind, rule.declared())
    gone = [job for name, job in jobs.items() if name not in wanted]
    for job in gone:
        standing.withdraw(job)
    return len(changed) + len(gone)


def spec_of(bucket_name: str, configuration: Mapping[str, Any]) -> dict[str, Any]:
    """The spec of what a bucket's settings keep. An age in days is one of as many times 24 hours.

    S3 rounds up to the next midnight, UTC; here an object goes in the first run after its age.
    """
    entries = [_entry(rule) for rule in configuration["rules"] if rule["enabled"]]
    return {
        "bucket": bucket_name,
        "interval_s": INTERVAL_S,
        "concurrency": CONCURRENCY,
        "timeout_s": TIMEOUT_S,
        "rules": entries,
    }


def _configurations() -> list[tuple[str, str]]:
    having = Bucket.objects.filter(settings__has_key=SETTING).order_by("name")
    return [(name, settings[SETTING]) for name, settings in having.values_list("name", "settings")]


def _rule(bucket_name: str, text: str, on: bool) -> DeclaredRule:
    spec = spec_of(bucket_name, json.loads(text))
    return DeclaredRule(LIFECYCLE, f"{BUCKET_RULE}{bucket_name}", on and bool(spec["rules"]), spec)


def _differs(job: Job, rule: DeclaredRule) -> bool:
    return said_of(job) != rule.declared()


def _entry(rule: Mapping[str, Any]) -> dict[str, Any]:
    days, date_ms = rule.get("days"), rule.get("date_ms")
    return {
        "id": rule["id"],
        "prefix": rule["prefix"],
        "tags": dict(rule["tags"]),
        "min_size": rule.get("min_size"),
        "max_size": rule.get("max_size"),
        "include_globs": [],
        "exclude_globs": [],
        "action": "" if days is None and date_ms is None else "delete",
        "after_s": _seconds(days),
        "on_date_ms": date_ms,
        "destination": None,
        "delete_source": True,
        "count": None,
        "qualify": {"min_size": None, "min_age_s": None},
        "protect_younger_than_s": None,
        "noncurrent_after_s": _seconds(rule.get("noncurrent_days")),
        "noncurrent_keep": rule.get("noncurrent_keep") or 0,
        "abort_multipart_after_s": _seconds(rule.get("abort_days")),
        "expired_delete_markers": bool(rule.get("expired_delete_markers")),
    }


def _seconds(days: int | None) -> int | None:
    return None if days is None else days * _DAY_S
