"""Uploads from HTML forms: who may, under what policy, and what the browser is answered."""

from __future__ import annotations

import base64
import hashlib
import zlib
from typing import Any
from xml.etree import ElementTree

import pytest
from botocore.config import Config

from tests.s3 import raw
from tests.s3.errors import refused
from tests.s3.forms import post
from tests.s3.people import Person
from tests.s3.server import ONE_TRY, Server

MIB, GIB = 1024**2, 1024**3


def signed(s3: Any, bucket: str, key: str = "k", conditions: Any = (), **fields: str) -> dict[str, str]:
    """The fields of a form that boto3 has signed; each field is covered by a condition."""
    covered = [{name: value} for name, value in fields.items()]
    made = s3.generate_presigned_post(bucket, key, fields, [*covered, *conditions], 600)
    return dict(made["fields"])


@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_a_signed_form_is_an_upload(s3_server: Server, s3: Any, bucket: str, version: str) -> None:
    signer = s3_server.client(ONE_TRY.merge(Config(signature_version=version)))
    fields = signed(signer, bucket, "by-form", **{"Content-Type": "text/html", "x-amz-meta-who": "jürgen"})
    assert ("x-amz-signature" in fields) is (version == "s3v4")
    answer = post(s3_server, bucket, fields, b"content")
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["ETag"] == f'"{hashlib.md5(b"content").hexdigest()}"'
    assert answer.headers["Location"] == f"{s3_server.endpoint}/{bucket}/by-form"
    found = s3.get_object(Bucket=bucket, Key="by-form")
    assert (found["Body"].read(), found["ContentType"]) == (b"content", "text/html")
    assert found["Metadata"]["who"].encode("latin-1").decode() == "jürgen"


def test_a_large_file_streams_through(s3_server: Server, s3: Any, bucket: str) -> None:
    content = bytes(range(256)) * 20_000
    fields = signed(s3, bucket, conditions=[["content-length-range", 1, 6_000_000]])
    assert post(s3_server, bucket, fields, content).status == 204
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == content


def test_the_files_name_can_be_the_key(s3_server: Server, s3: Any, bucket: str) -> None:
    fields = signed(s3, bucket, "in/${filename}", conditions=[["starts-with", "$key", "in/"]])
    assert post(s3_server, bucket, fields, b"x", filename="C:\\dir\\ünï.txt").status == 204
    assert s3.head_object(Bucket=bucket, Key="in/ünï.txt")["ContentLength"] == 1


def test_an_unsigned_form_to_a_private_bucket_is_refused(s3_server: Server, s3: Any, bucket: str) -> None:
    answer = post(s3_server, bucket, {"key": "k"}, b"x")
    assert (answer.status, answer.code) == (403, "AccessDenied")
    with refused("404"):
        s3.head_object(Bucket=bucket, Key="k")


def test_anybody_may_upload_where_anybody_may_write(s3_server: Server, s3: Any, bucket: str) -> None:
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read-write")
    tags = "<Tagging><TagSet><Tag><Key>a b</Key><Value>ü+1</Value></Tag></TagSet></Tagging>"
    fields = {"key": "k", "acl": "public-read", "tagging": tags, "Cache-Control": "no-store"}
    assert post(s3_server, bucket, fields, b"x").status == 204
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == [{"Key": "a b", "Value": "ü+1"}]
    assert s3.head_object(Bucket=bucket, Key="k")["CacheControl"] == "no-store"
    answer = raw.ask_unsigned(s3_server, f"GET /{bucket}/k HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert (answer.status, answer.body) == (200, b"x")


def test_a_signer_needs_the_right_to_write(s3_server: Server, bob: Person, bucket: str) -> None:
    answer = post(s3_server, bucket, signed(bob.s3, bucket), b"x")
    assert (answer.status, answer.code) == (403, "AccessDenied")


def test_a_wrong_signature_is_refused(s3_server: Server, s3: Any, bucket: str) -> None:
    fields = signed(s3, bucket)
    fields["policy"] = signed(s3, bucket, "another")["policy"]
    answer = post(s3_server, bucket, fields, b"x")
    assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")


@pytest.mark.parametrize(
    ("conditions", "changes", "status", "code", "message"),
    [
        ([], {"acl": "public-read"}, 403, "AccessDenied", "Extra input fields: acl"),
        ([], {"key": "other"}, 403, "AccessDenied", "Policy Condition failed"),
        ([["content-length-range", 0, 3]], {}, 400, "EntityTooLarge", ""),
        ([["content-length-range", 5, 9]], {}, 400, "EntityTooSmall", ""),
        ([["content-length-range", 5]], {}, 400, "InvalidPolicyDocument", "Invalid Policy"),
        ([], {"key": ""}, 400, "InvalidArgument", ""),
    ],
)
def test_a_form_keeps_its_policy(
    s3_server: Server,
    s3: Any,
    bucket: str,
    conditions: list[Any],
    changes: dict[str, str],
    status: int,
    code: str,
    message: str,
) -> None:
    answer = post(s3_server, bucket, {**signed(s3, bucket, conditions=conditions), **changes}, b"four")
    assert (answer.status, answer.code) == (status, code)
    assert message in (ElementTree.fromstring(answer.body).findtext("Message") or "")
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_the_answer_is_as_the_form_wants_it(s3_server: Server, s3: Any, bucket: str) -> None:
    answer = post(s3_server, bucket, signed(s3, bucket, "a b/c", success_action_status="201"), b"x")
    document = ElementTree.fromstring(answer.body)
    assert (answer.status, document.tag) == (201, "PostResponse")
    assert [document.findtext(name) for name in ("Location", "Bucket", "Key")] == [
        f"{s3_server.endpoint}/{bucket}/a%20b/c",
        bucket,
        "a b/c",
    ]
    for asked, status in (("200", 200), ("404", 204)):
        answer = post(s3_server, bucket, signed(s3, bucket, success_action_status=asked), b"x")
        assert (answer.status, answer.body) == (status, b"")


def test_a_browser_is_sent_where_the_form_says(s3_server: Server, s3: Any, bucket: str) -> None:
    etag = f"%22{hashlib.md5(b'x').hexdigest()}%22"
    for url, joint in (("https://a.test/done", "?"), ("https://a.test/done?x=1", "&")):
        answer = post(s3_server, bucket, signed(s3, bucket, "a&b", success_action_redirect=url), b"x")
        assert answer.status == 303
        assert answer.headers["Location"] == f"{url}{joint}bucket={bucket}&key=a%26b&etag={etag}"
    answer = post(s3_server, bucket, signed(s3, bucket, success_action_redirect="javascript:alert(1)"), b"x")
    assert answer.status == 204


def test_a_checksum_in_a_form_is_checked(s3_server: Server, s3: Any, bucket: str) -> None:
    crc = base64.b64encode(zlib.crc32(b"x").to_bytes(4, "big")).decode()
    fields = signed(s3, bucket)
    answer = post(s3_server, bucket, {**fields, "x-amz-checksum-crc32": crc}, b"x")
    assert (answer.status, answer.headers["x-amz-checksum-crc32"]) == (204, crc)
    answer = post(s3_server, bucket, {**fields, "x-amz-checksum-crc32": crc}, b"y")
    assert (answer.status, answer.code) == (400, "BadDigest")


def test_a_form_makes_a_version_where_versions_are_kept(s3_server: Server, s3: Any, bucket: str) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first = post(s3_server, bucket, signed(s3, bucket), b"1").headers["x-amz-version-id"]
    second = post(s3_server, bucket, signed(s3, bucket), b"2").headers["x-amz-version-id"]
    assert first != second
    assert s3.get_object(Bucket=bucket, Key="k", VersionId=first)["Body"].read() == b"1"


@pytest.mark.parametrize("field", ["x-amz-server-side-encryption", "x-amz-meta-a\tb", "Content-Disposition"])
def test_what_a_form_cannot_ask_for_is_refused(s3_server: Server, s3: Any, bucket: str, field: str) -> None:
    answer = post(s3_server, bucket, signed(s3, bucket, **{field: "a\r\nx-evil: 1"}), b"x")
    assert (answer.status, answer.code) == (400, "InvalidArgument")


def test_encryption_by_the_server_is_not_implemented(s3_server: Server, s3: Any, bucket: str) -> None:
    fields = signed(s3, bucket, **{"x-amz-server-side-encryption": "AES256"})
    answer = post(s3_server, bucket, fields, b"x")
    assert (answer.status, answer.code) == (501, "NotImplemented")


def test_another_body_is_no_form(s3_server: Server, bucket: str) -> None:
    answer = raw.ask(s3_server, "POST", f"/{bucket}", {"content-type": "text/plain"}, b"x")
    assert (answer.status, answer.code) == (412, "PreconditionFailed")


@pytest.mark.parametrize(("size", "answer"), [(5 * GIB + 1000, b"100"), (5 * GIB + 2 * MIB, b"400")])
def test_a_file_may_be_as_large_as_any_object(
    s3_server: Server, bucket: str, size: int, answer: bytes
) -> None:
    lines = f"Host: x\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: {size}"
    with s3_server.connect() as connection:
        request = f"POST /{bucket} HTTP/1.1\r\n{lines}\r\nExpect: 100-continue\r\n\r\n"
        connection.sendall(request.encode())
        assert connection.recv(12) == b"HTTP/1.1 " + answer
