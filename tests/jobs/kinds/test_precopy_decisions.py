"""What is to be done for a key that changed, decided from what both sides list. Pure."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jobs.kinds.migration.changed import Line, differing
from jobs.kinds.migration.forecasting import Group, Sealing, Way, forecast
from proxy.backends.values import ObjectInfo

SINCE = 10
OLD = ObjectInfo("k", 3, "e1", 1_000, seq=5, version_id="v1", ordinal=5)
NEW = ObjectInfo("k", 4, "e2", 2_000, seq=12, version_id="v2", ordinal=12)
TAGGED = replace(OLD, seq=13)
MARKER = ObjectInfo("k", 0, "", 3_000, seq=6, version_id="m", ordinal=6, marker=True)
NOTHING: frozenset[str] = frozenset()


def _names(line: Line) -> tuple[list[str], frozenset[str], list[str]]:
    return [info.version_id for info in line.renew], line.told, line.extra


@pytest.mark.parametrize(
    ("theirs", "ours", "renew", "told", "extra"),
    [
        ([OLD, MARKER], [OLD, MARKER], [], NOTHING, []),
        ([OLD], [replace(OLD, seq=900, latest=False)], [], NOTHING, []),
        ([NEW, OLD], [OLD], ["v2"], NOTHING, []),
        ([NEW, OLD], [NEW, OLD], ["v2"], NOTHING, []),
        ([OLD], [], ["v1"], NOTHING, []),
        ([TAGGED], [OLD], ["v1"], frozenset({"v1"}), []),
        ([TAGGED], [replace(OLD, etag="other")], ["v1"], NOTHING, []),
        ([TAGGED], [], ["v1"], NOTHING, []),
        ([OLD], [replace(OLD, ordinal=4)], ["v1"], frozenset({"v1"}), []),
        ([], [OLD, MARKER], [], NOTHING, ["v1", "m"]),
        ([replace(MARKER, seq=14, version_id="v1")], [OLD], ["v1"], NOTHING, []),
    ],
)
def test_what_the_target_lacks_is_renewed_and_what_only_it_has_is_removed(
    theirs: list[ObjectInfo], ours: list[ObjectInfo], renew: list[str], told: frozenset[str], extra: list[str]
) -> None:
    assert _names(differing(theirs, ours, SINCE)) == (renew, told, extra)


def test_a_precopy_pauses_for_a_listing_of_both_sides_and_not_for_the_bytes() -> None:
    group = Group(1_000, 64 << 30, Way.STREAMED, Sealing.PLAIN)
    for services in (False, True):
        ahead = forecast([group], 1_000, 64 << 30, from_service=False, to_service=services)
        assert ahead.pause_s > 100 * ahead.precopied_s > 0
    many = forecast([group], 1_000_000, 64 << 30, from_service=False, to_service=False)
    assert many.precopied_s > forecast([group], 1, 1, from_service=False, to_service=False).precopied_s
