"""What botocore signs with version 2: URLs, as it still does unless told otherwise, and headers."""

from __future__ import annotations

import base64
import hmac
import time
from email.utils import formatdate
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.auth import HmacV1Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import (
    AccessDenied,
    InvalidAccessKeyId,
    InvalidArgument,
    InvalidRequest,
    RequestTimeTooSkewed,
    S3Error,
    SignatureDoesNotMatch,
)
from proxy.wire import sigv2
from proxy.wire.request import S3Request
from proxy.wire.sigv4 import Credentials
from tests.proxy.wire.making import ACCESS_KEY, HOST, REGION, SECRET, request, scope, secret_for

CLIENT = boto3.client(
    "s3",
    endpoint_url=f"http://{HOST}",
    aws_access_key_id=ACCESS_KEY,
    aws_secret_access_key=SECRET,
    region_name=REGION,
    config=Config(s3={"addressing_style": "path"}),
)
NASTY = ["plain", "a b+c", "%2F", "a//../b", "'()!*~", "日本/ü", "\x01", "a?b#c&d=e"]


def presigned(
    method: str = "GET", operation: str = "get_object", key: str = "key", **params: Any
) -> S3Request:
    """A request for the URL that boto3 makes by default."""
    url = urlsplit(
        CLIENT.generate_presigned_url(
            operation, Params={"Bucket": "bucket", "Key": key, **params}, ExpiresIn=60
        )
    )
    headers = [(b"host", HOST.encode())]
    return S3Request.from_scope(scope(method, url.path.encode(), url.query.encode(), headers), "request-1")


def verify(signed: S3Request, after: float = 0) -> Credentials:
    assert sigv2.is_signed(signed)
    return sigv2.authenticate(signed, secret_for, now=time.time() + after)


@pytest.mark.parametrize("key", NASTY)
def test_urls_for_every_key_verify(key):
    signed = presigned(key=key)
    credentials = verify(signed)
    assert (credentials.access_key, credentials.presigned, signed.key) == (ACCESS_KEY, True, key)


@pytest.mark.parametrize("text", NASTY[:-2])
def test_parameters_that_are_signed_verify(text):
    verify(presigned(ResponseContentDisposition=f"attachment; filename={text}", VersionId=text))


def test_urls_for_parts_verify():
    verify(presigned("PUT", "upload_part", UploadId="u", PartNumber=3))


CHANGES = {
    "the method": lambda r: setattr(r, "method", "DELETE"),
    "the path": lambda r: setattr(r, "raw_path", b"/bucket/other"),
    "the lifetime": lambda r: r.query.__setitem__("Expires", r.query["Expires"] + "0"),
    "a signed parameter": lambda r: r.query.__setitem__("versionId", "2"),
    "another operation": lambda r: r.query.__setitem__("tagging", ""),
    "a header of AWS's": lambda r: r.headers.__setitem__("x-amz-acl", "public-read"),
    "the type": lambda r: r.headers.__setitem__("content-type", "text/html"),
    "the signature": lambda r: r.query.__setitem__("Signature", "ü"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_url_that_was_changed_is_refused(what):
    signed = presigned(VersionId="1")
    CHANGES[what](signed)
    with pytest.raises(SignatureDoesNotMatch):
        verify(signed)


def test_a_clients_encryption_key_is_not_shown_again():
    signed = presigned()
    signed.headers["x-amz-server-side-encryption-customer-key"] = "c2VjcmV0ICBrZXk="
    with pytest.raises(SignatureDoesNotMatch) as caught:
        verify(signed)
    assert "encryption-customer-key:***\n" in caught.value.fields["StringToSign"]


def test_a_url_ends_with_its_lifetime():
    signed = presigned()
    verify(signed, after=58)
    with pytest.raises(AccessDenied, match="expired"):
        verify(signed, after=61)


@pytest.mark.parametrize("expires", ["", "soon", "-1", "9" * 13, "٣"])
def test_a_lifetime_that_is_no_time_is_refused(expires):
    signed = presigned()
    signed.query["Expires"] = expires
    with pytest.raises(AccessDenied):
        verify(signed)


def test_a_parameter_that_the_signature_does_not_cover_is_refused():
    signed = presigned()
    signed.query["attributes"] = ""
    with pytest.raises(AccessDenied, match="attributes"):
        verify(signed)


def test_a_key_that_cannot_be_one_is_unknown():
    signed = presigned()
    signed.query["AWSAccessKeyId"] = "nul\x00"
    with pytest.raises(InvalidAccessKeyId):
        verify(signed)


def test_chunks_have_no_signature_to_go_on_from():
    signed = presigned()
    signed.headers["x-amz-content-sha256"] = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
    with pytest.raises((InvalidRequest, SignatureDoesNotMatch)):
        verify(signed)


def test_a_header_of_authorization_goes_first():
    signed = presigned()
    signed.headers["authorization"] = "AWS4-HMAC-SHA256 x"
    assert not sigv2.is_signed(signed)


@given(
    st.dictionaries(st.sampled_from(["Expires", "versionId", "acl", "x"]), st.text(max_size=20)),
    st.text(max_size=9),
)
def test_no_url_raises_anything_but_an_s3_error(query, signature):
    unsigned = request()
    unsigned.query = {"AWSAccessKeyId": ACCESS_KEY, "Expires": "999999999999", "Signature": signature} | query
    with pytest.raises(S3Error):
        verify(unsigned)


# -- headers ---------------------------------------------------------------------------------


def with_header(path: str = "/bucket/key", query: str = "", **headers: str) -> S3Request:
    """A PUT that botocore's own signer of version 2 has signed; `headers` with `_` for `-`."""
    asked = AWSRequest("PUT", f"http://{HOST}{path}{'?' + query if query else ''}")
    for name, value in headers.items():
        asked.headers[name.replace("_", "-")] = value
    HmacV1Auth(BotocoreCredentials(ACCESS_KEY, SECRET)).add_auth(asked)
    sent = [(name.lower().encode(), value.encode()) for name, value in asked.headers.items()]
    return S3Request.from_scope(
        scope("PUT", path.encode(), query.encode(), [(b"host", HOST.encode()), *sent]), "request-1"
    )


@pytest.mark.parametrize("query", ["", "acl", "uploadId=u&partNumber=3", "list-type=2&prefix=a"])
def test_headers_verify(query: str) -> None:
    signed = with_header(query=query, content_type="text/plain", x_amz_meta_colour="red")
    credentials = verify(signed)
    assert (credentials.access_key, credentials.presigned) == (ACCESS_KEY, False)


def test_a_bucket_is_signed_with_a_slash_at_the_end_or_without() -> None:
    verify(with_header("/bucket"))
    signed = with_header("/bucket/")
    signed.raw_path = b"/bucket"
    verify(signed)


def test_a_date_of_amazons_takes_the_place_of_the_usual_one() -> None:
    """As Amazon's guide has it: the line of the date is empty then. (botocore fills it.)"""
    signed = with_header()
    signed.headers["x-amz-date"] = formatdate(usegmt=True)
    text = f"PUT\n\n\n\nx-amz-date:{signed.headers['x-amz-date']}\n/bucket/key"
    signature = base64.b64encode(hmac.digest(SECRET.encode(), text.encode(), "sha1")).decode()
    signed.headers["authorization"] = f"AWS {ACCESS_KEY}:{signature}"
    verify(signed)


@pytest.mark.parametrize(
    ("date", "error"),
    [
        ("", AccessDenied),
        ("Bad Date", AccessDenied),
        ("Tue, 07 Jul 1950 21:53:04 GMT", AccessDenied),
        ("Tue, 07 Jul 2010 21:53:04 GMT", RequestTimeTooSkewed),
        ("Tue, 07 Jul 9999 21:53:04 GMT", RequestTimeTooSkewed),
    ],
)
def test_a_header_needs_the_time_of_day(date: str, error: type[S3Error]) -> None:
    with pytest.raises(error):
        verify(with_header(x_amz_date=date))


@pytest.mark.parametrize("text", ["AWS ", "AWS HAHAHA", "AWS :x", "AWS a:", "AWS a b:c"])
def test_a_header_has_a_key_and_a_signature(text: str) -> None:
    signed = with_header()
    signed.headers["authorization"] = text
    with pytest.raises(InvalidArgument):
        verify(signed)


@pytest.mark.parametrize("name", ["publicAccessBlock", "Signature", "X-Amz-Expires"])
def test_a_header_does_not_cover_every_parameter_either(name: str) -> None:
    with pytest.raises(AccessDenied, match=name):
        verify(with_header(query=f"{name}="))


def test_a_header_that_was_changed_is_refused() -> None:
    signed = with_header(x_amz_meta_colour="red")
    signed.headers["x-amz-meta-colour"] = "blue"
    with pytest.raises(SignatureDoesNotMatch):
        verify(signed)
