"""No version is replaced or removed while a retention or a legal hold keeps it."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from proxy.backends.base import Backend, ReaderBody
from proxy.backends.rules import weakens
from proxy.backends.values import (
    COMPLIANCE,
    GOVERNANCE,
    NULL_VERSION,
    UNLOCKED,
    Amendment,
    Deletion,
    Lock,
    NewObject,
    ObjectInfo,
    PartRequest,
    Place,
    UploadInfo,
)
from proxy.errors import ObjectLocked
from tests.bodies import Bytes, content
from tests.conftest import FakeClock
from tests.contracts.conftest import new_place

pytestmark = pytest.mark.asks("keeps_locks")

MINUTE = 60_000


def put(
    backend: Backend, place: Place, version: str, lock: Lock = UNLOCKED, data: bytes = b"x"
) -> ObjectInfo:
    return backend.put(place, NewObject("k", version_id=version, lock=lock), Bytes(data))


def removed(backend: Backend, place: Place, version: str, **how: Any) -> bool:
    """Whether it could be removed; what is refused says so by ObjectLocked and nothing else."""
    (done,) = backend.delete(place, [Deletion("k", version, **how)])
    assert isinstance(done, ObjectLocked | ObjectInfo)
    return isinstance(done, ObjectInfo)


@pytest.mark.parametrize(
    ("mode", "hold", "keeps", "keeps_on_bypass"),
    [
        (GOVERNANCE, False, True, False),
        (COMPLIANCE, False, True, True),
        (GOVERNANCE, True, True, True),
        ("", True, True, True),
        ("", False, False, False),
    ],
)
@pytest.mark.parametrize("current", [True, False])
def test_what_a_lock_keeps_from_removal_and_replacement(
    backend: Backend, place: Place, clock: FakeClock,
    mode: str, hold: bool, keeps: bool, keeps_on_bypass: bool, current: bool,
) -> None:  # fmt: skip
    lock = Lock(mode, clock() + MINUTE if mode else 0, hold)
    before = put(backend, place, "v1", lock)
    if not current:
        put(backend, place, "v2")
    assert backend.usage(place).locked == int(keeps)
    if keeps:
        with pytest.raises(ObjectLocked):
            put(backend, place, "v1", data=b"other")
        assert not removed(backend, place, "v1")
        assert not removed(backend, place, "v1", marker=True)
        if keeps_on_bypass:
            assert not removed(backend, place, "v1", bypass=True)
        assert backend.head(place, "k", "v1") == replace(before, latest=current)
        assert content(backend.open(place, "k", "v1")) == b"x"
    if not keeps_on_bypass:
        assert removed(backend, place, "v1", bypass=True)


@pytest.mark.parametrize("mode", [GOVERNANCE, COMPLIANCE])
def test_a_retention_that_has_lapsed_keeps_nothing(
    backend: Backend, place: Place, clock: FakeClock, mode: str
) -> None:
    put(backend, place, "v1", Lock(mode, clock() + MINUTE))
    clock.advance(ms=MINUTE - 1)
    assert backend.usage(place).locked == 1 and not removed(backend, place, "v1")
    clock.advance(ms=1)
    assert backend.usage(place).locked == 0 and removed(backend, place, "v1")


def test_a_locked_version_can_be_marked_and_followed_by_others(
    backend: Backend, place: Place, clock: FakeClock
) -> None:
    put(backend, place, "v1", Lock(COMPLIANCE, clock() + MINUTE))
    put(backend, place, "v2")
    assert removed(backend, place, "m1", marker=True)  # a marker of its own id
    assert content(backend.open(place, "k", "v1")) == b"x"
    assert backend.usage(place).locked == 1


def test_an_upload_cannot_replace_a_locked_version_and_stays_open(backend: Backend, place: Place) -> None:
    put(backend, place, NULL_VERSION, Lock(hold=True))
    backend.create_upload(place, UploadInfo("u", "k", 1))
    part = backend.put_part(place, "u", 1, Bytes(b"part"))
    with pytest.raises(ObjectLocked):
        backend.complete_upload(place, "u", [PartRequest(1, part.etag)])
    assert backend.list_parts(place, "u")[0] == (part,)
    assert content(backend.open(place, "k")) == b"x"


def test_only_what_is_locked_is_left_of_many_deletions(backend: Backend, place: Place) -> None:
    for number in range(6):
        put(backend, place, f"v{number}", Lock(hold=number % 2 == 0))
    done = backend.delete(place, [Deletion("k", f"v{number}") for number in range(6)])
    assert [type(one) for one in done] == [ObjectLocked, ObjectInfo] * 3
    assert [info.version_id for info in backend.list_versions(place).versions] == ["v4", "v2", "v0"]
    assert backend.head(place, "k").version_id == "v4"


# -- changing a lock -------------------------------------------------------------------------
EARLY, SET, LATE = 5 * MINUTE, 10 * MINUTE, 15 * MINUTE
WEAKENS = {
    # (old mode, new mode, new until): (without bypass, with it)
    (GOVERNANCE, GOVERNANCE, LATE): (False, False),
    (GOVERNANCE, GOVERNANCE, SET): (False, False),
    (GOVERNANCE, GOVERNANCE, EARLY): (True, False),
    (GOVERNANCE, COMPLIANCE, SET): (True, False),
    (GOVERNANCE, COMPLIANCE, LATE): (True, False),
    (GOVERNANCE, "", 0): (True, False),
    (COMPLIANCE, COMPLIANCE, LATE): (False, False),
    (COMPLIANCE, COMPLIANCE, SET): (False, False),
    (COMPLIANCE, COMPLIANCE, EARLY): (True, True),
    (COMPLIANCE, GOVERNANCE, LATE): (True, True),
    (COMPLIANCE, "", 0): (True, True),
    ("", GOVERNANCE, EARLY): (False, False),
    ("", COMPLIANCE, LATE): (False, False),
}


@pytest.mark.parametrize(("change", "expected"), WEAKENS.items())
def test_a_retention_is_never_weakened_unless_governance_is_bypassed(
    change: tuple[str, str, int], expected: tuple[bool, bool]
) -> None:
    old_mode, mode, until = change
    old = Lock(old_mode, SET if old_mode else 0)
    assert tuple(weakens(old, mode, until, 0, bypass=bypass) for bypass in (False, True)) == expected
    assert not weakens(old, mode, until, SET)  # once it has lapsed


@pytest.mark.parametrize("current", [True, False])
def test_an_amendment_changes_the_retention_in_place_or_not_at_all(
    backend: Backend, place: Place, clock: FakeClock, current: bool
) -> None:
    now = clock()
    for number, ((old_mode, mode, until), expected) in enumerate(WEAKENS.items()):
        old, version = Lock(old_mode, now + SET if old_mode else 0), f"v{number}"
        put(backend, place, version, old)
        if not current:
            put(backend, place, f"{version} is not the newest")
        seq = backend.head_seq(place)
        retention = (mode, now + until if mode else 0)
        for refused, bypass in zip(expected, (False, True), strict=True):
            if refused:
                change = Amendment({"a": "b"}, retention=retention, bypass=bypass)
                with pytest.raises(ObjectLocked):
                    backend.amend(place, "k", version, change)
                assert backend.head(place, "k", version).lock == old
                continue
            after = backend.amend(place, "k", version, Amendment(retention=retention, bypass=bypass))
            assert after == backend.head(place, "k", version) and after.lock == Lock(*retention)
        assert backend.head_seq(place) == seq and not backend.head(place, "k", version).tags


def test_a_hold_comes_and_goes_whatever_the_retention(
    backend: Backend, place: Place, clock: FakeClock
) -> None:
    until = clock() + MINUTE
    put(backend, place, "v1", Lock(COMPLIANCE, until))
    assert backend.amend(place, "k", "v1", Amendment(hold=True)).lock == Lock(COMPLIANCE, until, True)
    clock.advance(ms=MINUTE)
    assert not removed(backend, place, "v1") and backend.usage(place).locked == 1
    assert backend.amend(place, "k", "v1", Amendment(hold=False)).lock == Lock(COMPLIANCE, until)
    assert removed(backend, place, "v1")


# -- copies of locked versions -----------------------------------------------------------------
def test_a_locked_version_can_be_carried_twice_but_not_with_other_bytes_or_a_weaker_lock(
    make_backend: Any, clock: FakeClock
) -> None:
    source, target = make_backend(), make_backend()
    here, there = new_place(source), new_place(target)
    info = put(source, here, "v1", Lock(COMPLIANCE, clock() + MINUTE, True))
    for _ in range(2):
        with source.open(here, "k", "v1") as reader:
            target.put(there, NewObject.copy_of(info), ReaderBody(reader))
    weaker = [UNLOCKED, Lock(COMPLIANCE, clock() + 1, True), replace(info.lock, hold=False)]
    for lock in weaker:
        with pytest.raises(ObjectLocked):
            target.put(there, NewObject.copy_of(replace(info, lock=lock)), Bytes(b"x"))
    other = replace(info, etag="9" * 32 + "-1")
    with pytest.raises(ObjectLocked):
        target.put(there, NewObject.copy_of(other), Bytes(b"y"))
    assert replace(target.head(there, "k"), seq=0) == replace(info, seq=0)


# -- places ------------------------------------------------------------------------------------
@pytest.mark.parametrize(("force", "unserved"), list(itertools.product([True, False], repeat=2)))
def test_a_place_with_a_locked_version_stays_unless_no_client_was_ever_served_from_it(
    backend: Backend, place: Place, force: bool, unserved: bool
) -> None:
    put(backend, place, "v1", Lock(hold=True))
    put(backend, place, "v2")
    if force and unserved:
        backend.delete_bucket(place, force=True, unserved=True)
        assert backend.places(place.bucket) == ()
        return
    error = pytest.raises(ObjectLocked) if force else pytest.raises(Exception, match="not empty")
    with error:
        backend.delete_bucket(place, force=force, unserved=unserved)
    assert content(backend.open(place, "k", "v1")) == b"x"
    put(backend, place, "v3")  # and it still takes writes
