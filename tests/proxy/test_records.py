"""The order of buckets, with each control database and whatever its own collation is."""

from __future__ import annotations

from tests.sites import Site

NAMES = ["a-b", "a.b", "a0", "a1.c", "ab", "b", "b-1", "ba", "c.d-e"]


def test_buckets_are_listed_in_byte_order_by_prefix_and_page(site: Site) -> None:
    actor = site.actor()
    for name in reversed(NAMES):
        actor.call("make_bucket", name=name)
    assert actor.call("listed") == sorted(NAMES, key=str.encode)
    assert actor.call("listed", prefix="a") == ["a-b", "a.b", "a0", "a1.c", "ab"]
    assert actor.call("listed", prefix="b", after="b") == ["b-1", "ba"]
    pages, after = [], ""
    while page := actor.call("listed", after=after, limit=2):
        pages += page
        after = page[-1]
    assert pages == sorted(NAMES, key=str.encode)
