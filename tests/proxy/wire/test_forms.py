"""Upload forms: framing, policy and signature, each within its bounds."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import (
    AccessDenied,
    AuthorizationQueryParametersError,
    EntityTooLarge,
    EntityTooSmall,
    InvalidAccessKeyId,
    InvalidArgument,
    InvalidPolicyDocument,
    MalformedPOSTRequest,
    MaxPostPreDataLengthExceeded,
    PreconditionFailed,
    S3Error,
    SignatureDoesNotMatch,
)
from proxy.wire.form_policy import FormPolicy, read_policy
from proxy.wire.form_signatures import is_signed, verify
from proxy.wire.forms import MAX_FIELD_BYTES, FormReader
from tests.proxy.wire.making import secret_for

TYPE = 'multipart/form-data; boundary="b0und"'


def part(name: str, value: bytes, more: str = "") -> bytes:
    return (
        f'--b0und\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + value + b"\r\n"
    )


END = b"--b0und--\r\n"
FORM = (
    part("Key", b"a/${filename}") + part("file", b"\r\n--b0un\r\ncontent", '; filename="C:\\x\\n.txt"') + END
)


def cut(whole: bytes, size: int) -> list[bytes]:
    return [whole[start : start + size] for start in range(0, len(whole), size)]


@pytest.mark.parametrize("size", [1, 7, 64, 10_000])
def test_fields_and_file_are_found_however_the_body_is_cut(size: int) -> None:
    reader = FormReader(TYPE, cut(FORM + b"epilogue", size))
    form = reader.head()
    assert (form.fields, form.filename) == ({"key": "a/${filename}"}, "n.txt")
    assert b"".join(reader.file()) == b"\r\n--b0un\r\ncontent"


def test_what_comes_behind_the_file_is_thrown_away() -> None:
    reader = FormReader(TYPE, [FORM[: -len(END)] + part("acl", b"public-read") + part("file", b"2") + END])
    assert "acl" not in reader.head().fields
    assert b"".join(reader.file()) == b"\r\n--b0un\r\ncontent"


@given(st.binary(max_size=400), st.integers(1, 50))
def test_any_file_passes_unchanged(content: bytes, size: int) -> None:
    if b"\r\n--b0und" in b"\r\n" + content:
        return
    reader = FormReader(TYPE, cut(part("file", content) + END, size))
    reader.head()
    assert b"".join(reader.file()) == content


@given(st.binary(max_size=300), st.integers(1, 50))
def test_any_body_at_all_is_read_or_refused(body: bytes, size: int) -> None:
    try:
        reader = FormReader(TYPE, cut(b"--b0und\r\n" + body, size))
        reader.head()
        list(reader.file())
    except S3Error as error:
        assert error.status == 400


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", MalformedPOSTRequest),
        (b"not a form", MalformedPOSTRequest),
        (FORM[:-20], MalformedPOSTRequest),
        (part("key", b"\xff") + END, MalformedPOSTRequest),
        (b"--b0und\r\n\r\nno name\r\n" + END, MalformedPOSTRequest),
        (b"--b0und\r\n" + b"a: b\r\n" * 9 + b"\r\n\r\n" + END, MalformedPOSTRequest),
        (b"--b0und\r\na: " + b"b" * 5000 + b"\r\n\r\n\r\n" + END, MalformedPOSTRequest),
        (part("key", b"k") + END, InvalidArgument),
        (part("key", b"k") + part("KEY", b"k") + END, InvalidArgument),
        (part("a", b"v" * (MAX_FIELD_BYTES + 1)) + END, MaxPostPreDataLengthExceeded),
        (
            b"".join(part(str(number), b"v" * MAX_FIELD_BYTES) for number in range(4)) + END,
            MaxPostPreDataLengthExceeded,
        ),
    ],
)
def test_what_is_no_form_is_refused(body: bytes, error: type[S3Error]) -> None:
    with pytest.raises(error):
        reader = FormReader(TYPE, cut(body, 4096))
        reader.head()
        list(reader.file())


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "multipart/form-data", "multipart/mixed; boundary=b"]
)
def test_another_type_is_no_form(content_type: str) -> None:
    with pytest.raises(PreconditionFailed):
        FormReader(content_type, [])


# -- policies ---------------------------------------------------------------------------------

EXPIRES = "2030-01-01T00:00:00Z"
NOW = 1_800_000_000.0


def policy(*conditions: Any, **others: Any) -> FormPolicy:
    said = {"expiration": EXPIRES, "conditions": list(conditions), **others}
    return read_policy(base64.b64encode(json.dumps(said).encode()).decode())


FIELDS = {"bucket": "b", "key": "user/1/x", "content-type": "image/png,image/gif", "x-amz-signature": "s"}
COVERED = (
    {"bUcKeT": "b"},
    ["StArTs-WiTh", "$KeY", "user/1/"],
    ["starts-with", "$Content-Type", "image/"],
)


def test_a_form_that_keeps_its_policy_passes() -> None:
    checked = policy(*COVERED, ["content-length-range", 1, "10"])
    checked.check({**FIELDS, "x-ignore-this": "1", "x-amz-checksum-sha256": "c", "policy": "p"}, now=NOW)
    assert (checked.least, checked.most) == (1, 10)
    policy(["eq", "$key", "k"], ["starts-with", "$acl", ""]).check({"key": "k", "bucket": "b"}, now=NOW)


@pytest.mark.parametrize(
    ("conditions", "fields", "message"),
    [
        (
            ({"bucket": "other"}, *COVERED[1:]),
            FIELDS,
            r'Policy Condition failed: \["eq", "\$bucket", "other"\]',
        ),
        (COVERED, {**FIELDS, "key": "user/2/x"}, "Policy Condition failed"),
        (COVERED, {**FIELDS, "content-type": "image/png, text/html"}, "Policy Condition failed"),
        ((*COVERED, {"acl": "private"}), FIELDS, "Policy Condition failed"),
        (COVERED, {**FIELDS, "acl": "public-read"}, "Extra input fields: acl"),
        (COVERED[:1], FIELDS, "Extra input fields: content-type, key"),
    ],
)
def test_a_form_that_breaks_its_policy_is_refused(
    conditions: tuple[Any, ...], fields: dict[str, str], message: str
) -> None:
    with pytest.raises(AccessDenied, match="^AccessDenied: Invalid according to Policy: " + message):
        policy(*conditions).check(fields, now=NOW)


def test_a_policys_error_does_not_show_a_clients_encryption_key() -> None:
    name = "x-amz-server-side-encryption-customer-key"
    with pytest.raises(AccessDenied, match=r'\["eq", "\$x-amz-[a-z-]*-key", "\*\*\*"\]$'):
        policy(*COVERED, ["eq", f"${name}", "c2VjcmV0"]).check({**FIELDS, name: "other"}, now=NOW)


def test_a_policy_ends_with_its_expiration() -> None:
    with pytest.raises(AccessDenied, match="Policy expired"):
        policy(*COVERED).check(FIELDS, now=2_000_000_000)


def test_the_file_keeps_to_the_narrowest_range() -> None:
    checked = policy(["content-length-range", 2, 100], ["content-length-range", 0, 10])
    checked.check_size(10, whole=True)
    checked.check_size(1, whole=False)
    with pytest.raises(EntityTooSmall):
        checked.check_size(1, whole=True)
    with pytest.raises(EntityTooLarge):
        checked.check_size(11, whole=False)


@pytest.mark.parametrize(
    "said",
    [
        {"conditions": []},
        {"expiration": EXPIRES},
        {"expiration": EXPIRES, "CONDITIONS": []},
        {"EXPIRATION": EXPIRES, "conditions": []},
        {"expiration": "2030-01-01 00:00:00", "conditions": []},
        {"expiration": "2030-13-01T00:00:00Z", "conditions": []},
        {"expiration": 1, "conditions": []},
        {"expiration": EXPIRES, "conditions": {}},
        {"expiration": EXPIRES, "conditions": [{}]},
        {"expiration": EXPIRES, "conditions": [{"acl": 1}]},
        {"expiration": EXPIRES, "conditions": [{"a": "1", "b": "2"}]},
        {"expiration": EXPIRES, "conditions": [["eq", "key", "v"]]},
        {"expiration": EXPIRES, "conditions": [["ends-with", "$key", "v"]]},
        {"expiration": EXPIRES, "conditions": [["eq", "$key"]]},
        {"expiration": EXPIRES, "conditions": [["content-length-range", 0]]},
        {"expiration": EXPIRES, "conditions": [["content-length-range", -1, 0]]},
        {"expiration": EXPIRES, "conditions": [["content-length-range", 0, True]]},
        {"expiration": EXPIRES, "conditions": [[]]},
        [],
        None,
    ],
)
def test_what_is_no_policy_is_refused(said: Any) -> None:
    with pytest.raises(InvalidPolicyDocument, match="Invalid Policy"):
        read_policy(base64.b64encode(json.dumps(said).encode()).decode())


@pytest.mark.parametrize("text", ["", "!", base64.b64encode(b"[" * 14_000).decode(), "bm90IGpzb24="])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(InvalidPolicyDocument):
        read_policy(text)


# -- signatures: the example of "Browser-Based Upload using HTTP POST" in the API Reference -------

POLICY = (
    "eyAiZXhwaXJhdGlvbiI6ICIyMDE1LTEyLTMwVDEyOjAwOjAwLjAwMFoiLA0KICAiY29uZGl0aW9ucyI6IFsNCiAgICB7ImJ1Y2tldCI6ICJzaWd2"
    "NGV4YW1wbGVidWNrZXQifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRrZXkiLCAidXNlci91c2VyMS8iXSwNCiAgICB7ImFjbCI6ICJwdWJsaWMt"
    "cmVhZCJ9LA0KICAgIHsic3VjY2Vzc19hY3Rpb25fcmVkaXJlY3QiOiAiaHR0cDovL3NpZ3Y0ZXhhbXBsZWJ1Y2tldC5zMy5hbWF6b25hd3MuY29t"
    "L3N1Y2Nlc3NmdWxfdXBsb2FkLmh0bWwifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRDb250ZW50LVR5cGUiLCAiaW1hZ2UvIl0sDQogICAgeyJ4"
    "LWFtei1tZXRhLXV1aWQiOiAiMTQzNjUxMjM2NTEyNzQifSwNCiAgICB7IngtYW16LXNlcnZlci1zaWRlLWVuY3J5cHRpb24iOiAiQUVTMjU2In0s"
    "DQogICAgWyJzdGFydHMtd2l0aCIsICIkeC1hbXotbWV0YS10YWciLCAiIl0sDQoNCiAgICB7IngtYW16LWNyZWRlbnRpYWwiOiAiQUtJQUlPU0ZP"
    "RE5ON0VYQU1QTEUvMjAxNTEyMjkvdXMtZWFzdC0xL3MzL2F3czRfcmVxdWVzdCJ9LA0KICAgIHsieC1hbXotYWxnb3JpdGhtIjogIkFXUzQtSE1B"
    "Qy1TSEEyNTYifSwNCiAgICB7IngtYW16LWRhdGUiOiAiMjAxNTEyMjlUMDAwMDAwWiIgfQ0KICBdDQp9"
)
EXAMPLE = {
    "policy": POLICY,
    "x-amz-algorithm": "AWS4-HMAC-SHA256",
    "x-amz-credential": "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request",
    "x-amz-date": "20151229T000000Z",
    "x-amz-signature": "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e",
}


def test_the_form_of_amazons_example_is_verified() -> None:
    assert is_signed(EXAMPLE)
    verify(EXAMPLE, secret_for, region="us-east-1")
    assert read_policy(POLICY).conditions[0].value == "sigv4examplebucket"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"policy": POLICY[:-4]}, SignatureDoesNotMatch),
        ({"x-amz-signature": "8" * 64}, SignatureDoesNotMatch),
        ({"x-amz-signature": "\u00e4"}, SignatureDoesNotMatch),
        ({"x-amz-signature": ""}, InvalidArgument),
        ({"policy": ""}, InvalidArgument),
        ({"x-amz-date": "20151230T000000Z"}, AuthorizationQueryParametersError),
        ({"x-amz-date": "yesterday"}, InvalidArgument),
        ({"x-amz-algorithm": "AWS4-HMAC-MD5"}, InvalidArgument),
        ({"x-amz-credential": "AKIA"}, AuthorizationQueryParametersError),
        ({"x-amz-credential": "NOBODY/20151229/us-east-1/s3/aws4_request"}, InvalidAccessKeyId),
        (
            {"x-amz-credential": "AKIAIOSFODNN7EXAMPLE/20151229/eu-west-1/s3/aws4_request"},
            AuthorizationQueryParametersError,
        ),
    ],
)
def test_a_form_with_another_signature_is_refused(changes: dict[str, str], error: type[S3Error]) -> None:
    with pytest.raises(error):
        verify({**EXAMPLE, **changes}, secret_for, region="us-east-1")


@pytest.mark.parametrize("missing", ["policy", "signature", "AWSAccessKeyId"])
def test_half_a_signature_is_told_what_is_missing(missing: str) -> None:
    fields = {"policy": POLICY, "signature": "s", "awsaccesskeyid": "AKIAIOSFODNN7EXAMPLE"}
    del fields[missing.lower()]
    assert is_signed(fields)
    with pytest.raises(InvalidArgument, match=f"field named '{missing}'"):
        verify(fields, secret_for, region="us-east-1")


def test_a_form_without_any_of_it_is_not_signed() -> None:
    assert not is_signed({"key": "k", "x-amz-security-token": "t"})
