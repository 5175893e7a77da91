"""What counts as public. Pure.

Source: Amazon S3 User Guide, "Blocking public access to your Amazon S3 storage", "The meaning of
'public'": a policy is public unless all that it allows is bound to fixed values of principals or of
certain condition keys.
"""

from __future__ import annotations

from proxy.access.conditions import Condition
from proxy.access.patterns import Pattern
from proxy.access.policies import Policy, Statement

BLOCK_PUBLIC_ACLS = "BlockPublicAcls"
IGNORE_PUBLIC_ACLS = "IgnorePublicAcls"
BLOCK_PUBLIC_POLICY = "BlockPublicPolicy"
RESTRICT_PUBLIC_BUCKETS = "RestrictPublicBuckets"
SWITCHES = (BLOCK_PUBLIC_ACLS, IGNORE_PUBLIC_ACLS, BLOCK_PUBLIC_POLICY, RESTRICT_PUBLIC_BUCKETS)
"""Of a public access block, in the order in which S3 writes them."""

_FIXED_OPERATORS = frozenset({"StringEquals", "StringEqualsIgnoreCase", "StringLike", "IpAddress"})
_FIXED_KEYS = frozenset({"aws:sourceip", "aws:userid", "aws:username"})
_WIDEST = {4: 8, 6: 32}
"""Prefix lengths below which a range of addresses is as good as the whole Internet."""


def policy_is_public(policy: Policy) -> bool:
    return any(one.allow and _is_public(one) for one in policy.statements)


def _is_public(statement: Statement) -> bool:
    if statement.principals is None or not statement.principals.everybody:
        return False
    return not any(_is_fixed(condition) for condition in statement.conditions)


def _is_fixed(condition: Condition) -> bool:
    return (
        condition.key in _FIXED_KEYS
        and condition.name in _FIXED_OPERATORS
        and not condition.if_exists
        and not condition.of_set
        and all(_is_narrow(one) for one in condition.wanted)
    )


def _is_narrow(wanted: object) -> bool:
    if isinstance(wanted, Pattern):
        return wanted.literal
    version, length = getattr(wanted, "version", 0), getattr(wanted, "prefixlen", 0)
    return bool(length >= _WIDEST.get(version, 0))
