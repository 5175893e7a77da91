"""The declared rules: what is in force, what the file would change, and taking it over."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.conf import settings

from jobs.actions.actor import Actor, Right
from jobs.actions.audit import audited
from jobs.errors import RulesRefused
from jobs.models import Job, RuleSync
from jobs.presentation import compact
from jobs.rules import syncing
from jobs.rules.syncing import Synced
from jobs.rules.values import Finding


@dataclass(frozen=True, slots=True)
class RulesState:
    """The rules in force, and the last attempt to take over those of the file.

    `tried_at` is None before the first attempt, `synced_at` before the first that was not refused.
    """

    file: str
    jobs: tuple[Job, ...] = ()
    tried_at: datetime | None = None
    synced_at: datetime | None = None
    by: str = ""
    findings: tuple[Finding, ...] = ()

    @property
    def refused(self) -> bool:
        """Whether the last attempt changed nothing, since something was wrong with the file."""
        return bool(self.findings)

    def row(self) -> dict[str, Any]:
        """As the admin API answers it."""
        attempt = (
            None
            if self.tried_at is None
            else {
                "at": int(self.tried_at.timestamp()),
                "by": self.by,
                "refused": self.refused,
                "findings": finding_rows(self.findings),
            }
        )
        return compact(
            {
                "file": self.file,
                "in_force_since": self.synced_at and int(self.synced_at.timestamp()),
                "last_attempt": attempt,
                "rules": [_rule_row(job) for job in self.jobs],
            }
        )


def rules_state(actor: Actor) -> RulesState:
    """What is in force, and since when. Raises Forbidden."""
    return replace(last_sync(actor), jobs=tuple(syncing.jobs_of_rules()))


def last_sync(actor: Actor) -> RulesState:
    """The same without the jobs: what every page looks at. Raises Forbidden."""
    actor.require(Right.VIEW)
    last = RuleSync.objects.filter(pk=1).first()
    if last is None:
        return RulesState(settings.RULES_SOURCE)
    findings = tuple((line, text) for line, text in last.findings)
    return RulesState(settings.RULES_SOURCE, (), last.tried_at, last.synced_at, last.by, findings)


def check_rules(actor: Actor) -> Synced:
    """What taking the file over would find and change; changes nothing. Raises Forbidden."""
    actor.require(Right.VIEW)
    return syncing.preview()


def sync_rules(actor: Actor) -> Synced:
    """Take the file over, whole or not at all. Raises Forbidden, RulesRefused."""
    with audited(actor, syncing.ACTION):
        actor.require(Right.OPERATE)
    done = syncing.sync(actor.name, actor.origin, asked=True)
    if done.refused:
        raise refusal(done)
    return done


def refusal(done: Synced) -> RulesRefused:
    """Why the rules of the file are not taken over, as an error."""
    line, text = done.findings[0]
    where = f"{settings.RULES_SOURCE}:{line}" if line else settings.RULES_SOURCE
    more = f" (and {len(done.findings) - 1} more)" if len(done.findings) > 1 else ""
    return RulesRefused(
        f"The rules stay as they were. {where}: {text}{more}",
        file=settings.RULES_SOURCE,
        findings=finding_rows(done.findings),
    )


def synced_row(done: Synced) -> dict[str, Any]:
    """A check, or a sync that was not refused, as the admin API answers it."""
    differs = done.difference
    return {
        **differs.counts(),
        "changes": {name: list(getattr(differs, name)) for name in ("added", "changed", "removed")},
        "notes": finding_rows(done.notes),
    }


def finding_rows(findings: tuple[Finding, ...]) -> list[dict[str, Any]]:
    """Line 0 is the file as a whole."""
    return [{"line": line, "text": text} for line, text in findings]


def _rule_row(job: Job) -> dict[str, Any]:
    return {
        "id": job.public_id,
        "kind": job.kind,
        "rule": job.rule,
        "name": job.name,
        "bucket": job.bucket_name,
        "enabled": job.enabled,
        "paused": job.paused,
    }
