"""A bucket is copied while clients write to it: whatever they write, both sides are equal at the flip."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest

from jobs.errors import JobFailed, PrecopyImpossible
from jobs.kinds.migration import catching_up
from proxy import routes
from proxy.backends.filesystem import transaction
from proxy.backends.memory import place as memory
from proxy.backends.values import Amendment, Deletion
from proxy.bucket_settings import ENABLED
from proxy.errors import NoSuchBucket
from proxy.records import change_settings, find_bucket
from proxy.store import Store
from tests.jobs.kinds.conftest import every_pair
from tests.jobs.kinds.driving import Drive, Killed
from tests.jobs.kinds.migrating import job, staged
from tests.jobs.kinds.world import KIB, contents, fill, fill_versions, make_bucket, noise, open_upload, put
from tests.jobs.kinds.writing import Writer

pytestmark = pytest.mark.usefixtures("backends")

OPEN, GATED = ("prepare", "precopy", "prove"), ("delta", "compare")


@pytest.fixture(autouse=True)
def few_changes_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catching_up, "FEW", 2)


def _bucket() -> Store:
    store = Store.at(make_bucket("photos").route)
    fill(store)
    fill_versions(store)
    return store


def _precopy(happens: Any = lambda event: None, **params: Any) -> Drive:
    return job(happens=happens, precopy=True, **params)


def _moved(drive: Drive, source: Store) -> None:
    """The job ends well, and the target is what the source was when the gate closed."""
    drive.run(until="flip")
    before = contents(source.route)
    drive.happens = lambda event: None
    drive.run()
    moved = find_bucket("photos").route
    assert moved.backend == "there"
    assert contents(moved) == before
    assert contents(source.route) == before


@every_pair
def test_a_bucket_to_which_nobody_writes_arrives_as_it_was() -> None:
    source = _bucket()
    _moved(_precopy(), source)


@pytest.mark.parametrize("seed", range(3))
def test_whatever_clients_write_meanwhile_both_sides_are_equal_at_the_flip(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, writer = _bucket(), Writer("photos", seed)
    writer.between_reads(monkeypatch)
    _moved(_precopy(writer), source)
    assert len(writer.done) > 50


@pytest.mark.parametrize("seed", range(2))
def test_killed_again_and_again_under_a_writer_it_comes_to_the_same_end(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, writer, rng = _bucket(), Writer("photos", seed), random.Random(seed)
    writer.between_reads(monkeypatch)
    drive, kills = _precopy(), 0

    def happens(event: str) -> None:
        nonlocal kills
        writer(event)
        if kills < 60 and rng.random() < 0.08:
            kills += 1
            raise Killed

    while drive.saved.phase != "flip":
        drive = Drive(drive.kind, drive.saved, happens)
        try:
            drive.run(until="flip")
        except Killed:
            continue
    assert kills > 20
    _moved(Drive(drive.kind, drive.saved), source)


def test_the_gate_is_open_until_little_is_left_and_closed_from_then_on() -> None:
    _bucket()
    seen: dict[str, set[bool]] = {}
    drive = _precopy()

    def look(event: str) -> None:
        if event == "page":
            seen.setdefault(drive.saved.phase, set()).add(find_bucket("photos").gate.closed)

    drive.happens = look
    drive.run(until="flip")
    assert seen == {phase: {False} for phase in OPEN} | {phase: {True} for phase in GATED}


def test_behind_the_gate_only_what_changed_last_is_read_again() -> None:
    """No body moves and none is read there, unless it was written since the feed was followed."""
    source = _bucket()
    drive = _precopy()
    drive.run(until="delta")
    put(source, "late", noise(50, 500))
    opened: list[str] = []
    backend = routes.backend("there")
    real = backend.open

    def watched(place: Any, key: str, version: str = "") -> Any:
        opened.append(key)
        return real(place, key, version)

    backend.open = watched  # type: ignore[method-assign]
    drive.run(until="flip")
    assert set(opened) == {"late"}


# -- what must be found out ------------------------------------------------------------------------


@pytest.mark.parametrize("phase", ["prove", "delta"])
def test_a_copy_that_rots_before_it_was_proved_fails_the_job(phase: str) -> None:
    source = _bucket()
    drive = _precopy()
    drive.run(until="prove")
    target = Store.at(staged(drive))
    if phase == "delta":
        drive.run(until="delta")
        put(source, "late", noise(51, 100))
        _lie_about(target, "late")
    else:
        _lie_about(target, "plain")
    with pytest.raises(JobFailed) as failed:
        drive.run()
    assert failed.value.code == "VerificationFailed"
    assert find_bucket("photos").route.backend == "here"


def _lie_about(target: Store, wrong: str) -> None:
    """From now on the target gives back other bytes of a key than were written."""
    backend = target.backend
    real = backend.open

    def lying(place: Any, key: str, version: str = "") -> Any:
        reader = real(place, key, version)
        if key == wrong:
            reader.read = lambda start, end: iter([b"x" * (end - start)])
        return reader

    backend.open = lying  # type: ignore[method-assign]


def test_what_the_target_has_too_much_or_too_little_fails_the_comparison() -> None:
    for number, spoil in enumerate(
        (
            lambda target: put(target, "too much"),
            lambda target: target.delete(Deletion("plain")),
            lambda target: open_upload(target, "too much", "k", {}),
        )
    ):
        source = Store.at(make_bucket(f"photos-{number}").route)
        fill(source)
        drive = job(f"photos-{number}", precopy=True)
        drive.run(until="compare")
        spoil(Store.at(staged(drive)))
        with pytest.raises(JobFailed) as failed:
            drive.run()
        assert failed.value.code == "VerificationFailed"


def test_who_writes_behind_the_closed_gate_fails_the_job() -> None:
    source = _bucket()
    drive = _precopy()
    drive.run(until="compare")
    put(source, "behind", b"x")
    with pytest.raises(JobFailed):
        drive.run()
    assert find_bucket("photos").route.backend == "here"


def test_the_unwinding_removes_what_was_staged_and_touches_nothing_else() -> None:
    for phase in ("precopy", "prove", "delta", "compare", "flip"):
        name = f"photos-{phase}"
        source = Store.at(make_bucket(name).route)
        fill(source)
        before = contents(source.route)
        drive = job(name, precopy=True)
        drive.run(until=phase)
        drive.unwind()
        assert contents(source.route) == before
        assert routes.backend("there").places(name) == ()


def test_a_bucket_that_its_owner_deletes_meanwhile_leaves_nothing_on_the_target() -> None:
    source = Store.at(make_bucket("photos").route)
    drive = _precopy()
    drive.run(until="precopy")
    source.backend.delete_bucket(source.place)
    with pytest.raises(NoSuchBucket):
        drive.run()
    drive.unwind()
    assert routes.backend("there").places("photos") == ()


# -- a feed that is lost ---------------------------------------------------------------------------


@pytest.fixture
def short_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that keeps twenty changes."""
    monkeypatch.setattr(transaction, "LOG_ROWS", 20)
    monkeypatch.setattr(transaction, "LOG_TRIM", 1)
    monkeypatch.setattr(memory, "LOG_ROWS", 20)


def _storm(source: Store, number: int = 30) -> None:
    """More changes than the log keeps: one is a removal, one a change that no listing tells."""
    source.delete(Deletion("z z+%"))
    source.amend("empty", "", Amendment(tags={"stormy": "yes"}))
    for each in range(number):
        put(source, f"storm-{each % 7}", noise(each, 100))


@pytest.mark.usefixtures("short_log")
@pytest.mark.parametrize("phase", ["precopy", "prove", "delta"])
def test_if_the_feed_is_lost_everything_is_copied_and_proved_anew(phase: str) -> None:
    source = _bucket()
    drive = _precopy()
    drive.run(until=phase)
    _storm(source)
    _moved(drive, source)


@pytest.mark.usefixtures("short_log")
def test_if_it_is_lost_again_and_again_the_closed_gate_must_do() -> None:
    source = _bucket()
    drive = _precopy()
    drive.run(until="precopy")
    count = itertools.count()

    def storm(event: str) -> None:
        if event == "checkpoint" and not find_bucket("photos").gate.closed:
            for _ in range(25):
                put(source, f"storm-{next(count) % 5}", b"again")

    drive.happens = storm
    _moved(drive, source)
    assert next(count) > 100


# -- refused -----------------------------------------------------------------------------------------


def test_a_bucket_whose_changes_leave_no_trace_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    _bucket()
    monkeypatch.setattr(type(routes.backend("here")), "feeds_changes", False)
    with pytest.raises(PrecopyImpossible) as refused:
        _precopy()
    assert (refused.value.status, refused.value.code) == (400, "PrecopyImpossible")
    plan = job().kind.plan(find_bucket("photos"), {"target_backend": "there"})
    assert "pause_s_precopy" not in plan.preview
    assert any("cannot be copied while clients write" in note for note in plan.preview["notes"])


def test_a_bucket_with_object_lock_is_refused() -> None:
    change_settings(make_bucket("photos"), object_lock=True, versioning=ENABLED)
    with pytest.raises(PrecopyImpossible):
        _precopy()


def test_locks_that_come_meanwhile_move_too() -> None:
    """Retention leaves no trace in the feed: everything is compared and copied once more."""
    source = _bucket()
    drive = _precopy()
    drive.run(until="prove")
    source.amend("plain", "", Amendment(hold=True))
    change_settings(find_bucket("photos"), object_lock=True, versioning=ENABLED)
    _moved(drive, source)


def test_the_preview_says_how_long_writes_pause_either_way() -> None:
    store = _bucket()
    put(store, "more", noise(60, 300 * KIB))
    plain = job().kind.plan(find_bucket("photos"), {"target_backend": "there"})
    early = job().kind.plan(find_bucket("photos"), {"target_backend": "there", "precopy": True})
    for plan, own in ((plain, "pause_s_default"), (early, "pause_s_precopy")):
        assert plan.preview["pause_s"] == plan.preview[own]
        assert {"pause_s_default", "pause_s_precopy"} <= set(plan.preview)
    assert (plain.mode, early.mode) == ("", "precopy")
    assert any("while clients write" in note for note in early.preview["notes"])


@pytest.mark.parametrize(
    ("left", "before", "number", "enough"),
    [
        (2, None, 1, True),
        (3, None, 1, False),
        (400, 1000, 2, False),
        (900, 1000, 2, False),
        (901, 1000, 2, True),
        (3, 1000, 50, False),
        (3, 1000, 51, True),
    ],
)
def test_the_feed_is_followed_while_that_leaves_less(
    left: int, before: int | None, number: int, enough: bool
) -> None:
    assert catching_up.is_enough(left, before, number) is enough
