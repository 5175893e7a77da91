"""Who may ask: header and query signatures, their errors, and nobody."""

from __future__ import annotations

import re
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.config import Config

from tests.s3 import raw
from tests.s3.errors import refused
from tests.s3.server import Server


def test_a_wrong_secret_does_not_match(s3_server: Server, bucket: str) -> None:
    with refused("SignatureDoesNotMatch", 403):
        s3_server.client(aws_secret_access_key="wrong" * 8).list_objects_v2(Bucket=bucket)


def test_an_unknown_key_is_named(s3_server: Server, bucket: str) -> None:
    with refused("InvalidAccessKeyId", 403):
        s3_server.client(aws_access_key_id="AKIDNOBODY").list_objects_v2(Bucket=bucket)


def test_a_key_that_was_switched_off_is_refused_at_once(s3_server: Server) -> None:
    import json

    made = json.loads(s3_server.manage("keys", "create", "short-lived", "--json"))
    client = s3_server.client(aws_access_key_id=made["access_key"], aws_secret_access_key=made["secret_key"])
    client.list_buckets()
    s3_server.manage("keys", "disable", made["access_key"])
    with refused("InvalidAccessKeyId", 403):
        client.list_buckets()


@pytest.mark.parametrize("minutes", [-16, 16])
def test_a_skewed_clock_is_refused(s3_server: Server, minutes: int) -> None:
    answer = raw.ask(s3_server, "GET", "/", now=datetime.now(UTC) + timedelta(minutes=minutes))
    assert (answer.status, answer.code) == (403, "RequestTimeTooSkewed")


@pytest.mark.parametrize("minutes", [-14, 14])
def test_a_clock_that_is_nearly_right_is_taken(s3_server: Server, minutes: int) -> None:
    answer = raw.ask(s3_server, "GET", "/", now=datetime.now(UTC) + timedelta(minutes=minutes))
    assert answer.status == 200


def test_nobody_may_do_anything(s3_server: Server, bucket: str) -> None:
    for method, path in (("GET", f"/{bucket}"), ("PUT", f"/{bucket}/k"), ("GET", f"/{bucket}/k")):
        request = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".encode()
        answer = raw.ask_unsigned(s3_server, request)
        assert (answer.status, answer.code) == (403, "AccessDenied")
        assert len(answer.headers["x-amz-request-id"]) == 16


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_presigned_urls_work_both_ways(s3_server: Server, bucket: str, version: str) -> None:
    client = s3_server.client(config=Config(signature_version=version, s3={"addressing_style": "path"}))
    where = {"Bucket": bucket, "Key": "a key/with ümlaut"}
    put = client.generate_presigned_url("put_object", Params=where, ExpiresIn=60)
    request = urllib.request.Request(put, data=b"by url", method="PUT", headers={"Content-Type": ""})
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 200
    get = client.generate_presigned_url(
        "get_object", Params={**where, "ResponseContentType": "text/x-test"}, ExpiresIn=60
    )
    with urllib.request.urlopen(get) as answer:
        assert answer.read() == b"by url"
        assert answer.headers["Content-Type"] == "text/x-test"


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_a_presigned_url_is_for_what_it_was_made_for(
    s3_server: Server, s3: Any, bucket: str, version: str
) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    client = s3_server.client(config=Config(signature_version=version, s3={"addressing_style": "path"}))
    url = client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"}, ExpiresIn=60)
    changed = {
        "other key": (url.replace(f"{bucket}/k", f"{bucket}/l"), "GET"),
        "other method": (url, "DELETE"),
        "longer life": (re.sub(r"Expires=(\d+)", r"Expires=\g<1>0", url), "GET"),
        "override": (url + "&response-content-type=text%2Fhtml", "GET"),
        "other operation": (url + "&attributes", "GET"),
    }
    for what, (target, method) in changed.items():
        with pytest.raises(urllib.error.HTTPError) as error:
            urllib.request.urlopen(urllib.request.Request(target, method=method))
        assert error.value.code == 403, what
        error.value.close()
    s3.head_object(Bucket=bucket, Key="k")


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_a_presigned_url_expires(s3_server: Server, bucket: str, version: str) -> None:
    client = s3_server.client(config=Config(signature_version=version, s3={"addressing_style": "path"}))
    url = client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"}, ExpiresIn=1)
    time.sleep(2.1)
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(url)
    assert (error.value.code, b"expired" in error.value.read()) == (403, True)
    error.value.close()


def test_an_error_about_a_signature_says_what_was_signed(s3_server: Server, bucket: str) -> None:
    answer = raw.ask(s3_server, "GET", f"/{bucket}", secret="wrong")
    assert answer.code == "SignatureDoesNotMatch"
    assert b"<StringToSign>AWS4-HMAC-SHA256" in answer.body
    assert b"<CanonicalRequest>GET" in answer.body


def test_an_absolute_target_is_read_as_its_path(s3_server: Server, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    request = raw.head(s3_server, "GET", f"/{bucket}/k")
    request = request.replace(b"GET /", f"GET http://127.0.0.1:{s3_server.port}/".encode(), 1)
    answer = raw.ask_unsigned(s3_server, request)
    assert (answer.status, answer.body) == (200, b"x")
