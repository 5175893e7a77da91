"""Requests as they go out: what botocore would sign, and what our own gateway verifies."""

from __future__ import annotations

import re
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials
from hypothesis import given
from hypothesis import strategies as st

from proxy.backends.s3.chunk_signing import CHUNK_BYTES, STREAMING, SignedChunks
from proxy.backends.s3.http1 import CHUNKED, TO_THE_END, NotHTTP, body_length, read_head, write_head
from proxy.backends.s3.options import Credentials, Options
from proxy.backends.s3.requests import Request, address, sign
from proxy.wire.chunks import Decoder
from proxy.wire.dates import parse_amz_date
from proxy.wire.sigv4 import Credentials as Verifying
from tests.proxy.backends.s3.payloads import Pieces

NOW = 1_800_000_000.0
OPTIONS = Options("http://s3.example:9000", "eu-central-1")
WHO = Credentials("AKEXAMPLE", "secret", "a-token")
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=60)
WORDS = st.text("ab ,;=%äß€", max_size=30)
VALUE = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=30)


def _boto_signature(request: Request, headers: dict[str, str], target: str) -> str:
    """What botocore signs for the same request at the same time."""
    asked = AWSRequest(request.method, f"http://s3.example:9000{target}", dict(headers))
    asked.context["timestamp"] = headers["x-amz-date"]
    asked.context["client_config"] = None
    auth: Any = S3SigV4Auth(BotoCredentials(WHO.access_key, WHO.secret_key, WHO.token), "s3", OPTIONS.region)
    canonical = auth.canonical_request(asked)
    return str(auth.signature(auth.string_to_sign(asked, canonical), asked))


@given(TEXT, st.dictionaries(st.sampled_from(["prefix", "versionId", "uploads", "a+b"]), TEXT), WORDS)
def test_it_is_signed_as_botocore_signs(key: str, query: dict[str, str], value: str) -> None:
    metadata = {"x-amz-meta-a": value.encode().decode("latin-1")}
    request = Request("PUT", "bucket", key, query, {**metadata, "content-type": "a/b"}, b"data")
    signed = sign(request, OPTIONS, WHO, NOW)
    sent = {name: text for name, text in signed.headers.items() if name != "authorization"}
    sent = {name: sent[name] for name in sorted(sent) if name not in ("accept-encoding", "user-agent")}
    expected = _boto_signature(request, {**sent, "x-amz-meta-a": value}, signed.target)
    assert signed.headers["authorization"].endswith(f"Signature={expected}")
    assert parse_amz_date(signed.headers["x-amz-date"]) == NOW


@pytest.mark.parametrize(
    ("endpoint", "bucket", "path_style", "header", "base"),
    [
        ("http://minio:9000", "b", True, "minio:9000", "/b/"),
        ("https://s3.eu.amazonaws.com", "b", False, "b.s3.eu.amazonaws.com", "/"),
        ("https://s3.eu.amazonaws.com", "b.c", False, "s3.eu.amazonaws.com", "/b.c/"),
        ("http://local:80", "b.c", False, "b.c.local:80", "/"),
        ("http://[::1]:9000", "b", True, "[::1]:9000", "/b/"),
        ("https://s3.eu.amazonaws.com", "", False, "s3.eu.amazonaws.com", "/"),
    ],
)
def test_where_a_bucket_is_reached(
    endpoint: str, bucket: str, path_style: bool, header: str, base: str
) -> None:
    found = address(endpoint, bucket, path_style)
    assert (found.header, found.base) == (header, base)
    assert found.host == re.sub(r":\d+$", "", header).strip("[]")


def test_where_amazon_is() -> None:
    assert Options.of({"region": "eu-west-1"}).endpoint == "https://s3.eu-west-1.amazonaws.com"
    assert Options.of({"region": "cn-north-1"}).endpoint == "https://s3.cn-north-1.amazonaws.com.cn"
    assert not Options.of({}).path_style
    assert Options.of({"endpoint": "http://minio:9000/"}).endpoint == "http://minio:9000"
    assert Options.of({"endpoint": "http://minio:9000"}).path_style


def test_no_secret_is_shown() -> None:
    shown = repr(sign(Request("GET", "b"), OPTIONS, WHO, NOW)) + repr(Options("http://h", credentials=WHO))
    assert WHO.secret_key not in shown.replace("a-token", "")
    assert "key=b" not in shown


@given(st.lists(st.binary(max_size=70_000), max_size=4))
def test_signed_chunks_are_what_our_gateway_verifies(pieces: list[bytes]) -> None:
    payload = Pieces(*pieces)
    signed = sign(Request("PUT", "b", "k", payload=payload), OPTIONS, WHO, NOW, STREAMING)
    chunks = SignedChunks(payload, signed)
    encoded = list(chunks)
    assert sum(map(len, encoded)) == chunks.length
    assert all(len(chunk) <= CHUNK_BYTES + 200 for chunk in encoded)
    credentials = Verifying(
        WHO.access_key, signed.scope, signed.key, signed.signature, signed.timestamp, STREAMING, False
    )
    decoded = b"".join(bytes(data) for data in Decoder(encoded, credentials, frozenset()))
    assert decoded == b"".join(pieces)


def test_a_header_cannot_break_out_of_its_line() -> None:
    for value in ("a\r\nx: y", "a\nx: y", "a\rb", "a\0b"):
        with pytest.raises(NotHTTP):
            write_head("PUT", "/b/k", {"x-amz-meta-a": value})
    assert write_head("PUT", "/b/k", {"a": "ä"}) == b"PUT /b/k HTTP/1.1\r\na: \xe4\r\n\r\n"


@given(st.dictionaries(st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True), VALUE, max_size=8))
def test_heads_are_read_as_they_were_written(headers: dict[str, str]) -> None:
    headers = {name: value.strip(" \t") for name, value in headers.items()}
    raw = write_head("GET", "/", headers).partition(b"\r\n")[2].removesuffix(b"\r\n\r\n")
    found = read_head(b"HTTP/1.1 204 No Content" + (b"\r\n" + raw if headers else b""))
    assert (found.status, found.headers) == (204, headers)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_head_or_refused(raw: bytes) -> None:
    try:
        head = read_head(b"HTTP/1.1 200 OK\r\n" + raw)
        assert body_length("GET", head) >= TO_THE_END
    except NotHTTP:
        pass


@pytest.mark.parametrize(
    ("method", "status", "headers", "length"),
    [
        ("GET", 200, {"content-length": "5"}, 5),
        ("HEAD", 200, {"content-length": "5"}, 0),
        ("GET", 304, {"content-length": "5"}, 0),
        ("DELETE", 204, {}, 0),
        ("GET", 200, {"transfer-encoding": "chunked", "content-length": "5"}, CHUNKED),
        ("GET", 200, {}, TO_THE_END),
    ],
)
def test_how_a_body_is_framed(method: str, status: int, headers: dict[str, str], length: int) -> None:
    raw = "".join(f"\r\n{name}: {value}" for name, value in headers.items())
    assert body_length(method, read_head(f"HTTP/1.1 {status} X{raw}".encode())) == length
