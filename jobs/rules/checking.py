"""Whether the declared rules can be taken over: what the file says, and whether its buckets are there."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from jobs.rules.values import LIFECYCLE, REPLICATION, Declaration, DeclaredRule, Finding
from proxy.errors import S3Error
from proxy.records import BucketRecord, list_buckets
from proxy.store import Store


@dataclass(frozen=True, slots=True)
class Checked:
    """The declaration, if the file could be read, and what is to be said of it.

    With any finding nothing may be taken over; `notes` are for the operator to know.
    """

    declaration: Declaration | None
    findings: tuple[Finding, ...] = ()
    notes: tuple[Finding, ...] = ()


def check() -> Checked:
    """Read the rules anew and look for their buckets. Reads only. Raises database errors."""
    try:
        declaration = Declaration.of(settings.LOAD_RULES())
    except ImproperlyConfigured as error:
        found = getattr(error, "findings", [(0, str(error))])
        return Checked(None, tuple((line, text) for line, text in found))
    buckets = {bucket.name: bucket for bucket in list_buckets(limit=_MOST_BUCKETS)}
    return Checked(
        declaration,
        tuple(sorted(_missing(declaration.rules, buckets))),
        tuple(sorted(_notes(declaration.rules, buckets))),
    )


_MOST_BUCKETS = 1_000_000


def _missing(rules: Sequence[DeclaredRule], buckets: Mapping[str, BucketRecord]) -> Iterator[Finding]:
    for rule in rules:
        for path, name in rule.buckets:
            if name not in buckets:
                close = difflib.get_close_matches(name, buckets, n=1)
                hint = f"; did you mean '{close[0]}'?" if close else ""
                yield rule.line(path), f"{rule.kind} rule '{rule.name}': there is no bucket '{name}'{hint}"


def _notes(rules: Sequence[DeclaredRule], buckets: Mapping[str, BucketRecord]) -> Iterator[Finding]:
    for rule in rules:
        if rule.kind == REPLICATION and rule.spec["trigger"] == "events":
            source = buckets.get(rule.spec["source"]["bucket"])
            if source is not None and not _feeds_changes(source):
                yield (
                    rule.line("trigger"),
                    f"replication rule '{rule.name}': the backend '{source.route.backend}' of its source has"
                    f" no change feed: objects are copied every {rule.spec['interval_s']} s",
                )
    yield from _brought_back(rules)


def _feeds_changes(bucket: BucketRecord) -> bool:
    try:
        return Store.of(bucket).feeds_changes
    except S3Error:
        return True  # its backend is not configured: the run will say so


def _brought_back(rules: Sequence[DeclaredRule]) -> Iterator[Finding]:
    """Replication copies anew what a lifecycle rule deletes at its destination, if the source keeps it."""
    written = {rule.spec["destination"]["bucket"]: rule for rule in rules if rule.kind == REPLICATION}
    for rule in rules:
        copier = written.get(rule.spec.get("bucket", "")) if rule.kind == LIFECYCLE else None
        if copier is not None and any(entry["action"] for entry in rule.spec["rules"]):
            yield (
                rule.line("bucket"),
                f"lifecycle rule '{rule.name}': what it takes away from '{rule.spec['bucket']}' is brought"
                f" back by replication rule '{copier.name}' as long as the source has it",
            )
