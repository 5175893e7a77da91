"""A bucket's lifecycle configuration: rules as values, the kept text, what clients are told of it. Pure.

The kept form is JSON text; what it says is remembered by that text. Who carries the rules out is no
matter of the gateway's. Sources: Amazon S3 API Reference, PutBucketLifecycleConfiguration,
LifecycleRule; Amazon S3 User Guide, "Lifecycle configuration elements".
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any

from proxy.wire.dates import http_date
from proxy.wire.encoding import encode

DAY_MS = 24 * 3600 * 1000
ALL_CLASSES_128K, BY_CLASS = "all_storage_classes_128K", "varies_by_storage_class"
LEAST_TRANSITIONED = (ALL_CLASSES_128K, BY_CLASS)
"""What S3 knows as the least size of an object that moves to another storage class; the first by default."""

_LAST_MS = 253_402_300_799_999
"""The end of the year 9999."""
_UNQUOTABLE = re.compile("[^ !#$&-~]")
"""Signs that cannot stand in a quoted value of a header, and `%`, with which they are written."""


@dataclass(frozen=True, slots=True)
class LifecycleRule:
    """One Rule. What it does not ask for is None (`noncurrent_keep`: 0).

    It is about keys that begin with `prefix`, of objects that have all of `tags` and whose size in bytes
    is greater than `min_size` and less than `max_size`: neither bound is itself a match. `date_ms` is in
    milliseconds since the epoch, UTC; days count from the last modification, from the moment in which a
    version became noncurrent (`noncurrent_keep` newer noncurrent ones stay), from an upload's beginning.

    `prefix_at_rule`: the older form, with the prefix outside of a Filter. `said` names the elements that
    were written though they say nothing by themselves, so that all is given back as it came.
    """

    id: str
    enabled: bool = True
    prefix: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    min_size: int | None = None
    max_size: int | None = None
    days: int | None = None
    date_ms: int | None = None
    expired_delete_markers: bool = False
    noncurrent_days: int | None = None
    noncurrent_keep: int = 0
    abort_days: int | None = None
    prefix_at_rule: bool = False
    said: tuple[str, ...] = ()

    def matches(self, key: str, size: int, tags: Mapping[str, str]) -> bool:
        """Whether the filter lets an object through; whether the rule is enabled is not looked at."""
        return (
            key.startswith(self.prefix)
            and (self.min_size is None or size > self.min_size)
            and (self.max_size is None or size < self.max_size)
            and self.tags.items() <= tags.items()
        )

    def expires_ms(self, last_modified: int) -> int | None:
        """When a current version expires that was written then; None if this rule ends none."""
        if self.days is not None:
            return last_modified + self.days * DAY_MS
        return self.date_ms


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """A LifecycleConfiguration. `least_transitioned` is one of LEAST_TRANSITIONED."""

    rules: tuple[LifecycleRule, ...] = ()
    least_transitioned: str = ALL_CLASSES_128K


# -- the kept text ------------------------------------------------------------------------------


def lifecycle_text(lifecycle: Lifecycle) -> str:
    """The text to keep: the same for the same configuration."""
    return json.dumps(asdict(lifecycle), ensure_ascii=False, separators=(",", ":"))


@lru_cache(maxsize=1024)
def lifecycle_of(text: str) -> Lifecycle:
    """What was kept; a configuration without rules for ""."""
    if not text:
        return Lifecycle()
    found = json.loads(text)
    return Lifecycle(tuple(_rule(one) for one in found["rules"]), found["least_transitioned"])


def _rule(one: dict[str, Any]) -> LifecycleRule:
    return LifecycleRule(**{**one, "said": tuple(one["said"])})


# -- what clients are told ------------------------------------------------------------------------


def expiration(text: str, key: str, size: int, tags: Mapping[str, str], last_modified: int) -> str:
    """The value of x-amz-expiration for a current version; "" if no enabled rule ends it.

    The earliest end counts, of equal ones that of the first rule. It is the moment from which on the rule
    may be carried out, not S3's midnight after it. A directory's marker is never ended.
    """
    if key.endswith("/") and not size:
        return ""
    ends = [
        (at, index, rule.id)
        for index, rule in enumerate(lifecycle_of(text).rules)
        if rule.enabled
        and rule.matches(key, size, tags)
        and (at := rule.expires_ms(last_modified)) is not None
    ]
    if not ends:
        return ""
    at, _, rule_id = min(ends)
    return f'expiry-date="{_date(at)}", rule-id="{_shown(rule_id)}"'


def abortion(text: str, key: str, initiated: int) -> dict[str, str]:
    """Headers about the end of an upload that is never completed; none if no enabled rule ends it."""
    ends = [
        (rule.abort_days, index, rule.id)
        for index, rule in enumerate(lifecycle_of(text).rules)
        if rule.enabled and rule.abort_days is not None and key.startswith(rule.prefix)
    ]
    if not ends:
        return {}
    days, _, rule_id = min(ends)
    return {"x-amz-abort-date": _date(initiated + days * DAY_MS), "x-amz-abort-rule-id": _shown(rule_id)}


def _date(ms: int) -> str:
    """The first whole second that is not before it; the year has four digits."""
    return http_date(min(ms + 999, _LAST_MS))


def _shown(rule_id: str) -> str:
    return _UNQUOTABLE.sub(lambda sign: encode(sign[0]), rule_id)
