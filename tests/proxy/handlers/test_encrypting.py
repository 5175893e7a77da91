"""What a bucket's backend makes of what a request says about encryption."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from proxy.absences import ServerSideEncryptionConfigurationNotFoundError
from proxy.backends.seals import UNENCRYPTED, Encryption
from proxy.backends.values import Place, Route, UploadInfo
from proxy.bucket_settings import BucketSettings
from proxy.caller import Caller
from proxy.door.pipe import Whole
from proxy.errors import AccessDenied, InvalidRequest, NotImplementedByUs, S3Error
from proxy.handlers import bucket_encryption, encrypting
from proxy.handlers.call import Call
from proxy.records import BucketRecord, GateState
from proxy.wire import xml
from proxy.wire.encryption import CustomerKey
from tests.proxy.wire.making import request

SSE = "x-amz-server-side-encryption"
KEY, OTHER = CustomerKey.of(b"k" * 32), CustomerKey.of(b"o" * 32)
BACKENDS = {
    "bare": {},
    "none": {"encryption": {"mode": "none"}},
    "proxy": {"encryption": {"mode": "aes256-gcm-proxy", "kms_key_id": None}},
    "sse-s3": {"encryption": {"mode": "sse-s3", "kms_key_id": None}},
    "kms": {"encryption": {"mode": "sse-kms", "kms_key_id": "k1"}},
    "kms-own": {"encryption": {"mode": "sse-kms", "kms_key_id": None}},
}
"""They are never opened: what they are configured to do is all that is asked."""


@pytest.fixture(autouse=True)
def storage(settings: Any) -> None:
    settings.STORAGE = {"backends": BACKENDS, "default_backend": "bare", "buckets": {}}


def call(
    backend: str, headers: dict[str, str] | None = None, body: bytes = b"", *, keys_in_clear: bool = False
) -> Call:
    """A request to a bucket on that backend, from another host over HTTP."""
    route = Route(backend, Place("id", "photos", "1"))
    return Call(
        request=request("PUT", b"/photos/k", headers={"content-length": str(len(body)), **(headers or {})}),
        credentials=None,
        caller=Caller("a" * 64, "me"),
        rights=None,  # type: ignore[arg-type]
        right="s3:PutObject",
        pieces=Whole(body),
        now_ms=0,
        region="us-east-1",
        keys_in_clear=keys_in_clear,
        bucket=BucketRecord("id", "photos", "a" * 64, 0, route, GateState(None, 0), BucketSettings()),
    )


def of(key: CustomerKey) -> dict[str, str]:
    text = base64.b64encode(key.key).decode()
    return {
        f"{SSE}-customer-algorithm": "AES256",
        f"{SSE}-customer-key": text,
        f"{SSE}-customer-key-md5": key.md5,
    }


def asked(mode: str = "", key: str = "") -> dict[str, str]:
    return ({SSE: mode} if mode else {}) | ({f"{SSE}-aws-kms-key-id": key} if key else {})


TAKEN = [
    *((backend, asked()) for backend in BACKENDS),
    ("proxy", asked("AES256")),
    ("sse-s3", asked("AES256")),
    ("kms", asked("aws:kms")),
    ("kms", asked("aws:kms", "k1")),
    ("kms-own", asked("aws:kms")),
]
REFUSED = [
    ("bare", asked("AES256"), "aes256-gcm-proxy or sse-s3"),
    ("none", asked("AES256"), "aes256-gcm-proxy or sse-s3"),
    ("none", asked("aws:kms"), "sse-kms"),
    ("proxy", asked("aws:kms"), "sse-kms"),
    ("sse-s3", asked("aws:kms", "k1"), "sse-kms with that kms_key_id"),
    ("kms", asked("AES256"), "aes256-gcm-proxy or sse-s3"),
    ("kms", asked("aws:kms", "k2"), "aws:kms and the key k2"),
    ("kms-own", asked("aws:kms", "k1"), "aws:kms and the key k1"),
    ("kms", asked("aws:kms:dsse"), "does not encrypt with aws:kms:dsse"),
]


@pytest.mark.parametrize(("backend", "headers"), TAKEN)
def test_what_is_done_anyway_may_be_asked_for(backend: str, headers: dict[str, str]) -> None:
    assert encrypting.key_of_new(call(backend, headers)) is None


@pytest.mark.parametrize(("backend", "headers", "words"), REFUSED)
def test_what_is_not_done_is_refused_by_the_backends_name(
    backend: str, headers: dict[str, str], words: str
) -> None:
    with pytest.raises(NotImplementedByUs, match=words) as caught:
        encrypting.key_of_new(call(backend, headers))
    assert repr(backend) in caught.value.message


@pytest.mark.parametrize(
    ("backend", "told"),
    [
        ("none", UNENCRYPTED),
        ("proxy", Encryption("AES256")),
        ("sse-s3", Encryption("AES256")),
        ("kms", Encryption("aws:kms", "k1")),
        ("kms-own", Encryption("aws:kms")),
    ],
)
def test_a_new_object_is_sealed_as_its_backend_says_or_by_its_own_key(backend: str, told: Encryption) -> None:
    assert encrypting.of_new(call(backend), None) == told
    assert encrypting.of_new(call(backend), KEY.key) == Encryption("customer", KEY.md5)


# -- keys of clients -------------------------------------------------------------------------


def test_a_key_in_clear_from_another_host_is_refused_unless_that_is_allowed() -> None:
    for take in (encrypting.key_of_new, encrypting.key_of_read):
        with pytest.raises(InvalidRequest, match="secure connection"):
            take(call("none", of(KEY)))
        assert take(call("none", of(KEY), keys_in_clear=True)) == KEY


def test_a_key_over_tls_or_from_this_host_is_taken() -> None:
    by_tls, from_here = call("none", of(KEY)), call("none", of(KEY))
    by_tls.request.scheme = "https"
    from_here.request.client = "::1"
    assert encrypting.key_of_new(by_tls) == encrypting.key_of_read(from_here) == KEY


def test_the_key_to_a_source_is_refused_in_clear_too() -> None:
    headers = {f"x-amz-copy-source-{n.removeprefix('x-amz-')}": value for n, value in of(KEY).items()}
    with pytest.raises(InvalidRequest, match="secure connection"):
        encrypting.key_of_read(call("none", headers), of_source=True)
    allowed = call("none", headers, keys_in_clear=True)
    assert encrypting.key_of_read(allowed, of_source=True) == KEY
    assert encrypting.key_of_read(allowed) is None


SEALED_BY_KEY = Encryption("customer", KEY.md5)


@pytest.mark.parametrize(
    ("sealed", "key", "error"),
    [
        (UNENCRYPTED, None, None),
        (Encryption("AES256"), None, None),
        (SEALED_BY_KEY, KEY, None),
        (SEALED_BY_KEY, None, InvalidRequest),
        (SEALED_BY_KEY, OTHER, AccessDenied),
        (UNENCRYPTED, KEY, InvalidRequest),
        (Encryption("AES256"), KEY, InvalidRequest),
    ],
)
def test_what_a_read_needs(sealed: Encryption, key: CustomerKey | None, error: type[S3Error] | None) -> None:
    if error is None:
        encrypting.check_key(sealed, key)
        return
    with pytest.raises(error):
        encrypting.check_key(sealed, key)


@pytest.mark.parametrize(
    ("sealed", "headers", "part", "completion"),
    [
        (SEALED_BY_KEY, of(KEY), True, True),
        (SEALED_BY_KEY, {}, False, True),
        (SEALED_BY_KEY, of(OTHER), False, False),
        (Encryption("AES256"), {}, True, True),
        (Encryption("AES256"), of(KEY), False, False),
    ],
)
def test_what_an_upload_needs(
    sealed: Encryption, headers: dict[str, str], part: bool, completion: bool
) -> None:
    upload = UploadInfo("u", "k", 0, encryption=sealed)
    for take, taken in ((encrypting.key_of_part, part), (encrypting.key_of_completion, completion)):
        asking = call("none", headers, keys_in_clear=True)
        if taken:
            assert take(asking, upload) == (KEY if headers else None)
        else:
            with pytest.raises(InvalidRequest):
                take(asking, upload)


# -- the configuration of a bucket -----------------------------------------------------------


@pytest.mark.parametrize(
    ("backend", "mode", "key"),
    [("kms", "aws:kms", "k1"), ("kms-own", "aws:kms", ""), ("proxy", "AES256", "")],
)
def test_a_bucket_says_what_its_backend_does_and_takes_that_back(backend: str, mode: str, key: str) -> None:
    document = xml.bucket_encryption(mode, key)
    assert bucket_encryption.get_encryption(call(backend)).body == document
    assert bucket_encryption.put_encryption(call(backend, body=document)).status == 200


def test_without_encryption_there_is_no_configuration() -> None:
    with pytest.raises(ServerSideEncryptionConfigurationNotFoundError):
        bucket_encryption.get_encryption(call("none"))


@pytest.mark.parametrize(
    ("backend", "mode", "key"),
    [("none", "AES256", ""), ("proxy", "aws:kms", ""), ("kms", "AES256", ""), ("kms", "aws:kms", "")],
)
def test_a_change_is_refused(backend: str, mode: str, key: str) -> None:
    with pytest.raises(NotImplementedByUs, match=backend):
        bucket_encryption.put_encryption(call(backend, body=xml.bucket_encryption(mode, key)))


@pytest.mark.parametrize(
    ("backend", "goes"), [("none", True), ("proxy", True), ("sse-s3", True), ("kms", False)]
)
def test_what_a_kms_does_cannot_be_deleted(backend: str, goes: bool) -> None:
    if goes:
        assert bucket_encryption.delete_encryption(call(backend)).status == 204
    else:
        with pytest.raises(NotImplementedByUs):
            bucket_encryption.delete_encryption(call(backend))
