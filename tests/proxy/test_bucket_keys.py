"""Bucket keys: made once, found by all, rotated without a new key, and never lost with a database."""

from __future__ import annotations

import json

import pytest

from proxy import bucket_keys
from proxy.backends.values import Place
from proxy.bucket_keys import COPY, BucketKeys, MissingBucketKey
from proxy.crypto.ring import EmptyRing, MissingKey, Ring
from proxy.crypto.wraps import DamagedBody, WrappingKey
from proxy.key_records import copy_of, records_in
from proxy.models import Bucket, BucketKey
from tests.conftest import FakeClock
from tests.proxy.bucket_keys_process import BUCKETS, Notes
from tests.sites import GATEWAY_ALONE, Site

OLD, NEW = ("one", b"1" * 32), ("two", b"2" * 32)
PLACE = Place("bucket", "photos", "life")
OTHER = Place("other-bucket", "other", "life")


def _keys(notes: Notes, clock: FakeClock, *ring: tuple[str, bytes], backend: str = "local") -> BucketKeys:
    return BucketKeys(backend, Ring(ring or [OLD]), notes, clock)


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.mark.django_db
def test_a_bucket_gets_one_key_on_first_use_and_keeps_it(notes: Notes, clock: FakeClock) -> None:
    keys = _keys(notes, clock)
    first = keys.newest(PLACE)
    assert len(first.key) == 32 and len(first.id) == 16
    assert keys.newest(PLACE) == first == keys.of(PLACE, first.id)
    assert _keys(notes, clock).newest(PLACE) == first, "another process"
    assert keys.newest(OTHER).key != first.key
    assert _keys(notes, clock, backend="far").newest(PLACE).key != first.key


@pytest.mark.django_db
def test_the_key_itself_is_nowhere_in_the_row_or_the_copy(notes: Notes, clock: FakeClock) -> None:
    key = _keys(notes, clock).newest(PLACE)
    row = BucketKey.objects.get()
    copy = notes.marked(PLACE, COPY) or ""
    assert row.wrapped.startswith("v1.r.one.") and row.wrapped in copy
    assert key.key.hex() not in row.wrapped + copy


@pytest.mark.django_db
def test_a_fresh_key_seals_from_then_on_in_every_process_and_the_old_one_still_opens(
    notes: Notes, clock: FakeClock
) -> None:
    one, two = _keys(notes, clock), _keys(notes, clock)
    old = one.newest(PLACE)
    assert two.newest(PLACE) == old
    clock.advance(seconds=1)
    fresh = one.make_new(PLACE)
    assert fresh.id != old.id
    assert one.newest(PLACE) == two.newest(PLACE) == fresh
    assert two.of(PLACE, old.id) == _keys(notes, clock).of(PLACE, old.id) == old
    assert one.copy_agrees(PLACE)


@pytest.mark.django_db
def test_rotating_a_key_of_the_ring_changes_records_and_no_bucket_key(notes: Notes, clock: FakeClock) -> None:
    before = _keys(notes, clock)
    keys = [before.newest(PLACE)]
    clock.advance(seconds=1)
    keys.append(before.make_new(PLACE))
    both = _keys(notes, clock, OLD, NEW)
    assert both.rewrap(PLACE) == 2
    assert both.rewrap(PLACE) == 0, "again changes nothing"
    assert {record.ring_key_id for record in both.records(PLACE.bucket_id)} == {"two"}
    after = _keys(notes, clock, NEW)
    assert [after.of(PLACE, key.id) for key in keys] == keys
    assert after.newest(PLACE) == keys[-1]
    assert '"one"' not in (notes.marked(PLACE, COPY) or "")


@pytest.mark.django_db
def test_without_the_key_of_the_ring_the_error_names_it_and_nothing_is_changed(
    notes: Notes, clock: FakeClock
) -> None:
    key = _keys(notes, clock).newest(PLACE)
    copy = notes.marked(PLACE, COPY)
    without = _keys(notes, clock, NEW)
    attempts = (
        lambda: without.newest(PLACE),
        lambda: without.of(PLACE, key.id),
        lambda: without.rewrap(PLACE),
    )
    for attempt in attempts:
        with pytest.raises(MissingKey, match=r"'one' is wanted; the ring has: two\."):
            attempt()
    assert notes.marked(PLACE, COPY) == copy
    assert _keys(notes, clock).newest(PLACE) == key


@pytest.mark.django_db
def test_an_empty_ring_makes_no_key(notes: Notes, clock: FakeClock) -> None:
    with pytest.raises(EmptyRing):
        BucketKeys("local", Ring(), notes, clock).newest(PLACE)
    assert not BucketKey.objects.exists()


@pytest.mark.django_db
def test_a_lost_database_finds_its_keys_again_beside_the_objects(notes: Notes, clock: FakeClock) -> None:
    before = _keys(notes, clock)
    old = before.newest(PLACE)
    clock.advance(seconds=1)
    fresh = before.make_new(PLACE)
    BucketKey.objects.all().delete()
    assert _keys(notes, clock).of(PLACE, old.id) == old
    assert BucketKey.objects.count() == 2
    BucketKey.objects.all().delete()
    assert _keys(notes, clock).newest(PLACE) == fresh, "no new key is made"
    assert [row.newest for row in BucketKey.objects.order_by("created_ms")] == [False, True]


@pytest.mark.django_db
def test_a_restored_database_learns_of_the_keys_that_were_made_after_it_was_saved(
    notes: Notes, clock: FakeClock
) -> None:
    before = _keys(notes, clock)
    before.newest(PLACE)
    saved = BucketKey.objects.get()
    clock.advance(seconds=1)
    fresh = before.make_new(PLACE)
    BucketKey.objects.all().delete()
    saved.save(force_insert=True)
    restored = _keys(notes, clock)
    assert restored.of(PLACE, fresh.id) == fresh
    assert restored.newest(PLACE) == fresh, "the newest of both seals"


def _restored_from_before_the_second_key(notes: Notes, clock: FakeClock) -> WrappingKey:
    """The second key, of which only the copy beside the objects knows."""
    before = _keys(notes, clock)
    before.newest(PLACE)
    saved = BucketKey.objects.get()
    clock.advance(seconds=1)
    fresh = before.make_new(PLACE)
    BucketKey.objects.all().delete()
    saved.save(force_insert=True)
    return fresh


@pytest.mark.django_db
def test_a_write_to_a_restored_database_does_not_cost_the_keys_that_only_the_copy_has(
    notes: Notes, clock: FakeClock
) -> None:
    fresh = _restored_from_before_the_second_key(notes, clock)
    restored = _keys(notes, clock)
    assert restored.newest(PLACE) == fresh, "the newest of both seals"
    assert restored.of(PLACE, fresh.id) == fresh
    assert fresh.id in (notes.marked(PLACE, COPY) or "")
    assert restored.copy_agrees(PLACE)


@pytest.mark.django_db
def test_a_key_that_is_taken_over_needs_no_older_key_of_the_ring(notes: Notes, clock: FakeClock) -> None:
    fresh = _restored_from_before_the_second_key(notes, clock)
    _keys(notes, clock, OLD, NEW).refresh_copy(PLACE)
    assert BucketKey.objects.get(id=fresh.id).ring_key_id == "two"


@pytest.mark.django_db
def test_a_key_in_the_copy_that_the_ring_does_not_open_seals_nothing_and_stays_there(
    notes: Notes, clock: FakeClock
) -> None:
    clock.advance(seconds=60)
    sealed_with_two = _keys(notes, clock, OLD, NEW).newest(PLACE)
    later = copy_of(_keys(notes, clock).records(PLACE.bucket_id))
    BucketKey.objects.all().delete()
    notes.mark(PLACE, COPY, None)
    clock.advance(seconds=-30)
    first = _keys(notes, clock).newest(PLACE)
    notes.mark(PLACE, COPY, later)
    restored = _keys(notes, clock)
    assert restored.newest(PLACE) == first
    assert BucketKey.objects.count() == 1
    assert {sealed_with_two.id, first.id} == {
        record.id for record in records_in(notes.marked(PLACE, COPY) or "")
    }
    assert restored.copy_agrees(PLACE)
    with pytest.raises(MissingKey, match="'two' is wanted"):
        restored.of(PLACE, sealed_with_two.id)
    assert restored.newest(PLACE) == first, "and what is asked for does not seal either"
    assert _keys(notes, clock, OLD, NEW).of(PLACE, sealed_with_two.id) == sealed_with_two


@pytest.mark.django_db
def test_a_key_that_is_nowhere_is_named(notes: Notes, clock: FakeClock) -> None:
    keys = _keys(notes, clock)
    keys.newest(PLACE)
    with pytest.raises(MissingBucketKey, match="0123456789abcdef"):
        keys.of(PLACE, "0123456789abcdef")
    with pytest.raises(MissingBucketKey):
        keys.of(OTHER, keys.newest(PLACE).id)


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["{", "[]", '{"version": 2, "keys": []}', '{"version": 1, "keys": [{}]}'])
def test_a_copy_that_is_no_copy_makes_no_second_key(notes: Notes, clock: FakeClock, text: str) -> None:
    notes.mark(PLACE, COPY, text)
    with pytest.raises(DamagedBody, match="copy of its bucket's keys"):
        _keys(notes, clock).newest(PLACE)
    assert not BucketKey.objects.exists()


@pytest.mark.django_db
def test_a_copy_of_another_bucket_gives_nothing(notes: Notes, clock: FakeClock) -> None:
    keys = _keys(notes, clock)
    strange = keys.newest(OTHER)
    notes.mark(PLACE, COPY, copy_of(keys.records(OTHER.bucket_id)))
    BucketKey.objects.all().delete()
    assert keys.newest(PLACE).id != strange.id
    with pytest.raises(MissingBucketKey):
        keys.of(PLACE, strange.id)


@pytest.mark.django_db
def test_a_copy_that_was_not_written_is_written_by_the_next_process_that_seals(
    notes: Notes, clock: FakeClock
) -> None:
    _keys(notes, clock).newest(PLACE)
    for lost in (None, "{}"):
        notes.mark(PLACE, COPY, lost)
        keys = _keys(notes, clock)
        assert not keys.copy_agrees(PLACE)
        keys.newest(PLACE)
        assert keys.copy_agrees(PLACE)


@pytest.mark.django_db
def test_a_new_life_of_the_place_gets_its_copy(notes: Notes, clock: FakeClock) -> None:
    keys = _keys(notes, clock)
    key = keys.newest(PLACE)
    again = Place(PLACE.bucket_id, PLACE.bucket, "second life")
    assert keys.newest(again) == key
    assert keys.copy_agrees(again)


@pytest.mark.django_db
def test_keys_that_nothing_needs_are_dropped_but_never_the_newest(notes: Notes, clock: FakeClock) -> None:
    keys = _keys(notes, clock)
    made = [keys.newest(PLACE)]
    for _ in range(2):
        clock.advance(seconds=1)
        made.append(keys.make_new(PLACE))
    assert keys.drop_unused(PLACE, {made[1].id}) == 1
    assert [record.id for record in keys.records(PLACE.bucket_id)] == [made[1].id, made[2].id]
    assert len(json.loads(notes.marked(PLACE, COPY) or "")["keys"]) == 2


@pytest.mark.django_db
def test_what_was_dropped_does_not_come_back_from_the_copy(notes: Notes, clock: FakeClock) -> None:
    keys = _keys(notes, clock)
    needed = keys.newest(PLACE).id
    clock.advance(seconds=1)
    keys.make_new(PLACE)
    bucket_keys.forget_bucket(PLACE.bucket_id, "local")
    assert keys.drop_unused(PLACE, {needed}) == 0, "there is no record"
    assert [record.id for record in keys.records(PLACE.bucket_id)] == [needed]
    bucket_keys.forget_bucket(PLACE.bucket_id, "local")
    keys.drop_unused(PLACE, ())
    assert not BucketKey.objects.exists()
    assert records_in(notes.marked(PLACE, COPY) or "") == []


@pytest.mark.django_db
def test_a_bucket_that_is_routed_to_a_place_of_another_name_keeps_its_keys(
    notes: Notes, clock: FakeClock
) -> None:
    keys = _keys(notes, clock)
    keys.newest(PLACE)
    row = Bucket.objects.create(
        id=PLACE.bucket_id,
        name="photos",
        owner_id="owner",
        created_ms=clock(),
        backend="local",
        place_id="disk",
        real_bucket="other-name",
        incarnation="new life",
    )
    notes.texts.clear()
    keys.forget(PLACE)
    assert BucketKey.objects.count() == 1
    keys.forget(Place(PLACE.bucket_id, row.real_bucket, row.incarnation))
    assert not BucketKey.objects.exists()


@pytest.mark.django_db
def test_what_a_gone_bucket_had_is_forgotten_on_that_backend_alone(notes: Notes, clock: FakeClock) -> None:
    for backend in ("local", "far"):
        _keys(notes, clock, backend=backend).newest(PLACE)
    bucket_keys.forget_bucket(PLACE.bucket_id, "local")
    assert [row.backend for row in BucketKey.objects.all()] == ["far"]


@pytest.mark.django_db
def test_the_keys_of_a_bucket_go_with_its_last_place(notes: Notes, clock: FakeClock) -> None:
    keys = _keys(notes, clock)
    keys.newest(PLACE)
    again = Place(PLACE.bucket_id, PLACE.bucket, "second life")
    keys.newest(again)
    del notes.texts[(PLACE, COPY)]
    keys.forget(PLACE)
    assert BucketKey.objects.count() == 1
    del notes.texts[(again, COPY)]
    keys.forget(again)
    assert not BucketKey.objects.exists()


class Keeper:
    """A process that has the keys of BUCKETS buckets."""

    def __init__(self, site: Site, *arguments: str) -> None:
        self.process = site.start("tests.proxy.bucket_keys_process", *arguments, **GATEWAY_ALONE)

    def tell(self, word: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()

    def hear(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()


def test_of_processes_that_make_keys_at_once_all_get_the_same(site: Site) -> None:
    keepers = [Keeper(site) for _ in range(3)]
    assert {keeper.hear() for keeper in keepers} == {"ready\n"}
    heard = []
    for word in ("newest", "make_new", "newest"):
        for keeper in keepers:
            keeper.tell(word)
        heard.append([json.loads(keeper.hear()) for keeper in keepers])
    before, _, after = heard
    assert before[0] == before[1] == before[2]
    assert after[0] == after[1] == after[2]
    assert len({key_id for key_id, _ in before[0] + after[0]}) == 2 * BUCKETS


def test_a_key_whose_maker_was_killed_before_it_was_copied_is_the_buckets_key(sqlite_site: Site) -> None:
    killed, other = Keeper(sqlite_site, "die"), Keeper(sqlite_site)
    assert killed.hear() == other.hear() == "ready\n"
    killed.tell("newest")
    (made,) = json.loads(killed.hear())["keys"]
    assert killed.process.wait(10) == -9
    other.tell("newest")
    assert json.loads(other.hear())[0][0] == made["id"]
