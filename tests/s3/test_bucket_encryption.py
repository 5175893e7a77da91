"""What a bucket says about the encryption of its objects, and what can be put."""

from __future__ import annotations

from typing import Any

import pytest

from tests.s3 import raw
from tests.s3.errors import refused
from tests.s3.server import Server

AES256 = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
KMS = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "k"}}


def put(s3: Any, bucket: str, rule: dict[str, Any]) -> None:
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})


def test_a_bucket_that_is_sealed_says_so_whatever_is_put_or_deleted(secret: Any, sealed: str) -> None:
    rule = {**AES256, "BucketKeyEnabled": False}
    for change in (
        lambda: None,
        lambda: put(secret, sealed, AES256),
        lambda: put(secret, sealed, {**rule, "BlockedEncryptionTypes": {"EncryptionType": ["NONE"]}}),
        lambda: secret.delete_bucket_encryption(Bucket=sealed),
    ):
        change()
        answer = secret.get_bucket_encryption(Bucket=sealed)
        assert answer["ServerSideEncryptionConfiguration"] == {"Rules": [rule]}


def test_a_bucket_that_is_not_has_no_configuration(secret: Any, unsealed: str) -> None:
    secret.delete_bucket_encryption(Bucket=unsealed)
    with refused("ServerSideEncryptionConfigurationNotFoundError", 404):
        secret.get_bucket_encryption(Bucket=unsealed)


@pytest.mark.parametrize(
    "rule",
    [
        KMS,
        {**AES256, "BucketKeyEnabled": True},
        {"BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"]}},
    ],
    ids=str,
)
def test_what_would_be_a_change_is_not_implemented(secret: Any, sealed: str, rule: dict[str, Any]) -> None:
    with refused("NotImplemented", 501):
        put(secret, sealed, rule)


def test_the_refusal_says_what_would_have_to_be_configured(secret: Any, unsealed: str) -> None:
    for rule, mode in ((AES256, "aes256-gcm-proxy or sse-s3"), (KMS, "sse-kms")):
        with refused("NotImplemented", 501) as caught:
            put(secret, unsealed, rule)
        message = caught.answer["Error"]["Message"]
        assert "'shelf'" in message and f"encryption.mode would have to be {mode}" in message


def test_a_document_against_the_schema_is_malformed(encrypting: Server, sealed: str) -> None:
    answer = raw.ask(
        encrypting, "PUT", f"/{sealed}?encryption=", body=b"<ServerSideEncryptionConfiguration/>"
    )
    assert (answer.status, answer.code) == (400, "MalformedXML")
