"""What a proxy says of the client behind it: address and scheme. Pure.

Sources: RFC 7239, 5 (the order of the parameters, which X-Forwarded-For shares) and 8.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network
Networks = tuple[Network, ...]


@lru_cache(maxsize=4096)
def is_within(address: str, networks: Networks) -> bool:
    """Whether an address is in one of the networks; what is no address is in none."""
    found = _address(address)
    return found is not None and any(found in network for network in networks)


_THIS_HOST: Networks = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


def is_loopback(address: str) -> bool:
    """Whether it is this host's own, on which nobody can listen in."""
    return is_within(address, _THIS_HOST)


def client_behind(peer: str, forwarded_for: Sequence[str], proxies: Networks) -> str:
    """Who sent a request that came from `peer`: the nearest address that is not a proxy of ours.

    `forwarded_for` are the X-Forwarded-For headers in order. Each proxy adds who it heard from at
    the end, so whatever stands before an address that is not ours could be anybody's invention.
    """
    client = peer
    entries = [entry for header in forwarded_for for entry in header.split(",")]
    while entries and is_within(client, proxies):
        said = _without_port(entries.pop().strip())
        if _address(said) is None:
            break
        client = said
    return client


def scheme_behind(scheme: str, forwarded_proto: Sequence[str]) -> str:
    """The scheme that the nearest proxy was asked by, `scheme` if it says none."""
    said = forwarded_proto[-1].rpartition(",")[2].strip().lower() if forwarded_proto else ""
    return said if said in ("http", "https") else scheme


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


def _without_port(text: str) -> str:
    """`1.2.3.4:80` and `[::1]:80` as some proxies write them."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text
