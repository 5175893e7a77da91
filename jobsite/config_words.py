"""Durations, sizes, rates and times of day as operators write them: `24h`, `10MiB`, `50MiB/s`, `22:00`."""

from __future__ import annotations

import difflib
import zoneinfo
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, StringConstraints
from pydantic_core import PydanticCustomError

DURATION = r"^[1-9][0-9]{0,6}[smhdw]$"
SIZE = r"^(0|[1-9][0-9]{0,14})([KMGT]i?)?B$"
RATE = r"^[1-9][0-9]{0,14}([KMGT]i?)?B/s$"
CLOCK = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"

FORMS = {
    DURATION: "write a duration as a whole number and a unit: 30s, 15m, 24h, 90d or 2w",
    SIZE: "write a size as a whole number and a unit: 512B, 64KB, 10MiB, 2GiB",
    RATE: "write a rate as a size per second: 500KB/s, 50MiB/s",
    CLOCK: 'write a time of day in quotes, with 24 hours: "22:00"',
}
"""What to say of text that has not the form that a pattern demands."""

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_SIZES = {"": 1} | {
    sign + binary: (1024 if binary else 1000) ** power
    for power, sign in enumerate("KMGT", 1)
    for binary in ("", "i")
}


def seconds(text: str) -> int:
    """Of a duration that has the form DURATION."""
    return int(text[:-1]) * _SECONDS[text[-1]]


def size(text: str) -> int:
    """Bytes of a SIZE; of a RATE, bytes per second. KB is 1,000 bytes, KiB 1,024."""
    amount = text.removesuffix("/s").removesuffix("B")
    digits = amount.rstrip("KMGTi")
    return int(digits) * _SIZES[amount[len(digits) :]]


def _between(least: str, most: str, measure: Callable[[str], int]) -> AfterValidator:
    def check(text: str) -> str:
        if not measure(least) <= measure(text) <= measure(most):
            raise PydanticCustomError(
                "out_of_bounds", "must be {least} to {most}", {"least": least, "most": most}
            )
        return text

    return AfterValidator(check)


def _known_zone(name: str) -> str:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        close = difflib.get_close_matches(name, zoneinfo.available_timezones(), n=1)
        hint = f"did you mean '{close[0]}'?" if close else "write one as UTC or Europe/Berlin"
        raise PydanticCustomError(
            "unknown_zone", "there is no such time zone; {hint}", {"hint": hint}
        ) from None
    return name


def _written_as(pattern: str) -> BeforeValidator:
    """A number is told what to write instead; YAML 1.1 takes 22:00 for one, and 24 has no unit."""

    def check(value: Any) -> Any:
        if not isinstance(value, str):
            raise PydanticCustomError("wrong_form", "{form}", {"form": FORMS[pattern]})
        return value

    return BeforeValidator(check)


_Duration = Annotated[str, _written_as(DURATION), StringConstraints(pattern=DURATION)]
Interval = Annotated[_Duration, _between("1m", "366d", seconds)]
Timeout = Annotated[_Duration, _between("1s", "24h", seconds)]
Age = Annotated[_Duration, _between("1s", "36500d", seconds)]
Size = Annotated[str, _written_as(SIZE), StringConstraints(pattern=SIZE)]
Rate = Annotated[str, _written_as(RATE), StringConstraints(pattern=RATE), _between("1KB/s", "1TiB/s", size)]
ClockTime = Annotated[str, _written_as(CLOCK), StringConstraints(pattern=CLOCK)]
Zone = Annotated[str, AfterValidator(_known_zone)]
"""An IANA time zone name."""
