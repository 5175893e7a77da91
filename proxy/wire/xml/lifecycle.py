"""The lifecycle configuration that a client sends, in either of its forms.

Sources: Amazon S3 API Reference, PutBucketLifecycleConfiguration, PutBucketLifecycle (the form with the
prefix at the rule), LifecycleRule, "Error responses". Where those say no code, that is S3's as it was seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from proxy.errors import (
    InvalidArgument,
    InvalidRequest,
    MalformedXML,
    MaxMessageLengthExceeded,
    NotImplementedByUs,
)
from proxy.wire.dates import parse_iso_ms
from proxy.wire.lifecycle import DAY_MS, LifecycleRule
from proxy.wire.tags import checked_tags
from proxy.wire.xml.lifecycle_answer import ABORT, EXPIRATION, MARKER, NONCURRENT, ROOT
from proxy.wire.xml.parsing import Node, parse
from proxy.wire.xml.tagging import read_tag

MAX_RULES = 1000
MAX_BYTES = 512 * 1024
"""Of the document: what is kept of it is read with every request to the bucket."""
MAX_ID_LENGTH = 255
MAX_PREFIX_BYTES = 1024
MAX_SIZE = 1_099_511_627_776_000
MOST_KEPT = 100
_MOST_DAYS = 2**31 - 1

_TRANSITIONS = ("Transition", "NoncurrentVersionTransition")
_FILTERS = ("Prefix", "Tag", "ObjectSizeGreaterThan", "ObjectSizeLessThan")

Fields = dict[str, Any]
"""Fields of a LifecycleRule."""


# -- reading --------------------------------------------------------------------------------------


def read_lifecycle(content: bytes, fresh_id: Callable[[], str]) -> tuple[LifecycleRule, ...]:
    """The rules of a document; those without an ID get one.

    Raises MalformedXML, InvalidArgument, InvalidRequest, InvalidTag, MaxMessageLengthExceeded, and
    NotImplemented for transitions: there are no storage classes to move to.
    """
    if len(content) > MAX_BYTES:
        raise MaxMessageLengthExceeded(fields={"MaxMessageLengthBytes": str(MAX_BYTES)})
    nodes = parse(content, ROOT).children
    if any(node.name != "Rule" for node in nodes):
        raise MalformedXML()
    if not nodes:
        raise InvalidRequest("At least one lifecycle rule must be specified.")
    if len(nodes) > MAX_RULES:
        raise InvalidRequest(
            f"The number of lifecycle rules must not exceed the allowed limit of {MAX_RULES} rules."
        )
    rules = [_read_rule(node) for node in nodes]
    _require_one_form(rules)
    rules = [rule if rule.id else replace(rule, id=fresh_id()) for rule in rules]
    if len({rule.id for rule in rules}) < len(rules):
        raise InvalidArgument("Rule ID must be unique. Found same ID for more than one rule")
    return tuple(rules)


def _require_one_form(rules: Sequence[LifecycleRule]) -> None:
    """Raises InvalidRequest: prefixes stand at all rules or at none, and what is newer than that form."""
    older = [rule for rule in rules if rule.prefix_at_rule]
    if older and not rules[0].prefix_at_rule:
        raise InvalidRequest(
            "Base level prefix cannot be used in Lifecycle V2, prefixes are only supported in the Filter."
        )
    if older and len(older) < len(rules):
        raise InvalidRequest("Filter element can only be used in Lifecycle V2.")
    if any(rule.noncurrent_keep for rule in older):
        raise InvalidRequest("NewerNoncurrentVersions element can only be used in Lifecycle V2.")


def _read_rule(node: Node) -> LifecycleRule:
    for child in node.children:
        if child.name in _TRANSITIONS:
            raise NotImplementedByUs(
                f"A {child.name} moves objects to another storage class, and here is only one.",
                fields={"Element": child.name},
            )
    parts = node.only("ID", "Status", "Prefix", "Filter", *_ACTIONS)
    status = _text(parts, "Status")
    if status not in ("Enabled", "Disabled") or ("Prefix" in parts) == ("Filter" in parts):
        raise MalformedXML()
    rule_id = _leaf(parts["ID"]) if "ID" in parts else ""
    if len(rule_id) > MAX_ID_LENGTH:
        raise InvalidArgument(f"ID length should not exceed allowed limit of {MAX_ID_LENGTH}")
    actions = [name for name in _ACTIONS if name in parts]
    if not actions:
        raise InvalidRequest("At least one action needs to be specified in a rule")
    read = [_read_where(parts), *(_ACTIONS[name](parts[name]) for name in actions)]
    said = tuple(name for each in read for name in each.pop("said", ()))
    found: Fields = {field: value for each in read for field, value in each.items()}
    _refuse_filtered(found, said, ABORT in actions)
    return LifecycleRule(id=rule_id, enabled=status == "Enabled", said=said, **found)


def _refuse_filtered(found: Fields, said: Sequence[str], aborts: bool) -> None:
    """Raises InvalidRequest: neither uploads nor delete markers have tags, or a size."""
    sizes = found.get("min_size") is not None or found.get("max_size") is not None
    for action, asked in (
        (MARKER, found.get("expired_delete_markers") or MARKER in said),
        (ABORT, aborts),
    ):
        for what, filtered in (("Tags", bool(found.get("tags"))), ("Object Size", sizes)):
            if asked and filtered:
                raise InvalidRequest(f"{action} cannot be specified with {what}.")


# -- which objects ----------------------------------------------------------------------------------


def _read_where(parts: Mapping[str, Node]) -> Fields:
    if "Filter" in parts:
        return _read_filter(parts["Filter"])
    return {**_read_prefix(parts["Prefix"]), "prefix_at_rule": True}


def _read_filter(node: Node) -> Fields:
    """Nothing, one thing, or an And of several."""
    if len(node.children) > 1:
        raise MalformedXML()
    if not node.children or node.children[0].name != "And":
        return _predicates(node.children)
    parts = node.children[0].children
    if len(parts) < 2:
        raise MalformedXML()
    found = _predicates(parts)
    return {**found, "said": (*found.get("said", ()), "And")}


def _predicates(nodes: Sequence[Node]) -> Fields:
    """Raises MalformedXML, InvalidRequest, InvalidTag."""
    tags = [read_tag(node) for node in nodes if node.name == "Tag"]
    single = Node("", children=[node for node in nodes if node.name != "Tag"]).only(*_FILTERS)
    found: Fields = {}
    if len({key for key, _ in tags}) < len(tags):
        raise InvalidRequest("Duplicate Tag Keys are not allowed.")
    if tags:
        found["tags"] = checked_tags(tags)
    if "Prefix" in single:
        found |= _read_prefix(single["Prefix"])
    for name, field, least in (
        ("ObjectSizeGreaterThan", "min_size", 0),
        ("ObjectSizeLessThan", "max_size", 1),
    ):
        if name in single:
            found[field] = _size(name, single[name], least)
    low, high = found.get("min_size"), found.get("max_size")
    if low is not None and high is not None and high <= low:
        raise InvalidRequest("'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'.")
    return found


def _read_prefix(node: Node) -> Fields:
    prefix = _leaf(node)
    if len(prefix.encode()) > MAX_PREFIX_BYTES:
        raise InvalidRequest(f"The maximum size of a prefix is {MAX_PREFIX_BYTES}.")
    return {"prefix": prefix, "said": ("Prefix",)}


def _size(name: str, node: Node, least: int) -> int:
    found = _whole_number(node)
    if not least <= found <= MAX_SIZE:
        raise InvalidRequest(f"'{name}' should be between {least} and {MAX_SIZE}.")
    return found


# -- what is done -----------------------------------------------------------------------------------


def _read_expiration(node: Node) -> Fields:
    """Exactly one of three. Raises MalformedXML, InvalidArgument."""
    parts = node.only("Days", "Date", MARKER)
    if len(parts) != 1:
        raise MalformedXML()
    if MARKER in parts:
        asked = _leaf(parts[MARKER]).strip()
        if asked not in ("true", "false"):
            raise MalformedXML()
        return {"expired_delete_markers": True} if asked == "true" else {"said": (MARKER,)}
    if "Days" in parts:
        return {"days": _days("Days", EXPIRATION, parts["Days"])}
    date = parse_iso_ms(_leaf(parts["Date"]).strip())
    if date is None:
        raise MalformedXML()
    if date % DAY_MS:
        raise InvalidArgument("'Date' must be at midnight GMT", fields={"ArgumentName": "Date"})
    return {"date_ms": date}


def _read_noncurrent(node: Node) -> Fields:
    parts = node.only("NoncurrentDays", "NewerNoncurrentVersions")
    if "NoncurrentDays" not in parts:
        raise MalformedXML()
    found = {"noncurrent_days": _days("NoncurrentDays", NONCURRENT, parts["NoncurrentDays"])}
    if "NewerNoncurrentVersions" in parts:
        keep = _days("NewerNoncurrentVersions", NONCURRENT, parts["NewerNoncurrentVersions"])
        if keep > MOST_KEPT:
            raise InvalidArgument(f"'NewerNoncurrentVersions' must be between 1 and {MOST_KEPT}")
        found["noncurrent_keep"] = keep
    return found


def _read_abort(node: Node) -> Fields:
    parts = node.only("DaysAfterInitiation")
    if not parts:
        raise MalformedXML()
    return {"abort_days": _days("DaysAfterInitiation", ABORT, parts["DaysAfterInitiation"])}


_ACTIONS: Mapping[str, Callable[[Node], Fields]] = {
    EXPIRATION: _read_expiration,
    NONCURRENT: _read_noncurrent,
    ABORT: _read_abort,
}


def _days(name: str, action: str, node: Node) -> int:
    """Raises MalformedXML for what is no number, InvalidArgument for what is not positive."""
    found = _whole_number(node)
    if not 1 <= found <= _MOST_DAYS:
        raise InvalidArgument(
            f"'{name}' for {action} action must be a positive integer",
            fields={"ArgumentName": name, "ArgumentValue": str(found)},
        )
    return found


def _whole_number(node: Node) -> int:
    digits = _leaf(node).strip()
    number = digits.removeprefix("-")
    if not (number.isascii() and number.isdigit()) or len(number) > 18:
        raise MalformedXML()
    return int(digits)


def _leaf(node: Node) -> str:
    if node.children:
        raise MalformedXML()
    return node.text


def _text(parts: Mapping[str, Node], name: str) -> str:
    return _leaf(parts[name]).strip() if name in parts else ""
