"""Encryption by a client's own key (SSE-C): what needs the key, and what is told and kept of it."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from pathlib import Path
from ssl import create_default_context
from typing import Any

import pytest
from botocore.config import Config

from tests.s3 import raw
from tests.s3.encrypting import BY_SERVER, MINE, OTHER, by, told
from tests.s3.errors import refused
from tests.s3.forms import post
from tests.s3.server import ONE_TRY, Server

MIB = 1024 * 1024
MARKER = b"what-only-the-client-may-read-"
SSE = "x-amz-server-side-encryption"


@pytest.fixture(params=["sealed", "unsealed"])
def place(request: pytest.FixtureRequest) -> str:
    """A bucket on each of the backends: a client's key comes before what either does by itself."""
    return str(request.getfixturevalue(request.param))


def in_files(root: Path, text: bytes) -> list[str]:
    """The files below a folder in which a text stands."""
    return [str(path) for path in root.rglob("*") if path.is_file() and text in path.read_bytes()]


@pytest.mark.parametrize("size", [0, 5, 300_000, 3 * MIB + 7])
def test_what_a_key_sealed_is_read_with_that_key(secret: Any, place: str, size: int) -> None:
    content = (MARKER * (size // len(MARKER) + 1))[:size]
    plain = secret.put_object(Bucket=place, Key="plain", Body=content)
    put = secret.put_object(Bucket=place, Key="k", Body=content, **MINE.sent)
    assert (told(put), put["ETag"]) == (by(MINE), plain["ETag"])
    found = secret.get_object(Bucket=place, Key="k", **MINE.sent)
    assert (found["Body"].read(), told(found)) == (content, by(MINE))
    head = secret.head_object(Bucket=place, Key="k", **MINE.sent)
    assert (head["ContentLength"], told(head)) == (size, by(MINE))
    (listed,) = secret.list_objects_v2(Bucket=place, Prefix="k")["Contents"]
    assert (listed["Size"], listed["ETag"]) == (size, put["ETag"])


def test_ranges_and_conditions_are_those_of_the_plaintext(secret: Any, place: str) -> None:
    content = bytes(range(256)) * 3000
    etag = secret.put_object(Bucket=place, Key="k", Body=content, **MINE.sent)["ETag"]
    for start, end in ((0, 0), (65_530, 65_545), (700_000, 767_999)):
        found = secret.get_object(Bucket=place, Key="k", Range=f"bytes={start}-{end}", **MINE.sent)
        assert found["Body"].read() == content[start : end + 1]
    with refused("InvalidRange", 416):
        secret.get_object(Bucket=place, Key="k", Range="bytes=768000-", **MINE.sent)
    with refused("304"):
        secret.get_object(Bucket=place, Key="k", IfNoneMatch=etag, **MINE.sent)
    with refused("PreconditionFailed", 412):
        secret.get_object(Bucket=place, Key="k", IfMatch='"other"', **MINE.sent)


def test_without_the_key_nothing_is_told(secret: Any, place: str) -> None:
    put = secret.put_object(Bucket=place, Key="k", Body=MARKER, **MINE.sent)
    with refused("InvalidRequest", 400) as caught:
        secret.get_object(Bucket=place, Key="k")
    assert "stored using a form of Server Side Encryption" in caught.answer["Error"]["Message"]
    for condition in ({"IfNoneMatch": put["ETag"]}, {"IfMatch": '"other"'}, {"Range": "bytes=999-"}):
        with refused("InvalidRequest", 400):
            secret.get_object(Bucket=place, Key="k", **condition)
    with refused("400", 400):
        secret.head_object(Bucket=place, Key="k")
    with refused("InvalidRequest", 400):
        secret.get_object_attributes(Bucket=place, Key="k", ObjectAttributes=["ETag"])


def test_another_key_is_denied(secret: Any, place: str) -> None:
    secret.put_object(Bucket=place, Key="k", Body=MARKER, **MINE.sent)
    with refused("AccessDenied", 403) as caught:
        secret.get_object(Bucket=place, Key="k", **OTHER.sent)
    assert "must provide the correct secret key" in caught.answer["Error"]["Message"]
    with refused("403", 403):
        secret.head_object(Bucket=place, Key="k", **OTHER.sent)


def test_a_key_for_what_no_key_seals_is_refused(secret: Any, place: str) -> None:
    secret.put_object(Bucket=place, Key="k", Body=b"x")
    with refused("InvalidRequest", 400) as caught:
        secret.get_object(Bucket=place, Key="k", **MINE.sent)
    assert "not applicable" in caught.answer["Error"]["Message"]
    with refused("400", 400):
        secret.head_object(Bucket=place, Key="k", **MINE.sent)


def test_the_attributes_of_an_object_need_its_key(secret: Any, place: str) -> None:
    secret.put_object(Bucket=place, Key="k", Body=b"12345", **MINE.sent)
    found = secret.get_object_attributes(Bucket=place, Key="k", ObjectAttributes=["ObjectSize"], **MINE.sent)
    assert found["ObjectSize"] == 5


def test_deleting_and_tagging_need_no_key(secret: Any, place: str) -> None:
    secret.put_object(Bucket=place, Key="k", Body=b"x", Tagging="a=b", **MINE.sent)
    assert secret.get_object_tagging(Bucket=place, Key="k")["TagSet"] == [{"Key": "a", "Value": "b"}]
    secret.delete_object(Bucket=place, Key="k")
    assert "Contents" not in secret.list_objects_v2(Bucket=place)


def test_each_version_has_a_key_of_its_own(secret: Any, place: str) -> None:
    secret.put_bucket_versioning(Bucket=place, VersioningConfiguration={"Status": "Enabled"})
    versions = [
        secret.put_object(Bucket=place, Key="k", Body=key.key, **key.sent)["VersionId"]
        for key in (MINE, OTHER)
    ]
    for version, key, wrong in zip(versions, (MINE, OTHER), (OTHER, MINE), strict=True):
        found = secret.get_object(Bucket=place, Key="k", VersionId=version, **key.sent)
        assert found["Body"].read() == key.key
        with refused("AccessDenied", 403):
            secret.get_object(Bucket=place, Key="k", VersionId=version, **wrong.sent)


# -- parts -----------------------------------------------------------------------------------


def create(s3: Any, bucket: str, **sent: str) -> dict[str, str]:
    made = s3.create_multipart_upload(Bucket=bucket, Key="parts", **sent)
    if sent:
        assert told(made) == by(MINE)
    return {"Bucket": bucket, "Key": "parts", "UploadId": made["UploadId"]}


@pytest.mark.parametrize("completed_with", [{}, MINE.sent], ids=["without the key", "with the key"])
def test_parts_are_sealed_by_the_uploads_key(secret: Any, place: str, completed_with: dict[str, str]) -> None:
    upload, contents = create(secret, place, **MINE.sent), [b"1" * 5 * MIB, b"2" * 100]
    parts = []
    for number, content in enumerate(contents, 1):
        sent = secret.upload_part(**upload, PartNumber=number, Body=content, **MINE.sent)
        assert told(sent) == by(MINE)
        parts.append({"PartNumber": number, "ETag": sent["ETag"]})
    assert [part["Size"] for part in secret.list_parts(**upload)["Parts"]] == [5 * MIB, 100]
    completed = secret.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts}, **completed_with)
    assert told(completed) == {}
    whole = {"Bucket": place, "Key": "parts", **MINE.sent}
    found = secret.get_object(**whole)
    assert (found["Body"].read(), told(found)) == (b"".join(contents), by(MINE))
    across = secret.get_object(**whole, Range=f"bytes={5 * MIB - 3}-{5 * MIB + 2}")
    assert across["Body"].read() == b"111222"
    assert secret.get_object(**whole, PartNumber=2)["Body"].read() == contents[1]
    for wrong, code in (({}, "InvalidRequest"), (OTHER.sent, "AccessDenied")):
        with refused(code):
            secret.get_object(Bucket=place, Key="parts", **wrong)


@pytest.mark.parametrize(
    ("created_with", "sent_with", "words"),
    [
        (MINE.sent, {}, "Subsequent part requests must include the appropriate encryption parameters"),
        ({}, MINE.sent, "Subsequent part requests must include the appropriate encryption parameters"),
        (MINE.sent, OTHER.sent, "did not match the ones used originally"),
    ],
    ids=["key left away", "key not asked for", "another key"],
)
def test_a_part_comes_with_the_key_of_its_upload(
    secret: Any, place: str, created_with: dict[str, str], sent_with: dict[str, str], words: str
) -> None:
    upload = create(secret, place, **created_with)
    secret.put_object(Bucket=place, Key="source", Body=b"x")
    for send in (
        lambda: secret.upload_part(**upload, PartNumber=1, Body=b"x", **sent_with),
        lambda: secret.upload_part_copy(**upload, PartNumber=1, CopySource=f"{place}/source", **sent_with),
    ):
        with refused("InvalidRequest", 400) as caught:
            send()
        assert words in caught.answer["Error"]["Message"]
    assert "Parts" not in secret.list_parts(**upload)


def test_a_part_is_copied_from_one_key_to_the_other(secret: Any, place: str) -> None:
    content = bytes(range(256)) * 1000
    secret.put_object(Bucket=place, Key="source", Body=content, **OTHER.sent)
    upload = create(secret, place, **MINE.sent)
    copied = secret.upload_part_copy(
        **upload,
        PartNumber=1,
        CopySource=f"{place}/source",
        CopySourceRange="bytes=100-70000",
        **OTHER.of_source,
        **MINE.sent,
    )
    assert told(copied) == by(MINE)
    parts = [{"PartNumber": 1, "ETag": copied["CopyPartResult"]["ETag"]}]
    secret.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    found = secret.get_object(Bucket=place, Key="parts", **MINE.sent)
    assert found["Body"].read() == content[100:70_001]


# -- copies ----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [10, 500_000])
def test_a_copy_has_the_key_that_it_is_given(secret: Any, sealed: str, unsealed: str, size: int) -> None:
    content = b"c" * size
    etag = secret.put_object(Bucket=sealed, Key="k", Body=content, **MINE.sent)["ETag"]
    from_mine = {"CopySource": f"{sealed}/k", **MINE.of_source}
    for target, sent, expected in (
        (sealed, OTHER.sent, by(OTHER)),
        (unsealed, MINE.sent, by(MINE)),
        (sealed, {}, BY_SERVER),
        (unsealed, {}, {}),
    ):
        copied = secret.copy_object(Bucket=target, Key="copy", **from_mine, **sent)
        assert (told(copied), copied["CopyObjectResult"]["ETag"]) == (expected, etag)
        found = secret.get_object(Bucket=target, Key="copy", **sent)
        assert (found["Body"].read(), told(found)) == (content, expected)


def test_a_plain_object_can_be_copied_under_a_key(secret: Any, place: str) -> None:
    secret.put_object(Bucket=place, Key="k", Body=b"plain")
    secret.copy_object(Bucket=place, Key="copy", CopySource=f"{place}/k", **MINE.sent)
    with refused("InvalidRequest", 400):
        secret.get_object(Bucket=place, Key="copy")
    assert secret.get_object(Bucket=place, Key="copy", **MINE.sent)["Body"].read() == b"plain"


def test_a_copy_onto_itself_changes_the_key(secret: Any, place: str) -> None:
    own = {"Bucket": place, "Key": "k", "CopySource": f"{place}/k"}
    secret.put_object(Bucket=place, Key="k", Body=b"x", **MINE.sent)
    secret.copy_object(**own, **MINE.of_source, **OTHER.sent)
    assert secret.get_object(Bucket=place, Key="k", **OTHER.sent)["Body"].read() == b"x"
    secret.copy_object(**own, **OTHER.of_source)
    assert secret.get_object(Bucket=place, Key="k")["Body"].read() == b"x"


def test_a_copy_needs_the_key_of_its_source(secret: Any, place: str) -> None:
    secret.put_object(Bucket=place, Key="k", Body=b"x", **MINE.sent)
    secret.put_object(Bucket=place, Key="plain", Body=b"x")
    for source, sent, code, status in (
        ("k", {}, "InvalidRequest", 400),
        ("k", MINE.sent, "InvalidRequest", 400),
        ("k", OTHER.of_source, "AccessDenied", 403),
        ("plain", MINE.of_source, "InvalidRequest", 400),
    ):
        with refused(code, status):
            secret.copy_object(Bucket=place, Key="copy", CopySource=f"{place}/{source}", **sent)
    assert [one["Key"] for one in secret.list_objects_v2(Bucket=place)["Contents"]] == ["k", "plain"]


# -- other ways in ---------------------------------------------------------------------------


def test_a_signed_url_carries_the_key_in_headers(encrypting: Server, secret: Any, place: str) -> None:
    signer = encrypting.client(ONE_TRY.merge(Config(signature_version="s3v4")))
    trusting = create_default_context(cafile=encrypting.settings["AWS_CA_BUNDLE"])

    def ask(operation: str, body: bytes | None, headers: dict[str, str]) -> bytes:
        params = {"Bucket": place, "Key": "k", **MINE.sent}
        url = signer.generate_presigned_url(operation, params, 60)
        assert MINE.text not in urllib.request.unquote(url)
        request = urllib.request.Request(
            url, body, headers, method="GET" if body is None else "PUT", unverifiable=True
        )
        with urllib.request.urlopen(request, context=trusting) as answer:
            return bytes(answer.read())

    ask("put_object", b"by url", {**MINE.headers, "Content-Type": ""})
    assert ask("get_object", None, MINE.headers) == b"by url"
    for headers in ({}, OTHER.headers):
        with pytest.raises(urllib.error.HTTPError, match="403"):
            ask("get_object", None, headers)


def test_a_form_can_bring_the_key(encrypting: Server, secret: Any, place: str) -> None:
    conditions = [["starts-with", f"${name}", ""] for name in MINE.headers]
    made = secret.generate_presigned_post(place, "k", None, conditions, 600)
    answer = post(encrypting, place, {**made["fields"], **MINE.headers}, b"from a form")
    assert (answer.status, answer.headers[f"{SSE}-customer-key-md5"]) == (204, MINE.md5)
    assert secret.get_object(Bucket=place, Key="k", **MINE.sent)["Body"].read() == b"from a form"


# -- what becomes of the key -----------------------------------------------------------------

FROM_FAR = {"x-forwarded-for": "192.0.2.9"}
BY_PROXY = {"x-forwarded-for": "192.0.2.9", "x-forwarded-proto": "https"}


def test_a_key_comes_over_tls_or_from_this_host(s3_server: Server, s3: Any, bucket: str) -> None:
    target = f"/{bucket}/k"
    for headers in ({}, BY_PROXY):
        assert raw.ask(s3_server, "PUT", target, MINE.headers | headers, b"x").status == 200
        assert raw.ask(s3_server, "GET", target, MINE.headers | headers).body == b"x"
    for method, body in (("PUT", b"y"), ("GET", b"")):
        answer = raw.ask(s3_server, method, target, MINE.headers | FROM_FAR, body)
        assert (answer.status, answer.code) == (400, "InvalidRequest")
        assert b"secure connection" in answer.body
    copy = {f"x-amz-copy-source-{n.removeprefix('x-amz-')}": v for n, v in MINE.headers.items()}
    copy |= {"x-amz-copy-source": target[1:], **FROM_FAR}
    assert raw.ask(s3_server, "PUT", f"/{bucket}/copy", copy).code == "InvalidRequest"
    assert raw.ask(s3_server, "GET", target, MINE.headers).body == b"x"


def test_a_form_from_far_brings_no_key_in_clear(s3_server: Server, s3: Any, bucket: str) -> None:
    conditions = [["starts-with", f"${name}", ""] for name in MINE.headers]
    fields = s3.generate_presigned_post(bucket, "k", None, conditions, 600)["fields"]
    answer = post(s3_server, bucket, {**fields, **MINE.headers}, b"x", headers=FROM_FAR)
    assert (answer.status, answer.code) == (400, "InvalidRequest")


def test_a_body_is_not_asked_for_with_a_bad_key(encrypting: Server, sealed: str) -> None:
    fields = MINE.headers | {f"{SSE}-customer-key-md5": OTHER.md5}
    fields |= {"content-length": "100000000", "expect": "100-continue"}
    with encrypting.connect() as connection:
        connection.sendall(raw.head(encrypting, "PUT", f"/{sealed}/k", fields))
        answer = raw.read(connection, "PUT")
    assert (answer.status, answer.code) == (400, "InvalidArgument")


def test_neither_key_nor_plaintext_is_left_anywhere(encrypting: Server, secret: Any, place: str) -> None:
    marker = b"nowhere-in-" + place.encode()
    secret.put_object(Bucket=place, Key="small", Body=marker, **MINE.sent)
    secret.put_object(Bucket=place, Key="large", Body=marker * 10_000, **MINE.sent)
    upload = create(secret, place, **MINE.sent)
    secret.upload_part(**upload, PartNumber=1, Body=marker * 200_000, **MINE.sent)
    with refused("AccessDenied", 403):
        secret.get_object(Bucket=place, Key="small", **OTHER.sent)
    wrong = raw.ask(encrypting, "GET", f"/{place}/small", MINE.headers, secret="wrong")
    assert (wrong.status, MINE.text.encode() in wrong.body) == (403, False)
    wait_for_line(encrypting, wrong.headers["x-amz-request-id"])
    for text in (marker, MINE.key, MINE.text.encode(), MINE.key.hex().encode(), OTHER.text.encode()):
        assert in_files(encrypting.home, text) == []


def wait_for_line(server: Server, request_id: str) -> None:
    """Until the access log has it, and so all that went before."""
    for _ in range(200):
        for line in server.log.read_text().splitlines():
            if request_id in line:
                assert json.loads(line[line.index("{") :])["status"] == 403
                return
        time.sleep(0.05)
    raise AssertionError("the request left no line")
