"""The policy of an upload form: what its author lets others send. Pure.

Source: Amazon S3 API Reference, "Creating a POST policy".
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from proxy.errors import AccessDenied, EntityTooLarge, EntityTooSmall, InvalidPolicyDocument
from proxy.wire.encryption import is_key

_EXEMPT = frozenset(
    {"policy", "file", "signature", "awsaccesskeyid", "x-amz-signature", "x-amz-security-token"}
)
_EXEMPT_PREFIXES = ("x-ignore-", "x-amz-checksum-")
"""Fields that no condition must speak of; a checksum only makes the upload stricter."""
_RANGE = "content-length-range"
_SIZE = re.compile(r"[0-9]{1,18}", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Condition:
    """`operator` is eq or starts-with, `name` a lower-case field; `said` is how the policy put it,
    without the value if that is a key."""

    operator: str
    name: str
    value: str
    said: str

    def holds(self, text: str) -> bool:
        """A list of content types begins with it if each of them does."""
        if self.operator == "eq":
            return text == self.value
        texts = text.split(",") if self.name == "content-type" else [text]
        return all(one.strip().startswith(self.value) for one in texts)


@dataclass(frozen=True, slots=True)
class FormPolicy:
    """`expires` is in seconds since the epoch, `least` and `most` are the bytes that the file may have."""

    expires: float
    conditions: tuple[Condition, ...]
    least: int = 0
    most: int | None = None

    def check(self, fields: Mapping[str, str], *, now: float) -> None:
        """Raise AccessDenied unless it is in time and its conditions hold of exactly these fields.

        `fields` are those of the form with the key as it will be, and `bucket`.
        """
        if now > self.expires:
            raise _denied("Policy expired.")
        for condition in self.conditions:
            if not condition.holds(fields.get(condition.name, "")):
                raise _denied(f"Policy Condition failed: {condition.said}")
        covered = {condition.name for condition in self.conditions} | _EXEMPT | {"bucket"}
        extra = [name for name in fields if name not in covered and not name.startswith(_EXEMPT_PREFIXES)]
        if extra:
            raise _denied(f"Extra input fields: {', '.join(sorted(extra))}")

    def check_size(self, size: int, *, whole: bool) -> None:
        """Raise EntityTooLarge, or EntityTooSmall for a `whole` file, unless it may have so many bytes."""
        if self.most is not None and size > self.most:
            raise EntityTooLarge(fields={"ProposedSize": str(size), "MaxSizeAllowed": str(self.most)})
        if whole and size < self.least:
            raise EntityTooSmall(fields={"ProposedSize": str(size), "MinSizeAllowed": str(self.least)})


def read_policy(text: str) -> FormPolicy:
    """The policy in a form's field, base64 of JSON. Raises InvalidPolicyDocument."""
    try:
        said = json.loads(base64.b64decode("".join(text.split()), validate=True))
    except (binascii.Error, ValueError, RecursionError):
        raise _invalid("Invalid JSON.") from None
    if not isinstance(said, dict) or not said.keys() <= {"expiration", "conditions"}:
        raise _invalid("Unexpected: it has an expiration and conditions.")
    conditions = said.get("conditions")
    if not isinstance(conditions, list):
        raise _invalid("Policy missing conditions.")
    found: list[Condition] = []
    least, most = 0, None
    for one in conditions:
        if isinstance(one, list) and one and isinstance(one[0], str) and one[0].lower() == _RANGE:
            low, high = _range(one)
            least, most = max(least, low), high if most is None else min(most, high)
        else:
            found.append(_condition(one))
    return FormPolicy(_moment(said.get("expiration")), tuple(found), least, most)


def _moment(text: Any) -> float:
    if not isinstance(text, str):
        raise _invalid("Policy missing expiration.")
    if not _MOMENT.fullmatch(text):
        raise _invalid(f"Invalid 'expiration' value: '{text}'")
    try:
        return datetime.strptime(text[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise _invalid(f"Invalid 'expiration' value: '{text}'") from None


def _range(said: list[Any]) -> tuple[int, int]:
    limits = [str(one) for one in said[1:] if isinstance(one, int | str) and not isinstance(one, bool)]
    if len(said) != 3 or len(limits) != 2 or not all(_SIZE.fullmatch(one) for one in limits):
        raise _invalid(f"Invalid {_RANGE}: {json.dumps(said)}")
    return int(limits[0]), int(limits[1])


def _condition(said: Any) -> Condition:
    """A map of one field, or [operator, "$field", value]."""
    if isinstance(said, dict) and len(said) == 1:
        ((name, value),) = said.items()
        return _made("eq", name, value, ["eq", f"${name}", value])
    if isinstance(said, list) and len(said) == 3 and isinstance(said[0], str) and isinstance(said[1], str):
        operator, name, value = said
        if operator.lower() in ("eq", "starts-with") and name.startswith("$"):
            return _made(operator.lower(), name[1:], value, said)
    raise _invalid(f"Invalid condition: {json.dumps(said)}")


def _made(operator: str, name: str, value: Any, said: list[Any]) -> Condition:
    if not name or not isinstance(value, str):
        raise _invalid("Invalid Simple-Condition: value must be a string.")
    shown = [*said[:2], "***"] if is_key(name.lower()) else said
    return Condition(operator, name.lower(), value, json.dumps(shown))


def _invalid(why: str) -> InvalidPolicyDocument:
    return InvalidPolicyDocument(f"Invalid Policy: {why}")


def _denied(why: str) -> AccessDenied:
    return AccessDenied(f"Invalid according to Policy: {why}")
