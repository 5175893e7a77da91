"""Which side of the door a request goes to, and as whose."""

from __future__ import annotations

import asyncio
from ipaddress import ip_network
from typing import Any

import pytest

from proxy.door import Door

PROXIES = (ip_network("10.0.0.0/8"),)


def console_saw(peer: str, *headers: tuple[bytes, bytes]) -> dict[str, Any]:
    """The scope with which the console is asked, if it is."""
    seen: list[dict[str, Any]] = []

    async def console(scope: dict[str, Any], receive: Any, send: Any) -> None:
        seen.append(scope)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def ask() -> None:
        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            return None

        scope = {
            "type": "http",
            "method": "GET",
            "scheme": "http",
            "path": "/_/",
            "raw_path": b"/_/",
            "query_string": b"",
            "headers": list(headers),
            "client": (peer, 4711),
        }
        await Door(console)(scope, receive, send)

    asyncio.run(ask())
    return seen[0]


BEHIND = ((b"x-forwarded-for", b"192.0.2.7"), (b"x-forwarded-proto", b"https"))


def test_the_console_sees_the_client_behind_our_proxy(settings: Any) -> None:
    settings.TRUSTED_PROXIES = PROXIES
    seen = console_saw("10.1.2.3", *BEHIND)
    assert (seen["client"][0], seen["scheme"]) == ("192.0.2.7", "https")


@pytest.mark.parametrize("proxies", [PROXIES, ()])
def test_nobody_else_is_believed(settings: Any, proxies: Any) -> None:
    settings.TRUSTED_PROXIES = proxies
    seen = console_saw("192.0.2.1", *BEHIND)
    assert (seen["client"], seen["scheme"]) == (("192.0.2.1", 4711), "http")
