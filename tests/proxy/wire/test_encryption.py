"""What requests ask and answers tell about encryption."""

from __future__ import annotations

import base64
import hashlib

import pytest

from proxy.errors import InvalidArgument, InvalidEncryptionAlgorithmError, NotImplementedByUs, S3Error
from proxy.wire.encryption import (
    CUSTOMER,
    SOURCE_HEADERS,
    Asked,
    asked_encryption,
    brings_key,
    check_taken,
    customer_key,
    is_key,
    tell,
    without_keys,
)

KEY = bytes(range(32))
SSE = "x-amz-server-side-encryption"
ALGORITHM, TEXT, MD5 = (f"{SSE}-customer-{name}" for name in ("algorithm", "key", "key-md5"))
KMS_KEY, CONTEXT, BUCKET_KEY = (
    f"{SSE}-{name}" for name in ("aws-kms-key-id", "context", "bucket-key-enabled")
)


def b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def md5(content: bytes) -> str:
    return b64(hashlib.md5(content).digest())


def of(key: bytes) -> dict[str, str]:
    return {ALGORITHM: "AES256", TEXT: b64(key), MD5: md5(key)}


def without(*names: str) -> dict[str, str]:
    return {name: value for name, value in of(KEY).items() if name not in names}


def test_a_customers_key_is_read_whole() -> None:
    found = customer_key(of(KEY))
    assert found is not None
    assert (found.key, found.md5) == (KEY, md5(KEY))
    assert customer_key({"host": "x"}) is None


def test_the_key_to_a_copys_source_has_headers_of_its_own() -> None:
    headers = dict(zip(SOURCE_HEADERS, of(KEY).values(), strict=True))
    assert customer_key(headers) is None
    found = customer_key(headers, SOURCE_HEADERS)
    assert found is not None and found.key == KEY


@pytest.mark.parametrize(
    ("headers", "error", "message"),
    [
        (without(ALGORITHM), InvalidArgument, "must provide a valid encryption algorithm"),
        (without(ALGORITHM, TEXT), InvalidArgument, "must provide a valid encryption algorithm"),
        (of(KEY) | {ALGORITHM: "AES192"}, InvalidEncryptionAlgorithmError, "Supported value: AES256"),
        (of(KEY) | {ALGORITHM: ""}, InvalidEncryptionAlgorithmError, "Supported value: AES256"),
        (without(TEXT), InvalidArgument, "must provide an appropriate secret key"),
        (without(MD5), InvalidArgument, "must provide the client calculated MD5"),
        (of(KEY) | {MD5: md5(b"another")}, InvalidArgument, "did not match the hash that was provided"),
        (of(b"sixteen bytes!!!"), InvalidArgument, "secret key was invalid"),
        (of(KEY + b"!"), InvalidArgument, "secret key was invalid"),
        (of(b""), InvalidArgument, "secret key was invalid"),
        (of(KEY) | {TEXT: "no base64!"}, InvalidArgument, "secret key was invalid"),
        (of(KEY) | {TEXT: "ключ".encode().decode("latin-1")}, InvalidArgument, "secret key was invalid"),
        (of(b"short") | {MD5: md5(KEY)}, InvalidArgument, "did not match the hash that was provided"),
    ],
)
def test_every_mistake_with_a_key_is_named_without_the_key(
    headers: dict[str, str], error: type[S3Error], message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        customer_key(headers)
    assert caught.value.status == 400
    assert caught.value.fields["ArgumentName"] == SSE
    if headers.get(TEXT):
        assert headers[TEXT] not in repr(caught.value.fields) + caught.value.message


@pytest.mark.parametrize(
    ("headers", "asked"),
    [
        ({}, Asked()),
        ({SSE: "AES256"}, Asked("AES256")),
        ({SSE: "AES256", BUCKET_KEY: "false"}, Asked("AES256")),
        ({SSE: "aws:kms"}, Asked("aws:kms")),
        ({SSE: "aws:kms", KMS_KEY: "alias/mine", BUCKET_KEY: "False"}, Asked("aws:kms", "alias/mine")),
        ({SSE: "aws:kms:dsse"}, Asked("aws:kms:dsse")),
        (of(KEY), Asked(customer=customer_key(of(KEY)))),
    ],
)
def test_a_write_asks_for_one_kind(headers: dict[str, str], asked: Asked) -> None:
    assert asked_encryption(headers) == asked


@pytest.mark.parametrize(
    ("headers", "error", "message"),
    [
        ({SSE: ""}, InvalidArgument, "method specified is not supported"),
        ({SSE: "aes:kms"}, InvalidArgument, "method specified is not supported"),
        ({SSE: "aes256"}, InvalidArgument, "method specified is not supported"),
        ({KMS_KEY: "k"}, InvalidArgument, "requires HTTP header x-amz-server-side-encryption : aws:kms"),
        ({SSE: "AES256", KMS_KEY: "k"}, InvalidArgument, "requires HTTP header"),
        ({SSE: "AES256", **of(KEY)}, InvalidArgument, "incompatible with the encryption method"),
        ({KMS_KEY: "k", **of(KEY)}, InvalidArgument, "incompatible with the encryption method"),
        ({SSE: "AES256", ALGORITHM: "DES"}, InvalidArgument, "incompatible with the encryption method"),
        ({SSE: "aws:kms", CONTEXT: "e30="}, NotImplementedByUs, "not implemented"),
        ({SSE: "aws:kms", BUCKET_KEY: "true"}, NotImplementedByUs, "not implemented"),
        ({BUCKET_KEY: "maybe"}, NotImplementedByUs, "not implemented"),
    ],
)
def test_what_does_not_fit_together_is_refused(
    headers: dict[str, str], error: type[S3Error], message: str
) -> None:
    with pytest.raises(error, match=message):
        asked_encryption(headers)


@pytest.mark.parametrize(
    ("header", "operation"),
    [
        (SSE, "PutObject"),
        (SSE, "PostObject"),
        (SSE, "CreateMultipartUpload"),
        (KMS_KEY, "CopyObject"),
        (TEXT, "GetObject"),
        (TEXT, "HeadObject"),
        (MD5, "UploadPart"),
        (TEXT, "CompleteMultipartUpload"),
        (TEXT, "ListParts"),
        (TEXT, "GetObjectAttributes"),
        (SOURCE_HEADERS[1], "CopyObject"),
        (SOURCE_HEADERS[1], "UploadPartCopy"),
    ],
)
def test_an_operation_takes_the_headers_that_mean_something_to_it(header: str, operation: str) -> None:
    check_taken(header, operation)


@pytest.mark.parametrize(
    ("header", "operation"),
    [
        (SSE, "GetObject"),
        (SSE, "HeadObject"),
        (SSE, "UploadPart"),
        (KMS_KEY, "CompleteMultipartUpload"),
        (TEXT, "DeleteObject"),
        (TEXT, "PutObjectTagging"),
        (SOURCE_HEADERS[1], "PutObject"),
    ],
)
def test_it_takes_no_others(header: str, operation: str) -> None:
    with pytest.raises(InvalidArgument, match=f"{header} header is not supported") as caught:
        check_taken(header, operation)
    assert caught.value.fields == {"ArgumentName": header}


def test_a_header_of_encryption_that_nobody_knows_is_not_implemented() -> None:
    with pytest.raises(NotImplementedByUs):
        check_taken(f"{SSE}-of-tomorrow", "PutObject")


def test_a_key_is_known_wherever_it_comes() -> None:
    assert brings_key(of(KEY)) and brings_key({SOURCE_HEADERS[1]: "k"})
    assert not brings_key({ALGORITHM: "AES256", MD5: md5(KEY), SSE: "AES256"})
    assert is_key(TEXT) and is_key(SOURCE_HEADERS[1]) and not is_key(MD5)


def test_a_text_is_shown_without_the_keys() -> None:
    headers = {TEXT: "a  b", SOURCE_HEADERS[1]: "c/d+e="}
    assert without_keys("x:a b y:a  b z:c/d+e= c", headers) == "x:*** y:*** z:*** c"
    assert without_keys("as it is", {TEXT: ""}) == "as it is"


def test_a_key_is_not_shown_where_its_object_is() -> None:
    assert b64(KEY) not in repr(customer_key(of(KEY))) and repr(KEY) not in repr(customer_key(of(KEY)))


@pytest.mark.parametrize(
    ("mode", "key", "headers"),
    [
        ("", "", {}),
        ("AES256", "", {SSE: "AES256"}),
        ("aws:kms", "", {SSE: "aws:kms"}),
        ("aws:kms", "id", {SSE: "aws:kms", KMS_KEY: "id"}),
        (CUSTOMER, "md5", {ALGORITHM: "AES256", f"{SSE}-customer-key-MD5": "md5"}),
    ],
)
def test_answers_tell_it_in_s3s_headers(mode: str, key: str, headers: dict[str, str]) -> None:
    assert tell(mode, key) == headers
