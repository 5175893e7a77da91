"""Whether the declared rules can be taken over: what the file says, and whether its buckets are there."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from jobs.rules.values import LIFECYCLE, REPLICATION, Declaration, DeclaredRule, Finding
from proxy.errors import NoSuchBucket, S3Error
from proxy.records import BucketRecord, find_bucket, list_buckets
from proxy.store import Store

MOST_COMPARED = 10_000
"""Names of buckets among which a similar one is looked for."""


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
    buckets = dict(_found({name for rule in declaration.rules for _, name in rule.buckets}))
    return Checked(
        declaration,
        tuple(sorted(_missing(declaration.rules, buckets))),
        tuple(sorted(_notes(declaration.rules, buckets))),
    )


def _found(names: Iterable[str]) -> Iterator[tuple[str, BucketRecord]]:
    for name in names:
        with contextlib.suppress(NoSuchBucket):
            yield name, find_bucket(name)


def _missing(rules: Sequence[DeclaredRule], buckets: Mapping[str, BucketRecord]) -> Iterator[Finding]:
    for rule in rules:
        for path, name in rule.buckets:
            if name not in buckets:
                close = difflib.get_close_matches(name, _names(), n=1)
                hint = f"; did you mean '{close[0]}'?" if close else ""
                yield rule.line(path), f"{rule.kind} rule '{rule.name}': there is no bucket '{name}'{hint}"


def _names() -> list[str]:
    return [bucket.name for bucket in list_buckets(limit=MOST_COMPARED)]


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
    """Replication copies anew what a lifecycle rule takes from its destination, if the source keeps it."""
    copiers = [rule for rule in rules if rule.kind == REPLICATION]
    for rule in rules:
        for entry in rule.spec["rules"] if rule.kind == LIFECYCLE else ():
            for copier in copiers if entry["action"] else ():
                if _meets(copier.spec["destination"], rule.spec["bucket"], entry["prefix"]):
                    yield (
                        rule.line("bucket"),
                        f"lifecycle rule '{rule.name}': what it takes away is brought back by replication"
                        f" rule '{copier.name}' as long as the source has it",
                    )


def _meets(place: Mapping[str, str], bucket: str, prefix: str) -> bool:
    ours = place["prefix"]
    return place["bucket"] == bucket and (ours.startswith(prefix) or prefix.startswith(ours))
