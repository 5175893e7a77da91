"""Ordinals of versions: they grow with the service's line, and stay."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from proxy.backends.s3.ordinals import InLine, lined_up, same_second

SECOND = 1000
lines = st.lists(st.integers(0, 5), min_size=1, max_size=12).map(
    lambda seconds: [
        InLine(f"v{number}", second * SECOND) for number, second in reversed(list(enumerate(sorted(seconds))))
    ]
)


@given(lines)
def test_they_grow_in_the_order_of_the_service(line: list[InLine]) -> None:
    found = [lined_up(line, {})[one.version_id] for one in line]
    assert found == sorted(set(found), reverse=True)
    assert all(ordinal >= one.modified for ordinal, one in zip(found, line, strict=True))


@given(lines, st.data())
def test_they_stay_when_others_are_removed_or_come(line: list[InLine], data: st.DataObject) -> None:
    known = lined_up(line, {})
    kept = [one for one in line if data.draw(st.booleans())]
    newer = InLine("new", line[0].modified)
    again = lined_up([newer, *kept], {one.version_id: known[one.version_id] for one in kept})
    assert all(again[one.version_id] == known[one.version_id] for one in kept)
    assert all(again["new"] > again[one.version_id] for one in kept)


@given(lines)
def test_one_alone_needs_no_more_than_those_of_its_second(line: list[InLine]) -> None:
    whole = lined_up(line, {})
    for index, one in enumerate(line):
        close = [one, *same_second(line[index + 1 :], one.modified)]
        alone = lined_up(close, {})[one.version_id]
        spills = any(whole[each.version_id] >= one.modified for each in line[index + len(close) :])
        assert alone == whole[one.version_id] or spills


def test_what_two_writers_noted_in_another_order_is_mended() -> None:
    line = [InLine("c", SECOND), InLine("b", SECOND), InLine("a", SECOND)]
    assert lined_up(line, {"a": 1002, "b": 1001, "c": 1000}) == {"a": 1002, "b": 1003, "c": 1004}
