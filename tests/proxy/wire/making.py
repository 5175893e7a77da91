"""Requests as the server hands them over, and requests signed by botocore."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials

from proxy.wire.request import S3Request
from proxy.wire.sigv4 import Credentials, authenticate

ACCESS_KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
REGION = "us-east-1"
HOST = "127.0.0.1:9000"
MAY_24_2013 = 1369353600.0
"""2013-05-24T00:00:00Z, the moment of AWS's examples."""


def secret_for(access_key: str) -> str | None:
    return SECRET if access_key == ACCESS_KEY else None


def scope(
    method: str = "GET",
    raw_path: bytes = b"/",
    query: bytes = b"",
    headers: Iterable[tuple[bytes, bytes]] = (),
) -> dict[str, Any]:
    """An ASGI HTTP scope as gunicorn makes it."""
    return {
        "type": "http",
        "method": method,
        "scheme": "http",
        "path": raw_path.decode("latin-1"),
        "raw_path": raw_path,
        "query_string": query,
        "headers": list(headers),
        "client": ("192.0.2.7", 40000),
    }


def request(
    method: str = "GET",
    raw_path: bytes = b"/",
    query: bytes = b"",
    headers: Mapping[str, str] | None = None,
    *,
    host: str = HOST,
    domains: Sequence[str] = (),
) -> S3Request:
    """A request read from a scope, with a Host header."""
    pairs = [(b"host", host.encode())]
    pairs += [(name.encode(), value.encode("latin-1")) for name, value in (headers or {}).items()]
    return S3Request.from_scope(scope(method, raw_path, query, pairs), "request-1", domains)


def documented(method: str, raw_path: bytes, query: bytes, headers: Mapping[str, str]) -> S3Request:
    """A virtual-host style request of AWS's documentation: its path has no bucket."""
    length = headers.get("content-length")
    return S3Request(
        method=method,
        raw_path=raw_path,
        raw_query=query,
        headers=dict(headers),
        query=request(query=query).query,
        scheme="https",
        host=headers["host"],
        client="",
        request_id="",
        bucket="examplebucket",
        key=raw_path[1:].decode(),
        content_length=int(length) if length else None,
    )


def boto_signed(
    method: str,
    target: str,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    *,
    now: float = MAY_24_2013,
    expires: int | None = None,
    payload: str | None = None,
) -> S3Request:
    """What botocore would put on the wire; `target` is path and query as they go out."""
    boto = AWSRequest(method, f"http://{HOST}{target}", headers=dict(headers or {}), data=body)
    credentials = BotoCredentials(ACCESS_KEY, SECRET)
    signer: Any
    if expires is None:
        signer = S3SigV4Auth(credentials, "s3", REGION)
    else:
        signer = S3SigV4QueryAuth(credentials, "s3", REGION, expires)
    if payload is not None:
        signer.payload = lambda _: payload
    moment = datetime.fromtimestamp(now, UTC).replace(tzinfo=None)
    with mock.patch("botocore.auth.get_current_datetime", lambda: moment):
        signer.add_auth(boto)
    url = urlsplit(boto.url)
    pairs = [(b"host", HOST.encode())]
    for name, value in boto.headers.items():
        raw = value if isinstance(value, bytes) else str(value).encode()
        pairs.append((name.lower().encode(), raw))
    return S3Request.from_scope(scope(method, url.path.encode(), url.query.encode(), pairs), "request-1")


def verify(signed: S3Request, now: float = MAY_24_2013, region: str = REGION) -> Credentials:
    """Authenticate; the request must carry a signature."""
    credentials = authenticate(signed, secret_for, region=region, now=now)
    assert credentials is not None
    return credentials


def cut(data: bytes, size: int) -> list[bytes]:
    """In pieces of that many bytes."""
    return [data[at : at + size] for at in range(0, len(data), size)]
