from __future__ import annotations

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from jobsite.config_flows import Flow, Region, circles, into_itself

_PREFIXES = ("", "x", "y", "xx", "xy")
_LONGEST = 9
_KEYS = ["".join(signs) for length in range(_LONGEST) for signs in product("xy", repeat=length)]


def _goes_round(flows: list[Flow], bucket: str, key: str, path: tuple[int, ...] = ()) -> bool:
    """Follow one object: does a rule get hold of it a second time?"""
    for flow in flows:
        if bucket == flow.source.bucket and key.startswith(flow.source.prefix):
            if flow.number in path:
                return True
            moved = flow.destination.prefix + key[len(flow.source.prefix) :]
            if _goes_round(flows, flow.destination.bucket, moved, (*path, flow.number)):
                return True
    return False


_region = st.builds(Region, st.sampled_from("abc"), st.sampled_from(_PREFIXES))


@given(st.lists(st.tuples(_region, _region), max_size=4))
def test_a_circle_is_found_if_and_only_if_some_object_would_go_round(
    ends: list[tuple[Region, Region]],
) -> None:
    flows = [Flow(number, f"r{number}", *pair) for number, pair in enumerate(ends)]
    found = any(into_itself(flow) for flow in flows) or any(circles(flows))
    assert found == any(_goes_round(flows, bucket, key) for bucket in "abc" for key in _KEYS)


def test_many_rules_that_hang_together_are_looked_through_quickly() -> None:
    layers = [
        Flow(2 * layer + way, f"r{layer}-{way}", Region(f"b{layer}", ""), Region(f"b{layer + 1}", f"{way}/"))
        for layer in range(100)
        for way in range(2)
    ]
    assert not list(circles(layers))
    back = Flow(1000, "back", Region("b100", "0/"), Region("b0", ""))
    [circle] = circles([*layers, back])
    assert not circle.sure
