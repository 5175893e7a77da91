"""LifecycleConfiguration as it is given back: in the form in which it came.

Source: Amazon S3 API Reference, GetBucketLifecycleConfiguration.
"""

from __future__ import annotations

from collections.abc import Iterable

from proxy.wire.dates import iso_ms
from proxy.wire.lifecycle import LifecycleRule
from proxy.wire.xml.document import document, element, flag, optional

ROOT = "LifecycleConfiguration"
EXPIRATION, NONCURRENT, ABORT, MARKER = (
    "Expiration",
    "NoncurrentVersionExpiration",
    "AbortIncompleteMultipartUpload",
    "ExpiredObjectDeleteMarker",
)


def lifecycle(rules: Iterable[LifecycleRule]) -> bytes:
    """LifecycleConfiguration, as it was said."""
    return document(ROOT, *map(_rule_element, rules))


def _rule_element(rule: LifecycleRule) -> str:
    where = element("Prefix", rule.prefix) if rule.prefix_at_rule else _filter_element(rule)
    status = element("Status", "Enabled" if rule.enabled else "Disabled")
    return f"<Rule>{element('ID', rule.id)}{where}{status}{_action_elements(rule)}</Rule>"


def _filter_element(rule: LifecycleRule) -> str:
    tags = "".join(
        f"<Tag>{element('Key', key)}{element('Value', value)}</Tag>" for key, value in rule.tags.items()
    )
    prefix = element("Prefix", rule.prefix) if "Prefix" in rule.said else ""
    least, most = (
        optional("ObjectSizeGreaterThan", rule.min_size),
        optional("ObjectSizeLessThan", rule.max_size),
    )
    inner = prefix + tags + least + most
    return f"<Filter><And>{inner}</And></Filter>" if "And" in rule.said else f"<Filter>{inner}</Filter>"


def _action_elements(rule: LifecycleRule) -> str:
    marker = rule.expired_delete_markers or MARKER in rule.said
    groups = {
        EXPIRATION: optional("Days", rule.days)
        + optional("Date", None if rule.date_ms is None else iso_ms(rule.date_ms))
        + (flag(MARKER, rule.expired_delete_markers) if marker else ""),
        NONCURRENT: optional("NoncurrentDays", rule.noncurrent_days)
        + optional("NewerNoncurrentVersions", rule.noncurrent_keep or None),
        ABORT: optional("DaysAfterInitiation", rule.abort_days),
    }
    return "".join(f"<{name}>{inner}</{name}>" for name, inner in groups.items() if inner)
