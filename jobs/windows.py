"""A daily window: when a rule may move bytes. Pure.

The times are those of a clock on the wall, also on a day of 23 or 25 hours. Where such a clock shows a
time twice, the window opens at the first and closes at the last; a time that it passes over comes as much
later as the clock was put forward.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

DEFAULT_TIMEZONE = "UTC"
_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Window:
    """From one time of day to another, which is on the next day if it is not later."""

    opens: dt.time
    closes: dt.time
    zone: ZoneInfo

    @classmethod
    def of(cls, said: Mapping[str, str]) -> Window:
        """Of `{"from": "22:00", "to": "06:00", "timezone": "Europe/Berlin"}`.

        Raises ValueError, ZoneInfoNotFoundError (a KeyError).
        """
        opens, closes = dt.time.fromisoformat(said["from"]), dt.time.fromisoformat(said["to"])
        if opens == closes:
            raise ValueError("A window that opens and closes at one time is none.")
        return cls(opens, closes, ZoneInfo(said.get("timezone") or DEFAULT_TIMEZONE))

    def opens_in(self, now_ms: int) -> float:
        """Seconds until it opens; 0 while it is open. `now_ms` is milliseconds since the epoch, UTC."""
        now = dt.datetime.fromtimestamp(now_ms / 1000, dt.UTC)
        today = now.astimezone(self.zone).date()
        openings = []
        for day in (today + number * _DAY for number in range(-2, 4)):
            opening = _first(day, self.opens, self.zone)
            if opening > now:
                openings.append(opening)
            elif now < _last(day if self.opens < self.closes else day + _DAY, self.closes, self.zone):
                return 0.0
        return (min(openings) - now).total_seconds()


def _first(day: dt.date, time: dt.time, zone: ZoneInfo) -> dt.datetime:
    return dt.datetime.combine(day, time, zone).astimezone(dt.UTC)


def _last(day: dt.date, time: dt.time, zone: ZoneInfo) -> dt.datetime:
    """Of a time that is shown twice fold=1 is the later, of one that is passed over the earlier (PEP 495)."""
    first = dt.datetime.combine(day, time, zone)
    return max(first.astimezone(dt.UTC), first.replace(fold=1).astimezone(dt.UTC))
