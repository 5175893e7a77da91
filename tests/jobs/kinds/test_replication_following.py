"""Changes of the source reach the destination by its feed; for a feed that is lost a walk makes up."""

from __future__ import annotations

import json

import pytest

from jobs.kinds.replicate import Replicate
from jobs.kinds.replication import events
from proxy import gate, routes
from proxy.backends.values import NewObject
from proxy.records import find_bucket
from tests.jobs.kinds.driving import Killed, Saved, nothing
from tests.jobs.kinds.replicating import DESTINATION, SOURCE, Rule, content, copied, delete, rule, walked
from tests.jobs.kinds.world import KIB, Bytes, keys, make_bucket, mark, noise, put

pytestmark = pytest.mark.django_db


def interrupted(mirror: Rule) -> Saved:
    """A walk over twelve keys that was killed in the middle."""
    for number in range(12):
        put(mirror.source, f"key-{number:02d}")
    seen = []

    def stop(event: str) -> None:
        seen.append(event)
        if seen.count("checkpoint") == 5:
            raise Killed

    mirror.happens = stop
    with pytest.raises(Killed):
        mirror.run()
    mirror.happens = nothing
    mirror.state = mirror.runs[-1].state
    return mirror.runs[-1]


def test_what_changes_after_the_walk_is_copied_by_the_feed_alone(backends: tuple[str, str]) -> None:
    mirror = walked(replicate_deletes=True)
    for number in range(10):
        put(mirror.source, f"key-{number}", noise(number, 400 * number))
    put(mirror.source, "key-3", b"once more")
    delete(mirror.source, "before")
    run = mirror.run("events")
    assert (copied(run), run.deleted) == (10, 1)
    assert content(mirror.destination) == content(mirror.source)
    assert mirror.run("events").processed == 0


def test_the_feed_says_how_far_it_was_followed(backends: tuple[str, str]) -> None:
    mirror = walked()
    put(mirror.source, "a")
    mirror.run("events")
    head = mirror.source.feed_head()
    assert mirror.notes["feed"] == {
        "bucket_id": head.bucket_id, "incarnation": head.incarnation, "seq": head.seq,
    }  # fmt: skip
    assert mirror.notes["whole"] is True


def test_changes_that_the_rule_is_not_about_are_passed_over(backends: tuple[str, str]) -> None:
    mirror = walked(source={"bucket": SOURCE, "prefix": "fw/"}, exclude_globs=["*.tmp"])
    for number in range(30):
        put(mirror.source, f"other/{number}")
    put(mirror.source, "fw/a.tmp")
    put(mirror.source, "fw/a")
    assert copied(mirror.run("events")) == 1
    assert keys(mirror.destination) == ["a"]
    assert mirror.notes["feed"]["seq"] == mirror.source.feed_head().seq


def test_a_delete_marker_is_an_absence(backends: tuple[str, str]) -> None:
    mirror = walked(replicate_deletes=True)
    mark(mirror.source, "before", "m-1")
    assert mirror.run("events").deleted == 1
    assert keys(mirror.destination) == []


def test_without_replicated_deletes_what_is_gone_stays(backends: tuple[str, str]) -> None:
    mirror = walked()
    delete(mirror.source, "before")
    assert mirror.run("events").deleted == 0
    assert keys(mirror.destination) == ["before"]


def test_a_large_object_is_followed_in_pieces_with_small_ones_between(
    backends: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = walked()
    monkeypatch.setattr(type(mirror.destination.backend), "can_link", lambda self, reader: False)
    put(mirror.source, "large", noise(2, 900 * KIB))
    put(mirror.source, "a")
    run = mirror.run("events")
    assert copied(run) == 2 and content(mirror.destination) == content(mirror.source)
    assert mirror.destination.list_uploads().uploads == ()


def test_a_large_object_that_is_replaced_meanwhile_goes_over_as_it_is_then(
    backends: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = walked()
    monkeypatch.setattr(type(mirror.destination.backend), "can_link", lambda self, reader: False)
    put(mirror.source, "large", noise(2, 900 * KIB))
    seen = []

    def replace_it(event: str) -> None:
        seen.append(event)
        if seen.count("checkpoint") == 3 and event == "checkpoint":
            put(mirror.source, "large", noise(3, 700 * KIB))

    mirror.happens = replace_it
    mirror.run("events")
    assert content(mirror.destination) == content(mirror.source)
    assert mirror.destination.list_uploads().uploads == ()


@pytest.mark.parametrize("page", range(1, 7))
@pytest.mark.parametrize("gone", [True, False])
def test_a_large_object_that_changes_after_it_was_looked_at_is_no_failure(
    gone: bool, page: int, backends: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = walked(replicate_deletes=True)
    monkeypatch.setattr(type(mirror.destination.backend), "can_link", lambda self, reader: False)
    put(mirror.source, "large", noise(2, 900 * KIB))
    pages = 0

    def change(event: str) -> None:
        nonlocal pages
        pages += event == "page"
        if event == "page" and pages == page:
            delete(mirror.source, "large") if gone else put(mirror.source, "large", noise(3, 700 * KIB))

    mirror.happens = change
    assert mirror.run("events").issues == [] and pages >= page
    mirror.run("events")
    assert content(mirror.destination) == content(mirror.source)
    assert mirror.destination.list_uploads().uploads == ()


@pytest.mark.parametrize("deletes", [True, False])
def test_a_large_object_that_goes_meanwhile_leaves_no_upload(
    deletes: bool, backends: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = walked(replicate_deletes=deletes)
    monkeypatch.setattr(type(mirror.destination.backend), "can_link", lambda self, reader: False)
    put(mirror.destination, "large", b"older")
    put(mirror.source, "large", noise(2, 900 * KIB))
    seen = []

    def take_it_away(event: str) -> None:
        seen.append(event)
        if seen.count("checkpoint") == 3 and event == "checkpoint":
            delete(mirror.source, "large")

    mirror.happens = take_it_away
    mirror.run("events")
    assert keys(mirror.destination) == (["before"] if deletes else ["before", "large"])
    assert mirror.destination.list_uploads().uploads == ()


def test_a_feed_that_is_lost_asks_for_a_walk_which_closes_the_gap(backends: tuple[str, str]) -> None:
    mirror = walked()
    put(mirror.source, "missed")
    notes = mirror.notes
    notes["feed"]["incarnation"] = "another life"
    mirror.state = json.dumps(notes)
    mirror.run("events")
    assert mirror.notes["whole"] is False and "missed" not in keys(mirror.destination)
    mirror.run()
    assert mirror.notes["whole"] is True and "missed" in keys(mirror.destination)


def test_a_feed_that_is_lost_during_a_walk_leaves_the_gap_to_the_next_one(backends: tuple[str, str]) -> None:
    mirror = walked()
    for number in range(12):
        put(mirror.source, f"key-{number}")
    seen = []

    def lose_it(event: str) -> None:
        seen.append(event)
        if event == "checkpoint" and seen.count(event) == 1:
            mirror.runs[-1].state = mirror.runs[-1].state.replace(
                mirror.source.place.incarnation, "another life"
            )

    mirror.happens = lose_it
    mirror.run()
    assert mirror.notes["whole"] is False
    mirror.happens = lambda event: None
    mirror.run()
    assert mirror.notes["whole"] is True
    assert content(mirror.destination) == content(mirror.source)


def test_a_walk_that_goes_on_after_the_feed_was_lost_does_not_make_it_whole(
    backends: tuple[str, str],
) -> None:
    """What it passed before may have changed since, and nobody told."""
    mirror = rule()
    killed = interrupted(mirror)
    notes = json.loads(killed.state)
    notes["feed"]["seq"] = 10**9
    mirror.state = json.dumps(notes)
    mirror.run("events")
    mirror.run(token=killed.token)
    assert mirror.notes["whole"] is False


def make_anew(mirror: Rule) -> None:
    """The destination, without what it had."""
    for key in keys(mirror.destination):
        delete(mirror.destination, key)
    routes.delete_bucket(find_bucket(DESTINATION))
    make_bucket(DESTINATION)


def test_a_destination_that_was_made_anew_is_walked_as_soon_as_something_happens(
    backends: tuple[str, str],
) -> None:
    mirror = walked()
    make_anew(mirror)
    put(mirror.source, "a")
    mirror.run("events")
    assert mirror.notes["whole"] is False, "so a reconcile begins"
    mirror.run()
    assert content(mirror.destination) == content(mirror.source) and mirror.notes["whole"] is True
    put(mirror.source, "b")
    assert copied(mirror.run("events")) == 1


def test_a_walk_begins_anew_if_a_bucket_was_made_anew_since(backends: tuple[str, str]) -> None:
    mirror = rule()
    killed = interrupted(mirror)
    make_anew(mirror)
    mirror.run(token=killed.token)
    assert content(mirror.destination) == content(mirror.source) and mirror.notes["whole"] is True


def test_changes_are_followed_while_a_walk_is_on_its_way(backends: tuple[str, str]) -> None:
    mirror = rule()
    for number in range(40):
        put(mirror.source, f"key-{number:02d}")
    seen: list[str] = []
    there_after: list[int] = []

    def write(event: str) -> None:
        seen.append(event)
        if event == "checkpoint" and seen.count(event) == 4:
            put(mirror.source, "a change before all keys")
        if event == "checkpoint" and "a change before all keys" in keys(mirror.destination):
            there_after.append(seen.count(event))

    mirror.happens = write
    mirror.run()
    assert there_after[0] <= 8
    assert content(mirror.destination) == content(mirror.source)


def test_a_busy_writer_holds_up_neither_the_walk_nor_its_end(backends: tuple[str, str]) -> None:
    mirror = rule()
    for number in range(9):
        put(mirror.source, f"key-{number}")
    written = []

    def write(event: str) -> None:
        if event == "checkpoint":
            written.append(put(mirror.source, "hot", b"%d" % len(written)))

    mirror.happens = write
    mirror.run()
    assert len(written) < 40 and set(keys(mirror.destination)) >= {f"key-{number}" for number in range(9)}


def test_a_run_that_never_reaches_the_end_of_its_feed_ends_all_the_same(
    backends: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = walked()
    monkeypatch.setattr(events, "MOST_PAGES", 3)
    written = []

    def write(event: str) -> None:
        if event == "checkpoint":
            written.append(put(mirror.source, f"key-{len(written)}"))
        assert len(written) < 50

    put(mirror.source, "first")
    mirror.happens = write
    mirror.run("events")
    assert "first" in keys(mirror.destination)


def test_a_source_without_a_feed_is_reconciled_and_nothing_is_followed(
    backends: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = rule()
    monkeypatch.setattr("proxy.store.Store.feeds_changes", property(lambda store: False))
    put(mirror.source, "a")
    mirror.run()
    assert mirror.notes["feed"] is None and keys(mirror.destination) == ["a"]
    assert "interval" in Replicate().report(mirror.notes)["note"]
    put(mirror.source, "b")
    assert mirror.run("events").processed == 0 and keys(mirror.destination) == ["a"]


def test_a_source_that_moved_where_no_feed_is_asks_for_a_walk(
    backends: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = walked()
    monkeypatch.setattr("proxy.store.Store.feeds_changes", property(lambda store: False))
    put(mirror.source, "a")
    mirror.run("events")
    assert (mirror.notes["feed"], mirror.notes["whole"]) == (None, False)
    mirror.run()
    assert mirror.notes["whole"] is True and "a" in keys(mirror.destination)


def test_a_migrated_source_is_followed_at_its_new_place(backends: tuple[str, str]) -> None:
    mirror = walked()
    bucket = find_bucket(SOURCE)
    new = routes.Route("there", routes.new_place(bucket.id, "moved", "there"))
    routes.backend("there").create_bucket(new.place)
    put(type(mirror.source).at(new), "after the move")
    routes.switch(bucket.id, bucket.route, new)
    mirror.run("events")
    assert mirror.notes["whole"] is False
    mirror.run()
    assert "after the move" in keys(mirror.destination)
    assert mirror.notes["feed"]["incarnation"] == new.place.incarnation


def test_a_write_that_is_deferred_is_not_forgotten(backends: tuple[str, str]) -> None:
    """The page is not saved: the next run comes to the same changes."""
    mirror = walked()
    put(mirror.source, "a")
    bucket = find_bucket("dr")
    assert gate.close(bucket.id, "maintenance:7")
    with pytest.raises(Exception, match="maintenance:7"):
        mirror.run("events")
    gate.open(bucket.id, "maintenance:7")
    assert copied(mirror.run("events")) == 1
    assert mirror.destination.head("a").etag == mirror.source.head("a").etag


def test_new_metadata_of_the_same_bytes_is_copied_when_it_is_newer(backends: tuple[str, str]) -> None:
    mirror = walked()
    old = mirror.source.head("before")
    later = old.last_modified + 5000
    mirror.source.put(
        NewObject(
            "before", metadata={"v": "2"},
            carried=type(old)("before", old.size, old.etag, later, metadata={"v": "2"}), newest=True,
        ),
        Bytes(noise(1, 100)),
    )  # fmt: skip
    assert copied(mirror.run("events")) == 1
    assert mirror.destination.head("before").metadata == {"v": "2"}
