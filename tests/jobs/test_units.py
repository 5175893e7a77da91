"""Numbers as people read them."""

from __future__ import annotations

import pytest

from jobs import units


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.00 KiB"),
        (1536, "1.50 KiB"),
        (64 * 1024**2, "64.0 MiB"),
        (999 * 1024, "999 KiB"),
        (1023 * 1024, "1.00 MiB"),
        (512 * 1024**3, "512 GiB"),
        (5000 * 1024**6, "5000 EiB"),
    ],
)
def test_sizes_are_written_in_binary_units(size: int, text: str) -> None:
    assert units.binary(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (8.4, "8 s"),
        (60, "1 min"),
        (250, "4 min 10 s"),
        (7500, "2 h 5 min"),
        (259200, "3 d"),
        (86461, "1 d"),
    ],
)
def test_spans_are_written_by_their_two_largest_units(seconds: float, text: str) -> None:
    assert units.span(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "just now"),
        (1, "just now"),
        (12, "12 s ago"),
        (3600, "1 h ago"),
        (-300, "in 5 min"),
        (90_000, "1 d ago"),
    ],
)
def test_moments_are_told_by_their_distance(seconds: float, text: str) -> None:
    assert units.ago(seconds) == text


def test_long_numbers_are_grouped() -> None:
    assert units.grouped(12431) == "12,431"


@pytest.mark.parametrize(("number", "text"), [(0, "0 objects"), (1, "1 object"), (12_431, "12,431 objects")])
def test_things_are_counted(number: int, text: str) -> None:
    assert units.counted(number, "object") == text
