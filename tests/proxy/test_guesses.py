"""Wrong signatures are counted by key and address, and too many of them are not even looked at."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from proxy import guesses
from proxy.errors import SlowDown
from tests.proxy.test_identity import _process
from tests.sites import Site

NOW = 1_000_000_000.0
BUCKET = guesses.bucket_name("SGALICE", "192.0.2.1")


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing of another test is counted, and nothing goes to a database."""
    guesses._buckets.clear()
    monkeypatch.setattr(guesses, "later", lambda note: True)
    yield
    guesses._buckets.clear()


def _fail(times: int, name: str = BUCKET, now: float = NOW) -> None:
    for _ in range(times):
        guesses.check(name, now)
        guesses.failed(name, now)


def test_the_hundred_and_first_at_once_is_refused_and_told_when_to_come_again() -> None:
    _fail(guesses.BURST)
    with pytest.raises(SlowDown) as caught:
        guesses.check(BUCKET, NOW)
    assert (caught.value.status, caught.value.headers["Retry-After"]) == (503, "1")


def test_a_hundred_a_minute_come_back() -> None:
    _fail(guesses.BURST)
    _fail(1, now=NOW + 0.61)
    with pytest.raises(SlowDown):
        guesses.check(BUCKET, NOW + 0.61)
    _fail(guesses.BURST, now=NOW + 61)


def test_a_clock_that_was_set_back_gives_nothing_away() -> None:
    _fail(guesses.BURST)
    with pytest.raises(SlowDown):
        guesses.check(BUCKET, NOW - 3600)


def test_a_right_signature_makes_all_of_it_forgotten() -> None:
    _fail(guesses.BURST - 1)
    guesses.forgive(BUCKET)
    _fail(guesses.BURST)


@pytest.mark.parametrize(
    ("access_key", "address"),
    [("SGALICE", "192.0.2.2"), ("SGBOB", "192.0.2.1"), ("", "192.0.2.1")],
)
def test_other_keys_and_other_addresses_are_not_refused(access_key: str, address: str) -> None:
    _fail(guesses.BURST)
    guesses.check(guesses.bucket_name(access_key, address), NOW)


def test_one_network_of_ipv6_is_one_address_and_a_mapped_one_is_that_of_ipv4() -> None:
    def name(address: str) -> str:
        return guesses.bucket_name("K", address)

    assert name("2001:db8::1") == name("2001:db8:0:0:ffff::2") != name("2001:db8:0:1::1")
    assert name("::ffff:192.0.2.1") == name("192.0.2.1")
    assert name("") == "K " and name("x" * 1000) == "K " + "x" * 64


def test_a_flood_of_addresses_takes_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guesses, "MOST_BUCKETS", 10)
    for number in range(100):
        guesses.failed(guesses.bucket_name("K", f"192.0.2.{number}"), NOW)
    assert list(guesses._buckets) == [f"K 192.0.2.{number}" for number in range(90, 100)]


def test_processes_learn_of_each_other_at_their_own_failures(site: Site) -> None:
    one, two = _process(site), _process(site)
    two.call("fail", bucket=guesses.bucket_name("", "192.0.2.9"), times=1, now=NOW - 3600)
    one.call("fail", bucket=BUCKET, times=60, now=NOW)
    two.call("fail", bucket=BUCKET, times=39, now=NOW)
    assert two.call("limited", bucket=BUCKET, now=NOW) == 0
    one.call("fail", bucket=BUCKET, times=1, now=NOW)
    assert one.call("limited", bucket=BUCKET, now=NOW) == 1
    assert two.call("limited", bucket=BUCKET, now=NOW) == 0, "it has not failed since"
    two.call("fail", bucket=BUCKET, times=1, now=NOW)
    assert two.call("limited", bucket=BUCKET, now=NOW) == 2
    assert two.call("limited", bucket=BUCKET, now=NOW + 2) == 0
    assert one.call("rows") == [BUCKET], "what is an hour old is gone"
    one.call("forgive", bucket=BUCKET)
    assert one.call("rows") == []
