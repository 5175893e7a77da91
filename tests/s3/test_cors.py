"""Pages of other origins: configuration, preflights, and the headers of actual answers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.s3 import raw
from tests.s3.errors import refused
from tests.s3.raw import Answer
from tests.s3.server import Server

RULES = [
    {"ID": "app", "AllowedOrigins": ["https://*.app.test"], "AllowedMethods": ["GET", "PUT"]}
    | {"AllowedHeaders": ["x-amz-*"], "ExposeHeaders": ["ETag"], "MaxAgeSeconds": 60},
    {"AllowedOrigins": ["*"], "AllowedMethods": ["HEAD"]},
]
PAGE = "https://one.app.test"


@pytest.fixture
def open_bucket(s3: Any, bucket: str) -> str:
    """A bucket with those rules."""
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": RULES})
    return bucket


def ask(server: Server, method: str, target: str, **headers: str) -> Answer:
    """A request without a signature, as a browser sends it; `_` stands for `-`."""
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return raw.ask_unsigned(server, f"{method} {target} HTTP/1.1\r\nHost: x\r\n{lines}\r\n".encode())


def test_a_configuration_is_kept_until_it_is_deleted(s3: Any, open_bucket: str) -> None:
    assert s3.get_bucket_cors(Bucket=open_bucket)["CORSRules"] == RULES
    s3.delete_bucket_cors(Bucket=open_bucket)
    with refused("NoSuchCORSConfiguration", 404):
        s3.get_bucket_cors(Bucket=open_bucket)


@pytest.mark.parametrize("key", ["", "/no/such/key", "/k?X-Amz-Signature=of-something-else"])
def test_a_preflight_needs_no_right(s3_server: Server, open_bucket: str, key: str) -> None:
    asked = {"Access_Control_Request_Method": "PUT", "Access_Control_Request_Headers": "X-Amz-Date"}
    answer = ask(s3_server, "OPTIONS", f"/{open_bucket}{key}", Origin=PAGE, **asked)
    assert answer.status == 200
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    assert answer.headers["Access-Control-Allow-Methods"] == "GET, PUT"
    assert answer.headers["Access-Control-Allow-Headers"] == "x-amz-date"
    assert answer.headers["Access-Control-Max-Age"] == "60"
    assert "Origin" in answer.headers["Vary"]


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 400, "BadRequest"),
        ({"Origin": PAGE}, 400, "BadRequest"),
        ({"Origin": PAGE, "Access_Control_Request_Method": "PATCH"}, 400, "BadRequest"),
        ({"Origin": "https://evil.test", "Access_Control_Request_Method": "PUT"}, 403, "AccessForbidden"),
        ({"Origin": PAGE, "Access_Control_Request_Method": "DELETE"}, 403, "AccessForbidden"),
    ],
)
def test_a_preflight_that_no_rule_admits_is_refused(
    s3_server: Server, open_bucket: str, headers: dict[str, str], status: int, code: str
) -> None:
    answer = ask(s3_server, "OPTIONS", f"/{open_bucket}/k", **headers)
    assert (answer.status, answer.code) == (status, code)
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_without_a_configuration_every_preflight_is_refused(s3_server: Server, bucket: str) -> None:
    answer = ask(s3_server, "OPTIONS", f"/{bucket}", Origin=PAGE, Access_Control_Request_Method="GET")
    assert (answer.status, answer.code) == (403, "AccessForbidden")
    assert b"CORSResponse: CORS is not enabled for this bucket." in answer.body


def test_a_page_may_read_answers_and_errors_alike(s3_server: Server, s3: Any, open_bucket: str) -> None:
    s3.put_object(Bucket=open_bucket, Key="k", Body=b"x")
    for key, status in (("k", 200), ("missing", 404)):
        answer = raw.ask(s3_server, "GET", f"/{open_bucket}/{key}", {"Origin": PAGE})
        assert answer.status == status
        assert answer.headers["Access-Control-Allow-Origin"] == PAGE
        assert answer.headers["Access-Control-Expose-Headers"] == "ETag"
    refusal = ask(s3_server, "GET", f"/{open_bucket}/k", Origin=PAGE)
    assert (refusal.status, refusal.headers["Access-Control-Allow-Origin"]) == (403, PAGE)
    other = raw.ask(s3_server, "GET", f"/{open_bucket}/k", {"Origin": "https://evil.test"})
    assert "Access-Control-Allow-Origin" not in other.headers and "Origin" in other.headers["Vary"]


def test_the_console_answers_no_other_origin(s3_server: Server, open_bucket: str) -> None:
    for path in ("/_/login/", "/api/"):
        answer = ask(s3_server, "GET", path, Origin=PAGE)
        assert "Access-Control-Allow-Origin" not in answer.headers
