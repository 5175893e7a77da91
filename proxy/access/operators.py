"""The operators of conditions, as a table. Pure.

Source: AWS IAM User Guide, "IAM JSON policy elements: Condition operators".
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from proxy.access.patterns import Pattern, Resolve

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Operator:
    """`read` makes a policy's value ready (ValueError if it is none), `fits` compares one value.

    A `negative` operator holds where no value of the policy fits, and where there is no value.
    """

    read: Callable[[str, bool], Any]
    fits: Callable[[str, Any, Resolve], bool]
    negative: bool = False


def _pattern(text: str, variables: bool) -> Pattern:
    return Pattern(text, variables=variables)


def _equals(value: str, wanted: Pattern, resolve: Resolve) -> bool:
    return value == wanted.plain(resolve)


def _equals_ignoring_case(value: str, wanted: Pattern, resolve: Resolve) -> bool:
    text = wanted.plain(resolve)
    return text is not None and value.casefold() == text.casefold()


def _like(value: str, wanted: Pattern, resolve: Resolve) -> bool:
    return wanted.matches(value, resolve)


def _arn(text: str, variables: bool) -> tuple[Pattern, ...]:
    parts = text.split(":", 5)
    if len(parts) != 6:
        raise ValueError("not an ARN")
    return tuple(Pattern(part, variables=variables) for part in parts)


def _arn_like(value: str, wanted: tuple[Pattern, ...], resolve: Resolve) -> bool:
    parts = value.split(":", 5)
    if len(parts) != 6:
        return False
    return all(one.matches(part, resolve) for one, part in zip(wanted, parts, strict=True))


def _number(text: str, variables: bool) -> float:
    if len(text) > 64:
        raise ValueError("too long")
    return float(text)


def _date(text: str, variables: bool) -> float:
    """Seconds since the epoch, of which it may be written too."""
    if len(text) > 64:
        raise ValueError("too long")
    if text.isascii() and text.lstrip("-").isdigit():
        return float(text)
    found = datetime.fromisoformat(text)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _compared(
    read: Callable[[str, bool], float], holds: Callable[[float, float], bool]
) -> Callable[[str, float, Resolve], bool]:
    def fits(value: str, wanted: float, resolve: Resolve) -> bool:
        try:
            return holds(read(value, False), wanted)
        except (ValueError, OverflowError):
            return False

    return fits


def _truth(text: str, variables: bool) -> str:
    word = text.lower()
    if word not in ("true", "false"):
        raise ValueError("neither true nor false")
    return word


def _bytes(text: str, variables: bool) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("not base64") from None


def _same_bytes(value: str, wanted: bytes, resolve: Resolve) -> bool:
    try:
        return _bytes(value, False) == wanted
    except ValueError:
        return False


def _network(text: str, variables: bool) -> Network:
    return ip_network(text, strict=False)


def _within(value: str, wanted: Network, resolve: Resolve) -> bool:
    try:
        address: IPv4Address | IPv6Address = ip_address(value)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address in wanted


_TEXTS = {
    "StringEquals": Operator(_pattern, _equals),
    "StringNotEquals": Operator(_pattern, _equals, negative=True),
    "StringEqualsIgnoreCase": Operator(_pattern, _equals_ignoring_case),
    "StringNotEqualsIgnoreCase": Operator(_pattern, _equals_ignoring_case, negative=True),
    "StringLike": Operator(_pattern, _like),
    "StringNotLike": Operator(_pattern, _like, negative=True),
    "ArnEquals": Operator(_arn, _arn_like),
    "ArnLike": Operator(_arn, _arn_like),
    "ArnNotEquals": Operator(_arn, _arn_like, negative=True),
    "ArnNotLike": Operator(_arn, _arn_like, negative=True),
    "Bool": Operator(_truth, lambda value, wanted, resolve: value.lower() == wanted),
    "BinaryEquals": Operator(_bytes, _same_bytes),
    "IpAddress": Operator(_network, _within),
    "NotIpAddress": Operator(_network, _within, negative=True),
}

_COMPARISONS: dict[str, tuple[Callable[[float, float], bool], bool]] = {
    "Equals": (lambda value, wanted: value == wanted, False),
    "NotEquals": (lambda value, wanted: value == wanted, True),
    "LessThan": (lambda value, wanted: value < wanted, False),
    "LessThanEquals": (lambda value, wanted: value <= wanted, False),
    "GreaterThan": (lambda value, wanted: value > wanted, False),
    "GreaterThanEquals": (lambda value, wanted: value >= wanted, False),
}

OPERATORS: dict[str, Operator] = _TEXTS | {
    kind + name: Operator(read, _compared(read, holds), negative)
    for kind, read in (("Numeric", _number), ("Date", _date))
    for name, (holds, negative) in _COMPARISONS.items()
}
"""By name, without `IfExists` and the set words; `Null` is not here, for it compares no values."""
