"""What a change feed promises: who follows it, from wherever, ends with what there is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.backends.base import Backend
from proxy.backends.filesystem import transaction
from proxy.backends.memory import place as memory
from proxy.backends.values import (
    NULL_VERSION,
    Amendment,
    Change,
    Deletion,
    FeedLost,
    FeedPosition,
    Lock,
    NewObject,
    ObjectInfo,
    PartRequest,
    Place,
    Precondition,
    UploadInfo,
)
from proxy.errors import NoSuchBucket, S3Error
from tests.bodies import Bytes
from tests.conftest import FakeClock
from tests.contracts.conftest import new_place
from tests.contracts.following import Follower, head, listing
from tests.contracts.versioned import mark, put, remove

pytestmark = pytest.mark.asks("feeds_changes")


def start(place: Place) -> FeedPosition:
    return FeedPosition(place.bucket_id, place.incarnation, 0)


def told(backend: Backend, place: Place, after: FeedPosition | None = None) -> list[tuple[str, bool]]:
    """Key and `gone` of each change, page by page."""
    position, found, more = after or start(place), [], True
    while more:
        page = backend.changes(place, position, 2)
        found += [(change.key, change.gone) for change in page.changes]
        position, more = page.position, page.more
    assert position == head(backend, place)
    return found


# -- positions and pages ----------------------------------------------------------------------
def test_a_new_place_has_nothing_to_tell(backend: Backend, place: Place) -> None:
    page = backend.changes(place, head(backend, place))
    assert (page.changes, page.position, page.more) == ((), start(place), False)


def test_changes_come_in_their_order_and_a_key_once_per_page_at_its_last(
    backend: Backend, place: Place
) -> None:
    for key in ("b", "a", "b", "日本"):
        put(backend, place, key)
    page = backend.changes(place, start(place))
    assert page.changes == (Change("a", 2, False), Change("b", 3, False), Change("日本", 4, False))
    assert (page.position, page.more) == (head(backend, place), False)
    assert [change.seq for change in backend.changes(place, start(place), 1).changes] == [1]


def test_a_page_says_whether_there_are_more_and_the_next_one_goes_on_there(
    backend: Backend, place: Place
) -> None:
    for key in ("a", "b", "c", "a"):
        put(backend, place, key)
    first = backend.changes(place, start(place), 3)
    assert ([change.key for change in first.changes], first.more) == (["a", "b", "c"], True)
    second = backend.changes(place, first.position, 3)
    assert ([change.seq for change in second.changes], second.more) == ([4], False)
    assert backend.changes(place, second.position).changes == ()


@pytest.mark.parametrize("other", [{"bucket_id": "another"}, {"incarnation": "another"}, {"seq": 2}])
def test_a_position_of_another_life_or_above_the_head_is_lost(
    backend: Backend, place: Place, other: dict[str, object]
) -> None:
    put(backend, place, "k")
    with pytest.raises(FeedLost):
        backend.changes(place, replace(head(backend, place), **other))  # type: ignore[arg-type]


def test_a_position_that_the_log_has_forgotten_is_lost_and_the_oldest_that_it_holds_is_not(
    backend: Backend, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transaction, "LOG_ROWS", 5)
    monkeypatch.setattr(transaction, "LOG_TRIM", 10)
    monkeypatch.setattr(memory, "LOG_ROWS", 5)
    place = new_place(backend)
    for number in range(10):
        put(backend, place, f"k{number}")
    assert told(backend, place, replace(start(place), seq=5)) == [(f"k{n}", False) for n in range(5, 10)]
    for seq in (4, 0, -1):
        with pytest.raises(FeedLost):
            backend.changes(place, replace(start(place), seq=seq))


def test_the_feed_of_a_place_that_is_gone_ends_with_it(backend: Backend, place: Place) -> None:
    position = head(backend, place)
    backend.delete_bucket(place)
    with pytest.raises(NoSuchBucket):
        backend.changes(place, position)


# -- what is a change, and what is gone ----------------------------------------------------------
def test_uploads_locks_and_what_was_refused_are_no_changes(
    backend: Backend, place: Place, clock: FakeClock
) -> None:
    put(backend, place, "k")
    before = head(backend, place)
    backend.create_upload(place, UploadInfo("u", "k", 1))
    part = backend.put_part(place, "u", 1, Bytes(b"part"))
    backend.create_upload(place, UploadInfo("aborted", "k", 1))
    backend.abort_upload(place, "aborted")
    backend.amend(place, "k", NULL_VERSION, Amendment(hold=True))
    backend.amend(place, "k", NULL_VERSION, Amendment(hold=False, retention=("GOVERNANCE", clock() + 1)))
    clock.advance(ms=2)
    with pytest.raises(S3Error):
        backend.put(place, NewObject("k"), Bytes(b"x"), Precondition(absent=True))
    assert remove(backend, place, "nothing", NULL_VERSION) is None
    assert told(backend, place, before) == []
    backend.complete_upload(place, "u", [PartRequest(1, part.etag)])
    backend.complete_upload(place, "u", [PartRequest(1, part.etag)])
    assert told(backend, place, before) == [("k", False)]


def test_tags_and_the_access_list_are_changes(backend: Backend, place: Place) -> None:
    put(backend, place, "k", "v1")
    mark(backend, place, "k", "m")
    before = head(backend, place)
    backend.amend(place, "k", "v1", Amendment(tags={"a": "b"}))
    assert told(backend, place, before) == [("k", True)]
    remove(backend, place, "k", "m")
    before = head(backend, place)
    backend.amend(place, "k", "v1", Amendment(acl="theirs"))
    assert told(backend, place, before) == [("k", False)]


STEPS: list[tuple[str, Callable[[Backend, Place], object], bool]] = [
    ("a version", lambda backend, place: put(backend, place, "k", "v1"), False),
    ("a marker over it", lambda backend, place: mark(backend, place, "k", "m1"), True),
    ("a version over the marker", lambda backend, place: put(backend, place, "k", "v2"), False),
    ("an old version purged", lambda backend, place: remove(backend, place, "k", "v1"), False),
    ("the newest removed: the marker shows", lambda backend, place: remove(backend, place, "k", "v2"), True),
    (
        "an older version put beneath the marker",
        lambda backend, place: backend.put(
            place, NewObject.copy_of(ObjectInfo("k", 1, "x-1", 1, version_id="v0", ordinal=0)), Bytes(b"x")
        ),
        True,
    ),
    ("the marker removed: it shows", lambda backend, place: remove(backend, place, "k", "m1"), False),
    ("the last version removed", lambda backend, place: remove(backend, place, "k", "v0"), True),
]


def test_gone_says_after_each_step_whether_a_plain_get_finds_something(
    backend: Backend, place: Place
) -> None:
    for step, act, gone in STEPS:
        before = head(backend, place)
        act(backend, place)
        assert told(backend, place, before) == [("k", gone)], step
        assert bool(backend.list(place).objects) is not gone, step


# -- followers -----------------------------------------------------------------------------------
KEYS = st.sampled_from(["a", "b/c", "日"])
VERSIONS = st.sampled_from([NULL_VERSION, "v1", "v2"])
ACTS = st.one_of(
    st.tuples(st.just("put"), KEYS, VERSIONS),
    st.tuples(st.just("mark"), KEYS, VERSIONS),
    st.tuples(st.just("remove"), KEYS, VERSIONS),
    st.tuples(st.just("carry"), KEYS, st.integers(0, 9)),
    st.tuples(st.just("replicate"), KEYS, VERSIONS),
    st.tuples(st.just("amend"), KEYS, st.booleans()),
    st.tuples(st.just("fail"), KEYS, VERSIONS),
    st.tuples(st.just("follow"), st.integers(1, 4), st.none()),
)


def _act(backend: Backend, place: Place, what: str, key: str, how: object, number: int) -> None:
    body = Bytes(b"%d" % number)
    foreign = ObjectInfo(key, len(body.data), "x-1", number, version_id="far")
    acts: dict[str, Callable[[], object]] = {
        "put": lambda: backend.put(place, NewObject(key, version_id=str(how)), body),
        "mark": lambda: backend.delete(place, [Deletion(key, str(how), marker=True)]),
        "remove": lambda: backend.delete(place, [Deletion(key, str(how))]),
        "carry": lambda: backend.put(place, NewObject.copy_of(replace(foreign, ordinal=int(str(how)))), body),
        "replicate": lambda: backend.put(
            place, replace(NewObject.copy_of(foreign), version_id=str(how), newest=True), body
        ),
        "amend": lambda: backend.amend(
            place, key, "", Amendment(tags={"n": str(number)}) if how else Amendment(acl=str(number))
        ),
        "fail": lambda: backend.put(
            place, NewObject(key, version_id=str(how), lock=Lock()), body, Precondition(etags=("0" * 32,))
        ),
    }
    try:
        acts[what]()
    except S3Error:
        return  # (nothing to amend, or a condition that did not hold)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=st.lists(ACTS, max_size=25), limit=st.integers(1, 5))
def test_a_follower_from_any_moment_ends_with_the_livelisting(
    backend: Backend, acts: Sequence[tuple[str, object, object]], limit: int
) -> None:
    place = new_place(backend)
    followers = [Follower(backend, place)]
    for number, (what, first, second) in enumerate(acts):
        if what == "follow":
            followers[0].step(int(str(first)))
            followers.append(Follower(backend, place))
        else:
            _act(backend, place, what, str(first), second, number)
    for follower in followers:
        follower.catch_up(limit)
        assert follower.seen == listing(backend, place)
        assert follower.position == head(backend, place)
