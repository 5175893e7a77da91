"""Who guesses secrets is soon not listened to; who does not is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.s3 import raw
from tests.s3.errors import refused
from tests.s3.server import Server

BURST = 100


@pytest.fixture
def guessed(s3_server: Server) -> Server:
    """The server, as somebody sees it who has a key of whom others guess the secret."""
    made = json.loads(s3_server.manage("keys", "create", "guessed", "--json"))
    return Server(
        s3_server.home, access_key=made["access_key"], secret_key=made["secret_key"], port=s3_server.port
    )


def _metric(server: Server, reason: str) -> float:
    text = raw.ask_unsigned(server, b"GET /_/metrics HTTP/1.1\r\nHost: x\r\n\r\n").body.decode()
    name = f'sluicegate_auth_failures_total{{reason="{reason}"}} '
    return sum(float(line.removeprefix(name)) for line in text.splitlines() if line.startswith(name))


def test_a_hundred_wrong_signatures_are_enough(guessed: Server, s3: Any) -> None:
    signed = _metric(guessed, "signature")
    codes: list[str] = []
    for _ in range(4 * BURST):
        answer = raw.ask(guessed, "GET", "/", secret="wrong-secret")
        codes.append(answer.code)
        if codes.count("SlowDown") > 10:
            break
    looked_at = codes.count("SignatureDoesNotMatch")
    assert BURST <= looked_at < 2 * BURST, "each worker learns of the other at its own failures"
    assert (answer.status, answer.code) == (503, "SlowDown")
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert _metric(guessed, "signature") == signed + looked_at
    assert _metric(guessed, "limited") > 0
    limited = raw.ask(guessed, "GET", "/")
    assert limited.code == "SlowDown" or limited.status == 200, "the signature is right, and not looked at"
    s3.list_buckets()


def test_keys_that_nobody_has_are_counted_together(s3_server: Server, s3: Any) -> None:
    unknown = _metric(s3_server, "unknown_key")
    for number in range(3):
        client = s3_server.client(aws_access_key_id=f"SGNOBODY{number}")
        with refused("InvalidAccessKeyId", 403):
            client.list_buckets()
    assert _metric(s3_server, "unknown_key") == unknown + 3
    s3.list_buckets()
