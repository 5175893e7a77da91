"""Tags, metadata and headers that change alone are copied where a change is known, and once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jobs.kinds.replicas.target import Target
from proxy.backends.values import Amendment, NewObject
from tests.jobs.kinds.replicating import content, copied, walked
from tests.jobs.kinds.world import KIB, Bytes, noise, put

pytestmark = pytest.mark.django_db

TAGGED = Amendment(tags={"team": "blue"})


@pytest.mark.parametrize("conflict", ["newer-wins", "content-diff"])
def test_tags_that_change_alone_are_copied(backends: tuple[str, str], conflict: str) -> None:
    mirror = walked(conflict=conflict)
    mirror.source.amend("before", "", TAGGED)
    assert copied(mirror.run("events")) == 1
    assert content(mirror.destination) == content(mirror.source)
    mirror.source.amend("before", "", Amendment(acl="nothing that travels"))
    assert copied(mirror.run("events")) == 0
    mirror.destination.amend("before", "", Amendment(tags={}))
    assert copied(mirror.run()) == 0, "a walk compares what listings tell"
    assert copied(mirror.run("retry", keys=("before",))) == 1
    assert content(mirror.destination) == content(mirror.source)


def test_other_tags_stay_at_a_newer_destination_and_where_the_rule_leaves_what_is_there(
    backends: tuple[str, str],
) -> None:
    mirror = walked(conflict="skip-if-dest-exists")
    mirror.source.amend("before", "", TAGGED)
    assert copied(mirror.run("events")) == 0
    mirror.said["conflict"] = "newer-wins"
    old = mirror.destination.head("before")
    newer = replace(old, last_modified=old.last_modified + 1000)
    mirror.destination.put(NewObject("before", carried=newer, newest=True), Bytes(noise(1, 100)))
    assert copied(mirror.run("retry", keys=("before",))) == 0
    assert mirror.destination.head("before").tags == {}


def test_a_large_object_whose_tags_change_goes_over_once_more(backends: tuple[str, str]) -> None:
    mirror = walked()
    put(mirror.source, "large", noise(9, 700 * KIB))
    assert copied(mirror.run("events")) == 1
    mirror.source.amend("large", "", TAGGED)
    assert copied(mirror.run("events")) == 1
    assert content(mirror.destination) == content(mirror.source)
    assert mirror.notes["large"] == [] and mirror.destination.list_uploads().uploads == ()


@pytest.mark.parametrize("size", [100, 700 * KIB])
def test_a_destination_that_keeps_no_tags_gets_one_copy_for_each_change(
    backends: tuple[str, str], monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    mirror = walked()
    put(mirror.source, "a", noise(9, size))
    mirror.run("events")
    carried = Target.carried
    monkeypatch.setattr(Target, "carried", lambda *asked: replace(carried(*asked), tags={}))
    mirror.source.amend("a", "", TAGGED)
    assert copied(mirror.run("events")) == 1
    assert [copied(mirror.run(mode)) for mode in ("events", "reconcile")] == [0, 0]
    assert mirror.notes["large"] == []
