"""Reading policies: AWS's grammar, whole and bounded. Pure.

Source: AWS IAM User Guide, "Grammar of the IAM JSON policy language"; Amazon S3 User Guide,
"Bucket policies" (20 KB). What is not in the grammar, or cannot be honoured, is MalformedPolicy.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any, NoReturn

from proxy.access.actions import ACTIONS
from proxy.access.conditions import check_variables, read_conditions
from proxy.access.patterns import Pattern
from proxy.access.policies import Policy, Statement
from proxy.access.principals import Principals, read_principals
from proxy.errors import MalformedPolicy

MAX_POLICY_BYTES = 20 * 1024
MAX_STATEMENTS = 200
_VERSIONS = ("2008-10-17", "2012-10-17")
_TOP = frozenset({"Version", "Id", "Statement"})
_PARTS = frozenset({"Sid", "Effect", "Condition"}) | {
    f"{turned}{name}" for name in ("Principal", "Action", "Resource") for turned in ("", "Not")
}
_ACTION = re.compile(r"\*|[A-Za-z0-9-]{1,64}:[A-Za-z0-9*?]{1,128}", re.ASCII)
_S3_ARN = re.compile(r"arn:(?:aws(?:-[a-z-]+)?|\*):s3:[^:/]*:[^:/]*:(.+)", re.DOTALL)


@lru_cache(maxsize=1024)
def bucket_policy(text: str) -> Policy:
    """The policy of a bucket; every statement has principals. Raises MalformedPolicy."""
    return _policy(text, of_bucket=True)


@lru_cache(maxsize=1024)
def user_policy(text: str) -> Policy:
    """A policy of a user or a group; no statement has principals. Raises MalformedPolicy."""
    return _policy(text, of_bucket=False)


def check_bucket_policy(text: str, bucket: str) -> Policy:
    """The policy, if all that it speaks of is in that bucket. Raises MalformedPolicy."""
    found = bucket_policy(text)
    for statement in found.statements:
        if statement.not_resources:
            continue
        for resource in statement.resources:
            name = resource.text.partition("/")[0]
            if not Pattern(name).matches(bucket, lambda _: None):
                raise MalformedPolicy("Policy has invalid resource", fields={"Detail": resource.text[:256]})
    return found


def _policy(text: str, *, of_bucket: bool) -> Policy:
    if len(text.encode("utf-8", "surrogatepass")) > MAX_POLICY_BYTES:
        raise MalformedPolicy("Policies must not be larger than 20 KB.")
    found = _object(_loaded(text), _TOP)
    version = found.get("Version", _VERSIONS[0])
    if version not in _VERSIONS:
        raise MalformedPolicy("The policy must contain a valid version string")
    if not isinstance(found.get("Id", ""), str):
        raise MalformedPolicy("The Id of a policy must be a string.")
    statements = found.get("Statement")
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list) or not statements:
        raise MalformedPolicy("Missing required field Statement")
    if len(statements) > MAX_STATEMENTS:
        raise MalformedPolicy(f"A policy has at most {MAX_STATEMENTS} statements.")
    variables = version == _VERSIONS[1]
    return Policy(tuple(_statement(one, variables, of_bucket) for one in statements))


def _loaded(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_pairs, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise MalformedPolicy("Policies must be valid JSON and the first byte must be '{'") from None


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise MalformedPolicy("The policy has the same name twice in one object.")
    return found


def _no_constant(text: str) -> NoReturn:
    raise ValueError(text)


def _object(value: Any, names: frozenset[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MalformedPolicy("Policies must be valid JSON and the first byte must be '{'")
    for name in value:
        if name not in names:
            raise MalformedPolicy(f"Unknown field {name[:64]}")
    return value


def _statement(value: Any, variables: bool, of_bucket: bool) -> Statement:
    found = _object(value, _PARTS)
    if not isinstance(found.get("Sid", ""), str):
        raise MalformedPolicy("The Sid of a statement must be a string.")
    if found.get("Effect") not in ("Allow", "Deny"):
        raise MalformedPolicy("Invalid effect: it is Allow or Deny")
    not_actions, actions = _one_of(found, "Action")
    not_resources, resources = _one_of(found, "Resource")
    allow = found["Effect"] == "Allow"
    not_principals, principals = _principals(found, allow) if of_bucket else _no_principals(found)
    return Statement(
        allow=allow,
        actions=tuple(_action(text, of_bucket) for text in _texts("Action", actions)),
        resources=tuple(_resource(text, variables, of_bucket) for text in _texts("Resource", resources)),
        conditions=read_conditions(found.get("Condition", {}), variables=variables),
        principals=principals,
        not_actions=not_actions,
        not_resources=not_resources,
        not_principals=not_principals,
    )


def _one_of(found: dict[str, Any], name: str) -> tuple[bool, Any]:
    """(whether it is the Not... form, the value); there must be exactly one of the two."""
    turned = f"Not{name}"
    if (name in found) == (turned in found):
        raise MalformedPolicy(f"A statement needs either {name} or {turned}.")
    return turned in found, found[turned if turned in found else name]


def _principals(found: dict[str, Any], allow: bool) -> tuple[bool, Principals]:
    turned, value = _one_of(found, "Principal")
    if turned and allow:
        raise MalformedPolicy("Allow with NotPrincipal is not allowed.")
    return turned, read_principals(value)


def _no_principals(found: dict[str, Any]) -> tuple[bool, None]:
    if "Principal" in found or "NotPrincipal" in found:
        raise MalformedPolicy("Policy document should not specify a principal.")
    return False, None


def _texts(name: str, value: Any) -> list[str]:
    texts = value if isinstance(value, list) else [value]
    if not texts or not all(isinstance(text, str) and text for text in texts):
        raise MalformedPolicy(f"{name} must be a string or a list of strings.")
    return texts


def _action(text: str, of_bucket: bool) -> Pattern:
    """Lower case: S3's actions are compared without it."""
    if not _ACTION.fullmatch(text):
        raise MalformedPolicy("Policy has invalid action", fields={"Detail": text[:128]})
    pattern = Pattern(text.lower())
    if of_bucket and not any(pattern.matches(action, lambda _: None) for action in ACTIONS):
        raise MalformedPolicy("Policy has invalid action", fields={"Detail": text[:128]})
    return pattern


def _resource(text: str, variables: bool, of_bucket: bool) -> Pattern:
    """The part behind `arn:aws:s3:::`. In a user's policy what is not S3's is just never met."""
    found = _S3_ARN.fullmatch(text)
    own = text if found is None else found[1]
    if found is None and (of_bucket or not (text == "*" or text.startswith("arn:"))):
        raise MalformedPolicy("Policy has invalid resource", fields={"Detail": text[:256]})
    try:
        pattern = Pattern(own, variables=variables)
    except ValueError:
        raise MalformedPolicy("Policy has invalid resource", fields={"Detail": "too long"}) from None
    check_variables((pattern,))
    return pattern
