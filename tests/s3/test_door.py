"""What goes to S3 and what to the console, and what every answer carries."""

from __future__ import annotations

import json
import time

import pytest

from tests.s3 import raw
from tests.s3.server import Server


def plain(method: str, path: str, *headers: str) -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *headers, "", ""]).encode()


def test_a_browser_is_shown_to_the_console(s3_server: Server) -> None:
    answer = raw.ask_unsigned(s3_server, plain("GET", "/", "Accept: text/html,*/*"))
    assert (answer.status, answer.headers["Location"]) == (302, "/_/")


def test_anybody_else_without_a_signature_is_nobody(s3_server: Server, bucket: str) -> None:
    answer = raw.ask_unsigned(s3_server, plain("GET", "/"))
    assert (answer.status, b"<Name>" in answer.body) == (200, False)
    for target in (f"/{bucket}", f"/{bucket}/key"):
        answer = raw.ask_unsigned(s3_server, plain("GET", target))
        assert (answer.status, answer.code) == (403, "AccessDenied")


@pytest.mark.parametrize("path", ["/_/no-such-page", "/_", "/api/none", "/v1/none", "/static/none"])
def test_reserved_paths_are_not_s3(s3_server: Server, path: str) -> None:
    answer = raw.ask_unsigned(s3_server, plain("GET", path))
    assert answer.status in (301, 302, 404)
    assert not answer.body.startswith(b"<?xml")
    assert len(answer.headers["x-amz-request-id"]) == 16
    assert answer.headers["Server"] == "Sluicegate"


def test_a_signed_request_to_a_reserved_name_is_s3(s3_server: Server) -> None:
    answer = raw.ask(s3_server, "GET", "/static/key")
    assert (answer.status, answer.code) == (404, "NoSuchBucket")


def test_every_request_leaves_a_line(s3_server: Server, bucket: str) -> None:
    answer = raw.ask(s3_server, "PUT", f"/{bucket}/logged", body=b"12345")
    request_id = answer.headers["x-amz-request-id"]
    deadline = time.monotonic() + 5
    lines: list[str] = []
    while not lines and time.monotonic() < deadline:
        lines = [line for line in s3_server.log.read_text().splitlines() if request_id in line]
        time.sleep(0.05)
    entry = json.loads(lines[0][lines[0].index("{") :])
    assert entry["operation"] == "PutObject"
    assert entry["access_key"] == s3_server.access_key
    assert (entry["status"], entry["bytes_in"], entry["bucket"]) == (200, 5, bucket)
    assert entry["ms"] > 0


@pytest.mark.parametrize(
    "request_bytes",
    [b"nonsense\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n"],
)
def test_what_is_not_http_is_400(s3_server: Server, request_bytes: bytes) -> None:
    assert raw.ask_unsigned(s3_server, request_bytes).status in (400, 505)


def test_header_sections_are_bounded(s3_server: Server) -> None:
    many = [f"x-h-{number}: x" for number in range(300)]
    assert raw.ask_unsigned(s3_server, plain("GET", "/bucket/key", *many)).status in (400, 431)
    large = f"x-large: {'x' * 20_000}"
    assert raw.ask_unsigned(s3_server, plain("GET", "/bucket/key", large)).status in (400, 431)
