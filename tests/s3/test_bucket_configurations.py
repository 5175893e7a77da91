"""What a client that looks at a whole bucket sees of features that we do not have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.s3 import raw
from tests.s3.errors import refused
from tests.s3.server import Server


@pytest.mark.parametrize(
    ("ask", "code"),
    [
        ("get_bucket_encryption", "ServerSideEncryptionConfigurationNotFoundError"),
        ("get_bucket_lifecycle_configuration", "NoSuchLifecycleConfiguration"),
        ("get_bucket_replication", "ReplicationConfigurationNotFoundError"),
        ("get_bucket_website", "NoSuchWebsiteConfiguration"),
        ("get_bucket_cors", "NoSuchCORSConfiguration"),
        ("get_bucket_tagging", "NoSuchTagSet"),
        ("get_bucket_policy", "NoSuchBucketPolicy"),
        ("get_bucket_ownership_controls", "OwnershipControlsNotFoundError"),
        ("get_public_access_block", "NoSuchPublicAccessBlockConfiguration"),
        ("get_object_lock_configuration", "ObjectLockConfigurationNotFoundError"),
    ],
)
def test_a_fresh_bucket_has_no_such_configuration(s3: Any, bucket: str, ask: str, code: str) -> None:
    with refused(code, 404):
        getattr(s3, ask)(Bucket=bucket)


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        ("get_bucket_accelerate_configuration", {}),
        ("get_bucket_logging", {}),
        ("get_bucket_notification_configuration", {}),
        ("get_bucket_request_payment", {"Payer": "BucketOwner"}),
        ("get_bucket_versioning", {}),
    ],
)
def test_a_fresh_bucket_is_set_to_nothing(s3: Any, bucket: str, ask: str, expected: dict[str, Any]) -> None:
    answer = getattr(s3, ask)(Bucket=bucket)
    assert {name: value for name, value in answer.items() if name != "ResponseMetadata"} == expected


@pytest.mark.parametrize("name", ["analytics", "intelligent_tiering", "inventory", "metrics"])
def test_of_configurations_with_ids_there_is_none(s3: Any, bucket: str, name: str) -> None:
    listed = getattr(s3, f"list_bucket_{name}_configurations")(Bucket=bucket)
    assert listed["IsTruncated"] is False and not any("List" in part for part in listed)
    for verb in ("get", "delete"):
        with refused("NoSuchConfiguration", 404):
            getattr(s3, f"{verb}_bucket_{name}_configuration")(Bucket=bucket, Id="one")


@pytest.mark.parametrize(
    "ask",
    [
        "delete_bucket_encryption",
        "delete_bucket_lifecycle",
        "delete_bucket_replication",
        "delete_bucket_website",
        "delete_bucket_cors",
    ],
)
def test_what_is_not_there_can_be_deleted(s3: Any, bucket: str, ask: str) -> None:
    assert getattr(s3, ask)(Bucket=bucket)["ResponseMetadata"]["HTTPStatusCode"] == 204


QUEUE = {"QueueArn": "arn:aws:sqs:us-east-1:1:q", "Events": ["s3:ObjectCreated:*"]}
ASKS: dict[str, tuple[Callable[..., Any], dict[str, Any], dict[str, Any]]] = {
    "notification": (
        lambda s3, **more: s3.put_bucket_notification_configuration(**more),
        {"NotificationConfiguration": {}},
        {"NotificationConfiguration": {"QueueConfigurations": [QUEUE]}},
    ),
    "logging": (
        lambda s3, **more: s3.put_bucket_logging(**more),
        {"BucketLoggingStatus": {}},
        {"BucketLoggingStatus": {"LoggingEnabled": {"TargetBucket": "b", "TargetPrefix": ""}}},
    ),
    "request payment": (
        lambda s3, **more: s3.put_bucket_request_payment(**more),
        {"RequestPaymentConfiguration": {"Payer": "BucketOwner"}},
        {"RequestPaymentConfiguration": {"Payer": "Requester"}},
    ),
    "acceleration": (
        lambda s3, **more: s3.put_bucket_accelerate_configuration(**more),
        {"AccelerateConfiguration": {"Status": "Suspended"}},
        {"AccelerateConfiguration": {"Status": "Enabled"}},
    ),
}


@pytest.mark.parametrize("name", ASKS)
def test_to_ask_for_nothing_is_accepted_and_for_more_is_not_implemented(
    s3: Any, bucket: str, name: str
) -> None:
    put, nothing, more = ASKS[name]
    put(s3, Bucket=bucket, **nothing)
    with refused("NotImplemented", 501):
        put(s3, Bucket=bucket, **more)


@pytest.mark.parametrize(
    ("marker", "document"),
    [
        ("notification", b"<NotificationConfiguration><Other/></NotificationConfiguration>"),
        ("notification", b"nothing"),
        ("logging", b"<BucketLoggingStatus><Other/></BucketLoggingStatus>"),
        ("requestPayment", b"<RequestPaymentConfiguration/>"),
        (
            "requestPayment",
            b"<RequestPaymentConfiguration><Payer>Nobody</Payer></RequestPaymentConfiguration>",
        ),
        ("accelerate", b"<AccelerateConfiguration><Status>Fast</Status></AccelerateConfiguration>"),
        ("cors", b"<CORSConfiguration/>"),
    ],
)
def test_a_document_against_the_schema_is_malformed(
    s3_server: Server, bucket: str, marker: str, document: bytes
) -> None:
    answer = raw.ask(s3_server, "PUT", f"/{bucket}?{marker}=", body=document)
    assert (answer.status, answer.code) == (400, "MalformedXML")
