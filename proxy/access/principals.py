"""Who a statement of a bucket policy is about. Pure.

A user of ours takes the place of an AWS account and of its user: both ARNs name a user, by name or
by canonical id. Source: AWS IAM User Guide, "AWS JSON policy elements: Principal".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from proxy.caller import Caller
from proxy.errors import MalformedPolicy

_ARN = re.compile(r"arn:aws(?:-[a-z-]+)?:iam::([^:/]*):(?:user/(.+)|root)", re.ASCII)
_NAME = re.compile(r"[\w+=,.@-]{1,128}", re.ASCII)
_CANONICAL = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)
_ACCOUNT = re.compile(r"[0-9]{12}", re.ASCII)
_NOBODY_HERE = ("Service", "Federated")
"""Kinds of principals that S3 knows and that no caller of ours is."""


@dataclass(frozen=True, slots=True)
class Principals:
    """`everybody` covers those without a signature; `names` are user names and canonical ids.

    `users` are those of `names` that were written as users (not as whole accounts), so that it can
    be checked that there are such users.
    """

    everybody: bool = False
    names: frozenset[str] = frozenset()
    users: frozenset[str] = frozenset()

    def include(self, caller: Caller) -> bool:
        return self.everybody or self.name(caller)

    def name(self, caller: Caller) -> bool:
        """Whether the caller is meant in particular, not only as one of everybody."""
        return not caller.anonymous and (caller.owner_id in self.names or caller.name in self.names)


def read_principals(element: Any) -> Principals:
    """A Principal or NotPrincipal element. Raises MalformedPolicy."""
    if element == "*":
        return Principals(everybody=True)
    if not isinstance(element, dict) or not element:
        raise MalformedPolicy("Invalid policy syntax.")
    everybody, names, users = False, set(), set()
    for kind, value in element.items():
        for text in _texts(value):
            if kind in _NOBODY_HERE:
                continue
            if kind == "AWS" and text == "*":
                everybody = True
                continue
            name, is_user = _read(kind, text)
            names.add(name)
            if is_user:
                users.add(name)
    return Principals(everybody, frozenset(names), frozenset(users))


def _read(kind: str, text: str) -> tuple[str, bool]:
    """(name or canonical id, whether a user was named)."""
    if kind == "CanonicalUser" and _CANONICAL.fullmatch(text):
        return text.lower(), True
    if kind == "AWS":
        found = _ARN.fullmatch(text)
        if found is not None:
            account, user = found.groups()
            if user is None:
                return account, False
            return user.rpartition("/")[2], True
        if _ACCOUNT.fullmatch(text):
            return text, False
        if _NAME.fullmatch(text):
            return text, True
    raise MalformedPolicy("Invalid principal in policy", fields={"Detail": f"{kind[:32]}: {text[:128]}"})


def _texts(value: Any) -> list[str]:
    texts = value if isinstance(value, list) else [value]
    if not texts or not all(isinstance(text, str) and text for text in texts):
        raise MalformedPolicy("Invalid principal in policy")
    return texts
