"""The declared rules taken over into their jobs: all of them, or none if anything is wrong with one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from jobs import standing
from jobs.kinds import KINDS
from jobs.kinds.base import Kind
from jobs.models import AuditEntry, Job, RuleSync
from jobs.rules.checking import Checked, check
from jobs.rules.values import BUCKET_RULE, Declaration, Difference, Finding, InForce, difference
from jobs.standing import Declared

ACTION = "sync-rules"
"""What the audit trail calls it."""
DONE, REFUSED = "done", "refused"
MOST_TOLD = 20
"""Findings that the audit trail keeps of one attempt."""


@dataclass(frozen=True, slots=True)
class Synced:
    """What an attempt did, or what a check says that it would do."""

    findings: tuple[Finding, ...] = ()
    notes: tuple[Finding, ...] = ()
    difference: Difference = field(default_factory=Difference)

    @property
    def refused(self) -> bool:
        """Whether nothing was, or would be, changed because of the findings."""
        return bool(self.findings)


def sync(by: str, origin: str, *, asked: bool = False, kinds: Mapping[str, Kind] = KINDS) -> Synced:
    """Take over what the file says now, in one transaction; a refusal changes nothing but what is told.

    `by` and `origin` say who wants it and from where. One at a time among all processes. An attempt that
    nobody `asked` for and that changes nothing leaves no trace in the audit trail. Raises database errors.
    """
    with transaction.atomic():
        attempt = _locked()
        checked = check()
        done = Synced(checked.findings, checked.notes)
        trail = _Trail(by, origin)
        if checked.declaration is not None and not checked.findings:
            done = Synced((), checked.notes, _take_over(checked.declaration, kinds, trail))
        _remember(attempt, by, checked)
        if asked or done.refused or not done.difference.empty:
            trail.attempt(done)
    return done


def preview(*, kinds: Mapping[str, Kind] = KINDS) -> Synced:
    """What a sync would find and change. Reads only."""
    checked = check()
    if checked.declaration is None:
        return Synced(checked.findings, checked.notes)
    differs = difference(checked.declaration.rules, in_force(), kinds)
    return Synced(checked.findings, checked.notes, differs)


def jobs_of_rules() -> QuerySet[Job]:
    """The jobs of all rules that are declared, those that buckets' owners have set among them."""
    return Job.objects.filter(declared=True).exclude(rule="").order_by("kind", "rule")


def in_force() -> list[InForce]:
    """The rules of the file as their jobs have them."""
    jobs = jobs_of_rules().exclude(rule__startswith=BUCKET_RULE)
    return [InForce(job.kind, said_of(job)) for job in jobs]


def said_of(job: Job) -> Declared:
    """The definition that a rule's job has."""
    return Declared(job.rule, job.name, job.bucket_name, job.spec, job.revision, job.enabled)


def _locked() -> RuleSync:
    """The one row, for this transaction alone: who comes second waits."""
    RuleSync.objects.get_or_create(pk=1, defaults={"tried_at": timezone.now()})
    return RuleSync.objects.select_for_update().get(pk=1)


def _take_over(declaration: Declaration, kinds: Mapping[str, Kind], trail: _Trail) -> Difference:
    differs = difference(declaration.rules, in_force(), kinds)
    changes = {
        public_id: name for name in ("added", "changed", "removed") for public_id in getattr(differs, name)
    }
    for job in jobs_of_rules().exclude(rule__startswith=BUCKET_RULE):
        if job.public_id in differs.removed:
            standing.withdraw(job)
            trail.rule(job, "removed")
    for rule in declaration.rules:
        kind = kinds[rule.kind]
        if change := changes.get(f"{kind.subsystem}:{rule.name}"):
            trail.rule(standing.declare(kind, rule.declared()), change)
    return differs


def _remember(attempt: RuleSync, by: str, checked: Checked) -> None:
    now = timezone.now()
    findings = [list(finding) for finding in checked.findings]
    columns: dict[str, Any] = {"tried_at": now, "by": by[:150], "findings": findings}
    if checked.declaration is not None and not checked.findings:
        columns |= {
            "synced_at": now,
            "revision": checked.declaration.revision,
            "lifecycle": checked.declaration.lifecycle,
        }
    RuleSync.objects.filter(pk=attempt.pk).update(**columns)


@dataclass(frozen=True, slots=True)
class _Trail:
    """Rows of the audit trail in the name of whoever wants the sync."""

    by: str
    origin: str

    def rule(self, job: Job, change: str) -> None:
        self._row({"outcome": DONE, "change": change}, job)

    def attempt(self, done: Synced) -> None:
        detail: dict[str, Any] = {"outcome": DONE, **done.difference.counts()}
        if done.refused:
            told = [list(finding) for finding in done.findings[:MOST_TOLD]]
            detail = {"outcome": REFUSED, "findings": told}
        self._row(detail)

    def _row(self, detail: dict[str, Any], job: Job | None = None) -> None:
        AuditEntry.objects.create(
            actor=self.by[:150], origin=self.origin[:64], action=ACTION, job=job, detail=detail
        )
