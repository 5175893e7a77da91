"""Requests that no client means: each gets a typed error or correct service, and nobody else notices."""

from __future__ import annotations

from typing import Any

import pytest

from tests.s3 import raw
from tests.s3.server import DOMAIN, Server

HEADERS = [
    ("GET", {"Range": "bytes=9" + "9" * 400 + "-"}),
    ("GET", {"Range": "bytes=" + "0-0," * 900}),
    ("GET", {"If-Modified-Since": "Thu, 99 Foo 99999 99:99:99 GMT"}),
    ("GET", {"If-Match": '"' * 3000}),
    ("GET", {"x-amz-checksum-mode": "\xff" * 100}),
    ("GET", {"Origin": "null", "Access-Control-Request-Method": "\u00e9"}),
    ("GET", {"X-Forwarded-For": ",".join(["1.2.3.4"] * 900), "X-Forwarded-Proto": "\xff,,"}),
    ("GET", {"X-Forwarded-For": "[" * 500}),
    ("PUT", {"Content-MD5": "*"}),
    ("PUT", {"Expect": "a-miracle"}),
    ("PUT", {"x-amz-acl": "x" * 5000}),
    ("PUT", {"x-amz-grant-read": "id=," * 500}),
    ("PUT", {"x-amz-tagging": "&=&" * 1000}),
    ("PUT", {"x-amz-copy-source": "%zz"}),
    ("PUT", {"x-amz-copy-source": "/" * 3000}),
    ("PUT", {"x-amz-decoded-content-length": "-1"}),
    ("PUT", {"x-amz-meta-": "no name"}),
    ("PUT", {"x-amz-object-lock-retain-until-date": "99999999-01-01"}),
    ("PUT", {"x-amz-trailer": "x-amz-checksum-crc32"}),
    ("POST", {"Content-Type": "multipart/form-data; boundary=" + "b" * 3000}),
    ("POST", {"Content-Type": 'multipart/form-data; boundary="'}),
    ("OPTIONS", {"Origin": "x" * 5000, "Access-Control-Request-Method": "GET"}),
    ("OPTIONS", {"Access-Control-Request-Headers": "," * 5000}),
]


@pytest.mark.parametrize(("method", "headers"), HEADERS)
def test_absurd_headers_are_answered(
    s3_server: Server, s3: Any, bucket: str, method: str, headers: dict[str, str]
) -> None:
    target = f"/{bucket}" if method == "POST" else f"/{bucket}/k"
    answer = raw.ask(s3_server, method, target, headers)
    assert answer.status in (200, 304, 400, 403, 404, 412, 416, 501)
    assert len(answer.headers["x-amz-request-id"]) == 16


@pytest.mark.parametrize(
    "host",
    [
        *("", "..", "[", "[::1", ":", "a b", "\xff", f".{DOMAIN}", f"..{DOMAIN}", f"a,b.{DOMAIN}"),
        *(f"A_b.{DOMAIN}:99999", f"{'x' * 300}.{DOMAIN}", f"{DOMAIN}.", f"%2e.{DOMAIN}", f"x/../y.{DOMAIN}"),
    ],
)
def test_absurd_hosts_are_answered(s3_server: Server, host: str) -> None:
    request = f"GET /nothing/here HTTP/1.1\r\nHost: {host}\r\n\r\n".encode("latin-1")
    assert raw.ask_unsigned(s3_server, request).status in (400, 403, 404)


@pytest.mark.parametrize(
    "framing",
    [
        "Content-Length: -1",
        "Content-Length: +1",
        "Content-Length: 1, 1",
        "Content-Length: 9" + "9" * 30,
        "Content-Length: 1\r\nContent-Length: 2",
        "Content-Length: 1\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: chunked, chunked",
    ],
)
def test_absurd_framing_is_refused(s3_server: Server, bucket: str, framing: str) -> None:
    request = f"PUT /{bucket}/k HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\n".encode()
    assert raw.ask_unsigned(s3_server, request).status in (400, 403, 501)


@pytest.mark.parametrize(
    "target",
    [
        "*",
        "//",
        "///",
        "/%00",
        "/%",
        "/%2F/k",
        "/./k",
        "/../k",
        "/bucket/%C0%AF",
        "/bucket/%ED%A0%80",
        "?",
        "/?" + "&" * 5000,
        "/b/k?versionId=%00&uploadId=%ff",
        "http://",
        "http://x",
        "ftp://x/b/k",
        "/" + "k" * 17_000,
    ],
)
def test_absurd_targets_are_answered(s3_server: Server, target: str) -> None:
    answer = raw.ask_unsigned(s3_server, f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert answer.status in (200, 400, 403, 404, 414)


def test_others_are_served_all_the_same(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
