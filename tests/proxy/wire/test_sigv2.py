"""URLs that botocore signs with version 2, which is what it still does unless it is told otherwise."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import AccessDenied, InvalidAccessKeyId, InvalidRequest, S3Error, SignatureDoesNotMatch
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
    assert sigv2.is_presigned(signed)
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
    assert not sigv2.is_presigned(signed)


@given(
    st.dictionaries(st.sampled_from(["Expires", "versionId", "acl", "x"]), st.text(max_size=20)),
    st.text(max_size=9),
)
def test_no_url_raises_anything_but_an_s3_error(query, signature):
    unsigned = request()
    unsigned.query = {"AWSAccessKeyId": ACCESS_KEY, "Expires": "999999999999", "Signature": signature} | query
    with pytest.raises(S3Error):
        verify(unsigned)
