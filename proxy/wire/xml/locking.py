"""The documents of object lock: configuration of a bucket, retention and legal hold of a version.

Source: Amazon S3 API Reference, PutObjectLockConfiguration, PutObjectRetention, PutObjectLegalHold.
Times are milliseconds since the epoch.
"""

from __future__ import annotations

from dataclasses import dataclass

from proxy.errors import InvalidRetentionPeriod, MalformedXML
from proxy.wire.dates import iso_ms, parse_iso_ms
from proxy.wire.xml.document import document, element
from proxy.wire.xml.parsing import Node, parse

MODES = frozenset({"GOVERNANCE", "COMPLIANCE"})
MOST_DAYS, MOST_YEARS = 36_500, 100
_HOLDS = {"ON": True, "OFF": False}
_MOST_DIGITS = 9


@dataclass(frozen=True, slots=True)
class DefaultRetention:
    """What new versions get; no mode says none. Either `days` or `years` is set."""

    mode: str = ""
    days: int = 0
    years: int = 0


def lock_configuration(default: DefaultRetention) -> bytes:
    """ObjectLockConfiguration of a bucket that has object lock."""
    return document(
        "ObjectLockConfiguration",
        element("ObjectLockEnabled", "Enabled"),
        _rule(default) if default.mode else "",
    )


def _rule(default: DefaultRetention) -> str:
    period = element("Days", default.days) if default.days else element("Years", default.years)
    return f"<Rule><DefaultRetention>{element('Mode', default.mode)}{period}</DefaultRetention></Rule>"


def read_lock_configuration(content: bytes) -> DefaultRetention:
    """Raises MalformedXML, InvalidRetentionPeriod."""
    fields = parse(content, "ObjectLockConfiguration").only("ObjectLockEnabled", "Rule")
    if _text(fields, "ObjectLockEnabled") != "Enabled":
        raise MalformedXML()
    if "Rule" not in fields:
        return DefaultRetention()
    rule = fields["Rule"].only("DefaultRetention")
    if "DefaultRetention" not in rule:
        raise MalformedXML()
    found = rule["DefaultRetention"].only("Mode", "Days", "Years")
    mode = _text(found, "Mode")
    if mode not in MODES or ("Days" in found) == ("Years" in found):
        raise MalformedXML()
    if "Days" in found:
        return DefaultRetention(mode, days=_period(found["Days"].text, MOST_DAYS))
    return DefaultRetention(mode, years=_period(found["Years"].text, MOST_YEARS))


def retention(mode: str, until: int) -> bytes:
    """Retention of a version."""
    return document("Retention", element("Mode", mode), element("RetainUntilDate", iso_ms(until)))


def read_retention(content: bytes) -> tuple[str, int]:
    """(mode, until); ("", 0) for an empty document, which ends a retention. Raises MalformedXML."""
    fields = parse(content, "Retention").only("Mode", "RetainUntilDate")
    if not fields:
        return "", 0
    until = parse_iso_ms(_text(fields, "RetainUntilDate"))
    mode = _text(fields, "Mode")
    if mode not in MODES or until is None:
        raise MalformedXML()
    return mode, until


def legal_hold(on: bool) -> bytes:
    """LegalHold of a version."""
    return document("LegalHold", element("Status", "ON" if on else "OFF"))


def read_legal_hold(content: bytes) -> bool:
    """Raises MalformedXML."""
    found = _HOLDS.get(_text(parse(content, "LegalHold").only("Status"), "Status"))
    if found is None:
        raise MalformedXML()
    return found


def _text(fields: dict[str, Node], name: str) -> str:
    return fields[name].text.strip() if name in fields else ""


def _period(text: str, most: int) -> int:
    """A whole number from 1 to `most`. Raises MalformedXML, InvalidRetentionPeriod."""
    digits = text.strip()
    number = digits.removeprefix("-")
    if not (number.isascii() and number.isdigit()):
        raise MalformedXML()
    found = int(digits) if len(number) <= _MOST_DIGITS else 0
    if not 1 <= found <= most:
        raise InvalidRetentionPeriod()
    return found
