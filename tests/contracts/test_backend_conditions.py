"""What every backend promises about conditions, and about writers that meet."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from proxy.backends.base import Backend
from proxy.backends.values import (
    Deletion,
    ObjectInfo,
    Place,
    Precondition,
)
from proxy.errors import (
    NoSuchKey,
    PreconditionFailed,
    S3Error,
)
from tests.bodies import content, noise
from tests.contracts.test_backends import md5, put

OLD = md5(b"old")
AT_IT, BEFORE_IT = 1, -2
CONDITIONS = [
    (Precondition(), None, None),
    (Precondition(absent=True), PreconditionFailed, None),
    (Precondition(etags=(OLD,)), None, NoSuchKey),
    (Precondition(etags=("*",)), None, NoSuchKey),
    (Precondition(etags=("0" * 32,)), PreconditionFailed, NoSuchKey),
    (Precondition(etags=("0" * 32, OLD)), None, NoSuchKey),
    (Precondition(none_of=(OLD,)), PreconditionFailed, None),
    (Precondition(none_of=("0" * 32,)), None, None),
    (Precondition(seq_at_most=AT_IT), None, None),
    (Precondition(seq_at_most=BEFORE_IT), PreconditionFailed, None),
]


def _bound_by(when: Precondition, info: ObjectInfo) -> Precondition:
    """A bound at what was put, or before it: a service may say the time of it a second later or earlier."""
    if when.seq_at_most is None:
        return when
    return replace(when, seq_at_most=info.seq + 1000 * when.seq_at_most)


@pytest.mark.parametrize(("when", "present", "absent"), CONDITIONS)
@pytest.mark.parametrize("size", [10, 100_000])
def test_a_put_happens_only_if_its_condition_holds(
    backend: Backend,
    place: Place,
    when: Precondition,
    present: type[S3Error] | None,
    absent: type[S3Error] | None,
    size: int,
) -> None:
    when = _bound_by(when, put(backend, place, "there", b"old"))
    for key, error in (("there", present), ("not there", absent)):
        if error is None:
            put(backend, place, key, noise(size), when)
            assert backend.head(place, key).size == size
            continue
        with pytest.raises(error):
            put(backend, place, key, noise(size), when)
    if present is not None:
        assert content(backend.open(place, "there")) == b"old"


@pytest.mark.parametrize(("when", "present", "absent"), CONDITIONS)
def test_a_delete_happens_only_if_its_condition_holds(
    backend: Backend,
    place: Place,
    when: Precondition,
    present: type[S3Error] | None,
    absent: type[S3Error] | None,
) -> None:
    when = _bound_by(when, put(backend, place, "there", b"old"))
    for key, error in (("there", present), ("not there", absent)):
        (done,) = backend.delete(place, [Deletion(key, when=when)])
        assert type(done) is error if error else not isinstance(done, S3Error)
    assert backend.usage(place).keys == (0 if present is None else 1)


def test_of_many_threads_that_create_a_key_only_one_wins(backend: Backend, place: Place) -> None:
    def create(number: int) -> bool:
        try:
            put(backend, place, "k", str(number).encode(), Precondition(absent=True))
        except PreconditionFailed:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        won = list(pool.map(create, range(64)))
    assert won.count(True) == 1
    assert content(backend.open(place, "k")) == str(won.index(True)).encode()


@pytest.mark.asks("counts_changes")
def test_threads_that_replace_each_other_each_take_a_seq(backend: Backend, place: Place) -> None:
    start = backend.head_seq(place)
    with ThreadPoolExecutor(8) as pool:
        seqs = list(pool.map(lambda n: put(backend, place, f"k{n % 4}", noise(n)).seq, range(80)))
    assert sorted(seqs) == list(range(start + 1, start + 81))
    assert backend.usage(place).keys == 4
