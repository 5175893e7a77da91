"""Encryption by the server: what is told of it, what may be asked for, what policies see of it."""

from __future__ import annotations

import io
from typing import Any

import pytest

from tests.s3 import raw
from tests.s3.encrypting import BY_SERVER, MINE, told
from tests.s3.errors import refused
from tests.s3.forms import post
from tests.s3.people import allow, denied, policy
from tests.s3.server import Server

MIB = 1024 * 1024
SSE = "x-amz-server-side-encryption"


def send_parts(s3: Any, bucket: str, key: str, **asked: str) -> list[dict[str, Any]]:
    """The answers to an upload of two parts, the second of which is copied."""
    s3.put_object(Bucket=bucket, Key="source", Body=b"s" * 100)
    created = s3.create_multipart_upload(Bucket=bucket, Key=key, **asked)
    upload = {"Bucket": bucket, "Key": key, "UploadId": created["UploadId"]}
    part = s3.upload_part(**upload, PartNumber=1, Body=b"p" * 5 * MIB)
    copied = s3.upload_part_copy(**upload, PartNumber=2, CopySource=f"{bucket}/source")
    tags = [part["ETag"], copied["CopyPartResult"]["ETag"]]
    parts = [{"PartNumber": number, "ETag": tag} for number, tag in enumerate(tags, 1)]
    completed = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    return [created, part, copied, completed]


@pytest.mark.parametrize("asked", [{}, BY_SERVER], ids=["unasked", "asked"])
def test_every_answer_about_a_sealed_object_says_so(secret: Any, sealed: str, asked: dict[str, str]) -> None:
    answers = [
        secret.put_object(Bucket=sealed, Key="k", Body=b"x", **asked),
        secret.get_object(Bucket=sealed, Key="k"),
        secret.head_object(Bucket=sealed, Key="k"),
        secret.copy_object(Bucket=sealed, Key="copy", CopySource=f"{sealed}/k", **asked),
        *send_parts(secret, sealed, "parts", **asked),
        secret.head_object(Bucket=sealed, Key="parts"),
    ]
    assert [told(answer) for answer in answers] == [BY_SERVER] * len(answers)


def test_of_other_objects_nothing_is_said(secret: Any, unsealed: str) -> None:
    answers = [
        secret.put_object(Bucket=unsealed, Key="k", Body=b"x"),
        secret.get_object(Bucket=unsealed, Key="k"),
        secret.head_object(Bucket=unsealed, Key="k"),
        *send_parts(secret, unsealed, "parts"),
    ]
    assert [told(answer) for answer in answers] == [{}] * len(answers)


def test_a_copy_is_encrypted_as_its_own_bucket_says(secret: Any, sealed: str, unsealed: str) -> None:
    secret.put_object(Bucket=unsealed, Key="k", Body=b"from the shelf")
    copied = secret.copy_object(Bucket=sealed, Key="k", CopySource=f"{unsealed}/k")
    assert told(copied) == BY_SERVER
    back = secret.copy_object(Bucket=unsealed, Key="back", CopySource=f"{sealed}/k")
    assert told(back) == {}
    found = secret.get_object(Bucket=unsealed, Key="back")
    assert (found["Body"].read(), found["ETag"]) == (b"from the shelf", back["CopyObjectResult"]["ETag"])


def test_a_form_is_told_too(encrypting: Server, secret: Any, sealed: str) -> None:
    asked = {SSE: "AES256"}
    made = secret.generate_presigned_post(sealed, "k", asked, [asked], 600)
    answer = post(encrypting, sealed, made["fields"], b"from a form")
    assert (answer.status, answer.headers[SSE]) == (204, "AES256")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"ServerSideEncryption": "AES256"}, "encryption.mode would have to be aes256-gcm-proxy or sse-s3"),
        ({"ServerSideEncryption": "aws:kms"}, "encryption.mode would have to be sse-kms"),
        ({"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "k1"}, "with aws:kms and the key k1"),
        ({"ServerSideEncryption": "aws:kms:dsse"}, "does not encrypt with aws:kms:dsse"),
    ],
    ids=str,
)
def test_what_a_backend_does_not_do_is_refused_by_its_name(
    secret: Any, unsealed: str, asked: dict[str, str], words: str
) -> None:
    secret.put_object(Bucket=unsealed, Key="k", Body=b"x")
    for ask in (
        lambda: secret.put_object(Bucket=unsealed, Key="new", Body=b"x", **asked),
        lambda: secret.copy_object(Bucket=unsealed, Key="new", CopySource=f"{unsealed}/k", **asked),
        lambda: secret.create_multipart_upload(Bucket=unsealed, Key="new", **asked),
    ):
        with refused("NotImplemented", 501) as caught:
            ask()
        message = caught.answer["Error"]["Message"]
        assert words in message and "'shelf'" in message
    assert secret.list_objects_v2(Bucket=unsealed)["KeyCount"] == 1
    assert "Uploads" not in secret.list_multipart_uploads(Bucket=unsealed)


def test_what_exists_cannot_be_asked_for_by_its_encryption(encrypting: Server, sealed: str) -> None:
    for method, target in (
        ("GET", f"/{sealed}/k"),
        ("HEAD", f"/{sealed}/k"),
        ("PUT", f"/{sealed}/k?partNumber=1&uploadId=u"),
    ):
        answer = raw.ask(encrypting, method, target, {SSE: "AES256"})
        assert answer.status == 400
        if method != "HEAD":
            assert answer.code == "InvalidArgument"


def test_a_copy_onto_itself_may_ask_for_encryption_and_for_nothing_else(secret: Any, sealed: str) -> None:
    secret.put_object(Bucket=sealed, Key="k", Body=b"x", Metadata={"a": "b"})
    with refused("InvalidRequest", 400):
        secret.copy_object(Bucket=sealed, Key="k", CopySource=f"{sealed}/k")
    secret.copy_object(Bucket=sealed, Key="k", CopySource=f"{sealed}/k", **BY_SERVER)
    found = secret.get_object(Bucket=sealed, Key="k")
    assert (found["Body"].read(), found["Metadata"], told(found)) == (b"x", {"a": "b"}, BY_SERVER)


def deny(bucket: str, condition: dict[str, dict[str, str]]) -> dict[str, Any]:
    return allow(bucket, "s3:PutObject", Effect="Deny", Condition=condition)


@pytest.mark.parametrize(
    ("condition", "fits", "breaks"),
    [
        ({"StringNotEquals": {f"s3:{SSE}": "AES256"}}, BY_SERVER, {}),
        ({"Null": {f"s3:{SSE}-customer-algorithm": "true"}}, MINE.sent, {}),
        ({"Null": {f"s3:{SSE}-customer-algorithm": "false"}}, {}, MINE.sent),
        (
            {"StringEquals": {f"s3:{SSE}-aws-kms-key-id": "not-this-one"}},
            BY_SERVER,
            {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "not-this-one"},
        ),
    ],
    ids=["must ask", "must bring a key", "may bring no key", "not by that key"],
)
def test_policies_see_what_is_asked_for(
    secret: Any, sealed: str, condition: Any, fits: dict[str, str], breaks: dict[str, str]
) -> None:
    secret.put_bucket_policy(Bucket=sealed, Policy=policy(deny(sealed, condition)))
    secret.put_object(Bucket=sealed, Key="k", Body=b"x", **fits)
    with denied():
        secret.put_object(Bucket=sealed, Key="k", Body=b"x", **breaks)
    with denied():
        secret.create_multipart_upload(Bucket=sealed, Key="k", **breaks)


def test_the_sdks_own_way_to_send_parts_works(secret: Any, sealed: str) -> None:
    content = bytes(range(256)) * 50_000
    secret.upload_fileobj(io.BytesIO(content), sealed, "large", ExtraArgs=BY_SERVER)
    target = io.BytesIO()
    secret.download_fileobj(sealed, "large", target)
    assert target.getvalue() == content
