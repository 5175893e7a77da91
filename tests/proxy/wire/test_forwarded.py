"""What a proxy says of its client is believed as far as it comes from our proxies."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.wire.forwarded import client_behind, is_loopback, is_within, scheme_behind

PROXIES = (ip_network("10.0.0.0/8"), ip_network("::1"), ip_network("2001:db8::/32"))


@pytest.mark.parametrize(
    ("peer", "headers", "client"),
    [
        ("10.0.0.1", ["192.0.2.7"], "192.0.2.7"),
        ("10.0.0.1", ["192.0.2.9, 192.0.2.7"], "192.0.2.7"),
        ("10.0.0.1", ["192.0.2.7, 10.1.1.1"], "192.0.2.7"),
        ("10.0.0.1", ["192.0.2.9", "192.0.2.7", "10.1.1.1"], "192.0.2.7"),
        ("10.0.0.1", ["10.2.2.2, 10.1.1.1"], "10.2.2.2"),
        ("10.0.0.1", ["192.0.2.7:4711"], "192.0.2.7"),
        ("::1", ["[2001:db9::7]:4711"], "2001:db9::7"),
        ("::ffff:10.0.0.1", ["192.0.2.7"], "192.0.2.7"),
        ("10.0.0.1", ["192.0.2.7, unknown"], "10.0.0.1"),
        ("10.0.0.1", ["192.0.2.7, unknown, 10.1.1.1"], "10.1.1.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("192.0.2.1", ["192.0.2.7"], "192.0.2.1"),
        ("", ["192.0.2.7"], ""),
    ],
)
def test_the_client_is_the_nearest_that_is_no_proxy(peer: str, headers: list[str], client: str) -> None:
    assert client_behind(peer, headers, PROXIES) == client


def test_the_scheme_is_what_the_nearest_proxy_says() -> None:
    assert scheme_behind("http", ["https"]) == "https"
    assert scheme_behind("https", ["https, http"]) == "http"
    assert scheme_behind("http", ["gopher"]) == "http"
    assert scheme_behind("http", []) == "http"


@given(st.lists(st.text(max_size=60), max_size=4))
def test_whatever_is_said_there_is_an_answer(headers: list[str]) -> None:
    assert client_behind("10.0.0.1", headers, PROXIES)
    assert not is_within("".join(headers), ()) and scheme_behind("http", headers) in ("http", "https")


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"])
def test_loopback_is_this_host(address: str) -> None:
    assert is_loopback(address)


@pytest.mark.parametrize("address", ["10.0.0.1", "128.0.0.1", "::2", "", "localhost"])
def test_other_addresses_are_not_this_host(address: str) -> None:
    assert not is_loopback(address)
