"""A daily window is open by the clock on the wall, on days of 23, 24 and 25 hours."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.windows import Window


def ms(text: str) -> int:
    """A time in UTC."""
    return int(dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC).timestamp() * 1000)


def window(opens: str, closes: str, zone: str = "Europe/Berlin") -> Window:
    return Window.of({"from": opens, "to": closes, "timezone": zone})


HOUR = 3600.0

CASES = [
    ("08:00", "10:00", "UTC", "2026-06-01T07:00", HOUR),
    ("08:00", "10:00", "UTC", "2026-06-01T08:00", 0),
    ("08:00", "10:00", "UTC", "2026-06-01T09:59:59", 0),
    ("08:00", "10:00", "UTC", "2026-06-01T10:00", 22 * HOUR),
    # over midnight
    ("22:00", "06:00", "UTC", "2026-06-01T23:00", 0),
    ("22:00", "06:00", "UTC", "2026-06-02T05:59", 0),
    ("22:00", "06:00", "UTC", "2026-06-02T06:00", 16 * HOUR),
    # Berlin is two hours before UTC in summer
    ("22:00", "06:00", "Europe/Berlin", "2026-06-01T19:00", HOUR),
    ("22:00", "06:00", "Europe/Berlin", "2026-06-01T20:00", 0),
    # the day of 23 hours, 2026-03-29: 02:00 to 03:00 is passed over at 01:00 UTC
    ("22:00", "06:00", "Europe/Berlin", "2026-03-28T20:00", HOUR),
    ("22:00", "06:00", "Europe/Berlin", "2026-03-29T03:59", 0),
    ("22:00", "06:00", "Europe/Berlin", "2026-03-29T04:00", 16 * HOUR),
    ("02:30", "05:00", "Europe/Berlin", "2026-03-29T01:29", 60),
    ("02:30", "05:00", "Europe/Berlin", "2026-03-29T01:30", 0),
    ("01:00", "02:30", "Europe/Berlin", "2026-03-29T01:29", 0),
    ("01:00", "02:30", "Europe/Berlin", "2026-03-29T01:30", 21 * HOUR + 1800),
    # the day of 25 hours, 2026-10-25: 02:00 to 03:00 comes twice, again at 01:00 UTC
    ("02:30", "05:00", "Europe/Berlin", "2026-10-25T00:29", 60),
    ("02:30", "05:00", "Europe/Berlin", "2026-10-25T00:30", 0),
    ("02:30", "05:00", "Europe/Berlin", "2026-10-25T01:15", 0),
    ("01:00", "02:30", "Europe/Berlin", "2026-10-25T00:45", 0),
    ("01:00", "02:30", "Europe/Berlin", "2026-10-25T01:29", 0),
    ("01:00", "02:30", "Europe/Berlin", "2026-10-25T01:30", 22 * HOUR + 1800),
    ("22:00", "06:00", "Europe/Berlin", "2026-10-25T04:59", 0),
    ("22:00", "06:00", "Europe/Berlin", "2026-10-25T05:00", 16 * HOUR),
]


@pytest.mark.parametrize(("opens", "closes", "zone", "now", "expected"), CASES)
def test_it_opens_when_the_clock_on_the_wall_says_so(
    opens: str, closes: str, zone: str, now: str, expected: float
) -> None:
    assert window(opens, closes, zone).opens_in(ms(now)) == expected


ZONES = ["UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu"]


@given(
    opens=st.integers(0, 1439),
    length=st.integers(1, 1439),
    now=st.integers(ms("2026-01-01"), ms("2027-01-01")),
    zone=st.sampled_from(ZONES),
)
def test_it_opens_within_a_day_and_is_open_then(opens: int, length: int, now: int, zone: str) -> None:
    minutes = [opens, (opens + length) % 1440]
    one = window(*(f"{minute // 60:02d}:{minute % 60:02d}" for minute in minutes), zone)
    wait_s = one.opens_in(now)
    assert 0 <= wait_s <= 25 * 3600
    assert one.opens_in(now + int(wait_s * 1000) + 1) == 0


@pytest.mark.parametrize(
    "said", [{"from": "08:00", "to": "08:00"}, {"from": "8", "to": "25:00"}, {"from": "08:00"}]
)
def test_what_is_no_window_is_refused(said: dict[str, str]) -> None:
    with pytest.raises((ValueError, KeyError)):
        Window.of(said)


def test_an_unknown_timezone_is_refused() -> None:
    with pytest.raises(KeyError):
        window("08:00", "10:00", "Europe/Atlantis")
