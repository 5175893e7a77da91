"""A replica has its source's facts and gets what any write to its bucket gets; copies keep their terms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from jobs.kinds.replicas.copying import copy_object, delete_object
from jobs.kinds.replicas.pacing import Pacing, Throttle
from jobs.kinds.replicas.target import NOTHING, Seen, Target
from proxy.backends.values import PIECE_BYTES, Lock
from proxy.bucket_settings import ENABLED
from proxy.errors import KeyTooLongError, NoSuchKey, PreconditionFailed, RequestTimeout
from proxy.records import change_settings, find_bucket
from tests.jobs.kinds.conftest import storage
from tests.jobs.kinds.encrypting import SEALED, modes, ring
from tests.jobs.kinds.replicating import DESTINATION, Rule, content, copied, facts, rule
from tests.jobs.kinds.world import KIB, MIB, NOW_MS, fill, keys, noise, put, versions

pytestmark = pytest.mark.django_db


@dataclass
class Timer:
    """A clock that goes on only while somebody sleeps, or is told to."""

    now: float = 100.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept.append(seconds)


def pacing(timer: Timer | None = None, **terms: Any) -> Pacing:
    timer = timer or Timer()
    return Pacing(lambda: None, monotonic=timer, sleep=timer.sleep, **terms)


def target() -> Target:
    return Target.of(find_bucket(DESTINATION))


def copy(mirror: Rule, key: str, seen: Seen = NOTHING, terms: Pacing | None = None) -> Any:
    with mirror.source.open(key) as reader:
        return copy_object(reader, target(), key, seen, terms or pacing(), NOW_MS)


# -- what a replica is ----------------------------------------------------------------------------


def test_a_replica_gets_the_owner_lock_and_version_of_any_write_to_its_bucket(
    backends: tuple[str, str],
) -> None:
    mirror = rule()
    settings = {"versioning": ENABLED, "object_lock": True, "lock_mode": "GOVERNANCE", "lock_days": 2}
    change_settings(find_bucket(DESTINATION), **settings)
    put(mirror.source, "k", b"x", acl="an acl", lock=Lock(hold=True), version_id="v-1", tags={"a": "b"})
    made = [copy(mirror, "k").made]
    put(mirror.source, "k", b"y", version_id="v-2")
    made.append(copy(mirror, "k", Seen(target().look("k"))).made)
    for info in made:
        assert info.owner_id == find_bucket(DESTINATION).owner_id and info.acl == ""
        assert info.lock == Lock("GOVERNANCE", NOW_MS + 2 * 24 * 3600 * 1000)
    ids = [version.version_id for version in versions(mirror.destination)]
    assert len(set(ids)) == 2 and not {"null", "v-1", "v-2"} & set(ids)
    assert facts(mirror.destination.head("k")) == facts(mirror.source.head("k"))


def test_a_copy_takes_place_only_while_the_destination_is_as_it_was_seen(backends: tuple[str, str]) -> None:
    mirror = rule()
    put(mirror.source, "k", b"ours")
    put(mirror.destination, "k", b"theirs")
    seen = Seen(target().look("k"))
    with pytest.raises(PreconditionFailed):
        copy(mirror, "k")
    put(mirror.destination, "k", b"changed meanwhile")
    with pytest.raises(PreconditionFailed):
        copy(mirror, "k", seen)
    delete_object(target(), "k", Seen(target().look("k")))
    with pytest.raises(NoSuchKey):
        copy(mirror, "k", seen)
    assert keys(mirror.destination) == []


def test_what_changed_at_the_destination_is_not_deleted(backends: tuple[str, str]) -> None:
    mirror = rule()
    put(mirror.destination, "k", b"theirs")
    seen = Seen(target().look("k"))
    put(mirror.destination, "k", b"changed meanwhile")
    with pytest.raises(PreconditionFailed):
        delete_object(target(), "k", seen)
    assert keys(mirror.destination) == ["k"]


def test_in_a_bucket_that_keeps_versions_a_delete_marker_is_made(backends: tuple[str, str]) -> None:
    mirror = rule()
    change_settings(find_bucket(DESTINATION), versioning=ENABLED)
    put(mirror.destination, "k", b"theirs")
    delete_object(target(), "k", Seen(target().look("k")))
    assert keys(mirror.destination) == [] and len(versions(mirror.destination)) == 2


def test_a_key_that_is_too_long_there_is_refused(backends: tuple[str, str]) -> None:
    mirror = rule(destination={"bucket": DESTINATION, "prefix": "p" * 500})
    put(mirror.source, "k" * 525)
    with pytest.raises(KeyTooLongError):
        mirror.run()
    assert keys(mirror.destination) == []


SEALING = [("none", SEALED), (SEALED, "none"), (SEALED, SEALED)]


@pytest.fixture(params=SEALING, ids=" to ".join)
def sealing(
    request: pytest.FixtureRequest, settings: Any, tmp_path: Path, db: None
) -> Iterator[tuple[str, str]]:
    """How the two sides are sealed."""
    found = storage("filesystem", "filesystem", tmp_path)
    for name, mode in zip(("here", "there"), request.param, strict=True):
        keyed = ring(f"key of {name}") if mode == SEALED else []
        found["backends"][name]["encryption"] = {"mode": mode, "keys": keyed, "kms_key_id": None}
    settings.STORAGE = found
    yield request.param


def test_bodies_are_sealed_as_the_destination_says(sealing: tuple[str, str]) -> None:
    mirror = rule()
    fill(mirror.source)
    assert copied(mirror.run()) == len(keys(mirror.source))
    assert content(mirror.destination) == content(mirror.source)
    assert set(modes(mirror.destination.route)) == {sealing[1]}
    assert copied(mirror.run()) == 0


# -- the terms of copies ---------------------------------------------------------------------------


def test_a_throttle_gives_so_many_bytes_per_second_and_nothing_ahead() -> None:
    timer = Timer()
    throttle = Throttle(1000, timer)
    waits = []
    for _ in range(10):
        wait_s = throttle.take(500)
        waits.append(wait_s)
        timer.now += wait_s
    assert timer.now - 100.0 == pytest.approx(5.0)
    assert waits == [pytest.approx(0.5)] * 10


def test_a_throttle_that_rested_holds_one_second_and_no_more() -> None:
    timer = Timer()
    throttle = Throttle(1000, timer)
    timer.now += 3600
    assert throttle.take(1000) == 0
    assert throttle.take(1000) == pytest.approx(1.0)


def test_all_of_a_body_is_paced_and_none_of_it_twice() -> None:
    timer = Timer()
    pace = pacing(timer, throttle=Throttle(MIB, timer)).begin(3 * MIB + 17)
    for _ in range(-(-(3 * MIB + 17) // PIECE_BYTES)):
        pace()
    assert pace.moved == 3 * MIB + 17
    assert sum(timer.slept) == pytest.approx((3 * MIB + 17) / MIB)


def test_while_it_waits_for_its_turn_a_copy_hears_that_it_must_stop() -> None:
    class Stop(Exception):
        pass

    timer, heard = Timer(), []

    def pulse() -> None:
        heard.append(timer.now)
        if len(heard) > 3:
            raise Stop

    pace = Pacing(pulse, None, Throttle(1, timer), timer, timer.sleep).begin(1000)
    with pytest.raises(Stop):
        pace()
    assert timer.now < 102


def test_an_object_that_takes_too_long_times_out_but_not_for_the_throttles_time() -> None:
    timer = Timer()
    slow = pacing(timer, timeout_s=10).begin(3 * MIB)
    slow()
    timer.now += 11
    with pytest.raises(RequestTimeout, match="10 seconds"):
        slow()
    timer = Timer()
    paced = pacing(timer, timeout_s=10, throttle=Throttle(MIB // 60, timer)).begin(3 * MIB)
    for _ in range(3):
        paced()
    assert timer.now - 100 > 170


def test_what_is_linked_moves_no_bytes_and_is_not_paced(settings: Any, tmp_path: Path) -> None:
    settings.STORAGE = storage("filesystem", "filesystem", tmp_path)
    mirror, timer = rule(), Timer()
    put(mirror.source, "k", noise(1, 200 * KIB))
    done = copy(mirror, "k", terms=pacing(timer, throttle=Throttle(1, timer)))
    assert (done.moved, timer.slept) == (0, [])


def test_what_comes_through_here_is_counted(settings: Any, tmp_path: Path) -> None:
    settings.STORAGE = storage("filesystem", "memory", tmp_path)
    mirror = rule()
    put(mirror.source, "k", noise(1, 200 * KIB))
    assert copy(mirror, "k").moved == 200 * KIB
