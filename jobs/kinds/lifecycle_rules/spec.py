"""What the rules of a lifecycle job say, as values.

A rule from the configuration is a job of one rule; the lifecycle configuration that a bucket was given
through S3 is a job of as many as it has enabled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from jobs.errors import BadRequest
from jobs.globs import Selection

DELETE, TRANSITION, RETAIN_NEWEST = "delete", "transition", "retain-newest"
ACTIONS = ("", DELETE, TRANSITION, RETAIN_NEWEST)
"""What may be done to current versions; "": nothing."""

MOST_RETAINED = 1000
"""The greatest `count` of a rule that retains the newest: as many are remembered at every checkpoint."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a transition puts objects: what follows the rule's prefix comes behind this one."""

    bucket: str
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Qualify:
    """What an object must be to be counted by `retain-newest`, and to be deleted by it."""

    min_size: int | None = None
    min_age_s: int | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `_s` are seconds, `_ms` milliseconds since the epoch, sizes are bytes.

    `min_size` and `max_size` are exclusive, as S3's ObjectSizeGreaterThan and ObjectSizeLessThan; those of
    `qualify` are inclusive. The globs are about the key without the prefix.
    """

    id: str
    prefix: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    min_size: int | None = None
    max_size: int | None = None
    include_globs: tuple[str, ...] = ()
    exclude_globs: tuple[str, ...] = ()
    action: str = ""
    after_s: int | None = None
    on_date_ms: int | None = None
    destination: Target | None = None
    delete_source: bool = True
    count: int | None = None
    qualify: Qualify = Qualify()
    protect_younger_than_s: int | None = None
    noncurrent_after_s: int | None = None
    noncurrent_keep: int = 0
    abort_multipart_after_s: int | None = None
    expired_delete_markers: bool = False

    @property
    def about_versions(self) -> bool:
        """Whether it looks at older versions or delete markers."""
        removes_markers = self.expired_delete_markers or self.action == DELETE
        return removes_markers or self.noncurrent_after_s is not None


@dataclass(frozen=True, slots=True)
class Spec:
    """All rules of one job, about one bucket."""

    bucket: str
    rules: tuple[Rule, ...]
    timeout_s: int = 0

    @property
    def buckets(self) -> tuple[str, ...]:
        """The bucket, and those that objects go to, by name."""
        return self.bucket, *(rule.destination.bucket for rule in self.rules if rule.destination)

    @property
    def retaining(self) -> tuple[Rule, ...]:
        """The rules that must see everything before they delete anything."""
        return tuple(rule for rule in self.rules if rule.action == RETAIN_NEWEST)

    @property
    def about_current(self) -> tuple[Rule, ...]:
        return tuple(rule for rule in self.rules if rule.action)

    @property
    def about_versions(self) -> tuple[Rule, ...]:
        return tuple(rule for rule in self.rules if rule.about_versions)

    @property
    def about_uploads(self) -> tuple[Rule, ...]:
        return tuple(rule for rule in self.rules if rule.abort_multipart_after_s is not None)


def common_prefix(rules: Sequence[Rule]) -> str:
    """What the keys of all of them begin with: no other need be listed."""
    prefixes = sorted(rule.prefix for rule in rules)
    if not prefixes:
        return ""
    first, last = prefixes[0], prefixes[-1]
    alike = next((at for at, (one, two) in enumerate(zip(first, last, strict=False)) if one != two), None)
    return first[:alike] if alike is not None else min(first, last, key=len)


def read_spec(spec: Mapping[str, Any]) -> Spec:
    """The spec of a job. Raises BadRequest for one that no checked configuration makes."""
    try:
        rules = tuple(_rule(each) for each in spec["rules"])
        return Spec(str(spec["bucket"]), rules, int(spec.get("timeout_s") or 0))
    except (KeyError, TypeError, ValueError) as error:
        raise BadRequest(f"This is no lifecycle rule: {error}.") from error


_NAMES = frozenset(each.name for each in fields(Rule))


def _rule(told: Mapping[str, Any]) -> Rule:
    plain = {name: value for name, value in told.items() if name in _NAMES}
    target, qualify = told.get("destination"), told.get("qualify") or {}
    plain |= {
        "destination": Target(target["bucket"], target.get("prefix") or "") if target else None,
        "qualify": Qualify(qualify.get("min_size"), qualify.get("min_age_s")),
        "tags": dict(told.get("tags") or {}),
        "include_globs": tuple(told.get("include_globs") or ()),
        "exclude_globs": tuple(told.get("exclude_globs") or ()),
    }
    return _checked(Rule(**plain))


def _checked(rule: Rule) -> Rule:
    """Raises ValueError for what would not say what is to be done."""
    if rule.action not in ACTIONS:
        raise ValueError(f"no action is called {rule.action!r}")
    if rule.action in (DELETE, TRANSITION) and rule.after_s is None and rule.on_date_ms is None:
        raise ValueError(f"{rule.action} must say after which time")
    if rule.action == TRANSITION and rule.destination is None:
        raise ValueError("a transition must say where to")
    if rule.action == RETAIN_NEWEST and not 1 <= (rule.count or 0) <= MOST_RETAINED:
        raise ValueError(f"retain-newest counts from 1 to {MOST_RETAINED}")
    Selection.of(rule.include_globs, rule.exclude_globs)
    return rule
