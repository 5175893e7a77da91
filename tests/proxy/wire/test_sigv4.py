"""What is refused before, beside and after the comparison of signatures."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.errors import (
    AccessDenied,
    AuthorizationHeaderMalformed,
    AuthorizationQueryParametersError,
    InvalidAccessKeyId,
    InvalidArgument,
    InvalidRequest,
    NotImplementedByUs,
    RequestTimeTooSkewed,
    S3Error,
    SignatureDoesNotMatch,
)
from proxy.wire import signing
from proxy.wire.sigv4 import authenticate
from tests.proxy.wire.making import (
    ACCESS_KEY,
    MAY_24_2013,
    REGION,
    boto_signed,
    request,
    secret_for,
    verify,
)

NOW = MAY_24_2013


def test_a_request_without_a_signature_is_nobodys():
    assert authenticate(request(), secret_for, region=REGION, now=NOW) is None


def test_credentials_do_not_show_their_key():
    assert "signing_key" not in repr(verify(boto_signed("GET", "/bucket/key")))


@pytest.mark.parametrize("skew", [-900, -899, 0, 899, 900])
def test_a_clock_within_15_minutes_is_accepted(skew):
    verify(boto_signed("GET", "/bucket/key"), now=NOW + skew)


@pytest.mark.parametrize("skew", [-86400, -901, 901, 86400])
def test_a_clock_beyond_15_minutes_is_told_both_times(skew):
    with pytest.raises(RequestTimeTooSkewed) as caught:
        verify(boto_signed("GET", "/bucket/key"), now=NOW + skew)
    fields = caught.value.fields
    assert fields["RequestTime"] == "20130524T000000Z"
    assert fields["ServerTime"].endswith("Z")
    assert fields["MaxAllowedSkewMilliseconds"] == "900000"


def test_an_unknown_access_key_is_named():
    with pytest.raises(InvalidAccessKeyId) as caught:
        authenticate(boto_signed("GET", "/bucket/key"), lambda _: None, region=REGION, now=NOW)
    assert caught.value.fields == {"AWSAccessKeyId": ACCESS_KEY}


@pytest.mark.parametrize("access_key", ["a" * 129, "nul\x00", "sp ace", "é"])
def test_what_cannot_be_an_access_key_is_not_even_looked_up(access_key):
    signed = boto_signed("GET", "/bucket/key")
    signed.headers["authorization"] = signed.headers["authorization"].replace(ACCESS_KEY, access_key)

    def lookup(_: str) -> str | None:
        raise AssertionError("looked up")

    with pytest.raises(InvalidAccessKeyId):
        authenticate(signed, lookup, region=REGION, now=NOW)


def test_the_wrong_secret_is_shown_what_was_signed_here():
    with pytest.raises(SignatureDoesNotMatch) as caught:
        authenticate(boto_signed("GET", "/bucket/key"), lambda _: "other", region=REGION, now=NOW)
    fields = caught.value.fields
    assert fields["AWSAccessKeyId"] == ACCESS_KEY
    assert fields["StringToSign"].startswith("AWS4-HMAC-SHA256\n20130524T000000Z\n20130524/us-east-1/s3/")
    assert fields["CanonicalRequest"].startswith("GET\n/bucket/key\n\nhost:127.0.0.1:9000\n")
    assert len(fields["SignatureProvided"]) == 64
    assert bytes.fromhex(fields["CanonicalRequestBytes"]) == fields["CanonicalRequest"].encode()


def test_a_clients_encryption_key_is_not_shown_again():
    key = {"x-amz-server-side-encryption-customer-key": "c2VjcmV0ICBrZXk="}
    with pytest.raises(SignatureDoesNotMatch) as caught:
        authenticate(boto_signed("GET", "/bucket/key", key), lambda _: "other", region=REGION, now=NOW)
    fields = caught.value.fields
    assert "\nx-amz-server-side-encryption-customer-key:***\n" in fields["CanonicalRequest"]
    assert bytes.fromhex(fields["CanonicalRequestBytes"]) == fields["CanonicalRequest"].encode()


def test_another_region_is_told_which_one_is_right():
    with pytest.raises(AuthorizationHeaderMalformed, match="expecting 'eu-north-1'") as caught:
        verify(boto_signed("GET", "/bucket/key"), region="eu-north-1")
    assert caught.value.fields == {"Region": "eu-north-1"}
    with pytest.raises(AuthorizationQueryParametersError) as caught_query:
        verify(boto_signed("GET", "/bucket/key", expires=60), region="eu-north-1")
    assert caught_query.value.fields == {"Region": "eu-north-1"}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("20130524/", "20130523/", "incorrect date"),
        ("/s3/", "/sqs/", "incorrect service"),
        ("/aws4_request", "/aws5_request", "incorrect terminal"),
        ("/us-east-1/s3/aws4_request", "", "the Credential is mal-formed"),
        ("Credential=", "Credentials=", "missing Credential"),
        ("SignedHeaders=", "Signed=", "missing SignedHeaders"),
        ("Signature=", "Signatur=", "missing Signature"),
        ("Signature=", "Signature", "NAME=VALUE"),
    ],
)
def test_a_malformed_header_says_what_is_wrong_with_it(old, new, words):
    signed = boto_signed("GET", "/bucket/key")
    signed.headers["authorization"] = signed.headers["authorization"].replace(old, new)
    with pytest.raises(AuthorizationHeaderMalformed, match=words):
        verify(signed)


def test_spaces_between_the_parts_of_the_header_do_not_matter():
    signed = boto_signed("GET", "/bucket/key")
    signed.headers["authorization"] = signed.headers["authorization"].replace(", ", ",")
    verify(signed)


@pytest.mark.parametrize(
    ("authorization", "error"),
    [
        ("AWS4-ECDSA-P256-SHA256 Credential=a", NotImplementedByUs),
        ("Bearer abc", InvalidArgument),
        ("", InvalidArgument),
        ("AWS4-HMAC-SHA256", AuthorizationHeaderMalformed),
        ("AWS4-HMAC-SHA256 ,,,", AuthorizationHeaderMalformed),
    ],
)
def test_other_authorizations_are_refused_by_name(authorization, error):
    with pytest.raises(error):
        verify(request(headers={"authorization": authorization}))


def test_a_header_and_a_query_signature_together_are_refused():
    signed = boto_signed("GET", "/bucket/key", expires=60)
    signed.headers["authorization"] = boto_signed("GET", "/bucket/key").headers["authorization"]
    with pytest.raises(InvalidArgument, match="Only one auth mechanism"):
        verify(signed)


@pytest.mark.parametrize("name", ["x-amz-meta-new", "x-amz-acl", "x-amz-date2"])
@pytest.mark.parametrize("expires", [None, 60])
def test_an_amz_header_that_is_not_signed_is_refused(name, expires):
    signed = boto_signed("PUT", "/bucket/key", expires=expires)
    signed.headers[name] = "x"
    with pytest.raises(AccessDenied, match="not signed") as caught:
        verify(signed)
    assert caught.value.fields["HeadersNotSigned"] == name


def test_a_signature_that_leaves_the_host_out_is_refused():
    signed = boto_signed("PUT", "/bucket/key")
    signed.headers["authorization"] = signed.headers["authorization"].replace("=host;", "=")
    with pytest.raises(AccessDenied) as caught:
        verify(signed)
    assert caught.value.fields["HeadersNotSigned"] == "host"


def test_a_missing_payload_hash_is_asked_for():
    signed = boto_signed("PUT", "/bucket/key")
    del signed.headers["x-amz-content-sha256"]
    with pytest.raises(
        InvalidRequest, match="Missing required header for this request: x-amz-content-sha256"
    ):
        verify(signed)


@pytest.mark.parametrize("payload", ["", "abc", "g" * 64, "UNSIGNED", "STREAMING-AWS4-HMAC-SHA1"])
def test_a_payload_hash_that_is_none_is_refused(payload):
    with pytest.raises(InvalidArgument) as caught:
        verify(boto_signed("PUT", "/bucket/key", payload=payload))
    assert caught.value.fields["ArgumentName"] == "x-amz-content-sha256"


@pytest.mark.parametrize("end", ["PAYLOAD", "PAYLOAD-TRAILER"])
def test_chunks_signed_with_version_4a_are_not_implemented(end):
    with pytest.raises(NotImplementedByUs):
        verify(boto_signed("PUT", "/bucket/key", payload=f"STREAMING-AWS4-ECDSA-P256-SHA256-{end}"))


@pytest.mark.parametrize(
    "word",
    [
        "UNSIGNED-PAYLOAD",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "0" * 64,
    ],
)
def test_every_kind_of_payload_is_handed_on(word):
    assert verify(boto_signed("PUT", "/bucket/key", payload=word)).payload == word


@pytest.mark.parametrize(
    "text", ["", "yesterday", "20130524T000000", "20131324T000000Z", "2013-05-24T00:00:00Z"]
)
def test_a_date_that_is_none_is_refused(text):
    signed = boto_signed("GET", "/bucket/key")
    signed.headers["x-amz-date"] = text
    with pytest.raises(AccessDenied, match="valid Date or x-amz-date"):
        verify(signed)


@pytest.mark.parametrize("drop", ["content-length", "expect"])
def test_headers_that_are_lost_on_the_way_may_have_been_signed(drop):
    value = {"content-length": "0", "expect": "100-continue"}[drop]
    plain = boto_signed("PUT", "/bucket/key")
    # botocore leaves both out of what it signs; this is what clients send that do not.
    names = sorted(["host", "x-amz-content-sha256", "x-amz-date", drop])
    headers = [(name, plain.headers.get(name, value)) for name in names]
    canonical = signing.canonical_request(
        "PUT", "/bucket/key", "", headers, ";".join(names), plain.headers["x-amz-content-sha256"]
    )
    scope = "20130524/us-east-1/s3/aws4_request"
    key = signing.signing_key(secret_for(ACCESS_KEY) or "", "20130524", "us-east-1", "s3")
    signature = signing.sign(key, signing.string_to_sign("20130524T000000Z", scope, canonical))
    plain.headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/{scope},"
        f"SignedHeaders={';'.join(names)},Signature={signature}"
    )
    plain.headers.pop(drop, None)
    verify(plain)


# -- presigned ------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [-900, 0, 59, 60])
def test_a_presigned_url_works_until_it_expires(after):
    verify(boto_signed("GET", "/bucket/key", expires=60), now=NOW + after)


def test_an_expired_url_says_when():
    with pytest.raises(AccessDenied, match="Request has expired") as caught:
        verify(boto_signed("GET", "/bucket/key", expires=60), now=NOW + 61)
    assert caught.value.fields == {
        "X-Amz-Expires": "60",
        "Expires": "2013-05-24T00:01:00Z",
        "ServerTime": "2013-05-24T00:01:01Z",
    }


def test_a_url_from_the_future_is_refused():
    with pytest.raises(AccessDenied, match="not valid yet"):
        verify(boto_signed("GET", "/bucket/key", expires=60), now=NOW - 901)


@pytest.mark.parametrize("expires", ["0", "604801", "9" * 1000, "-1"])
def test_lifetimes_outside_a_week_are_refused(expires):
    signed = boto_signed("GET", "/bucket/key", expires=60)
    signed.query["X-Amz-Expires"] = expires
    with pytest.raises(AccessDenied):
        verify(signed)


@pytest.mark.parametrize("expires", ["1.5", "", "x", "٣", "+5", "--5"])
def test_lifetimes_that_are_no_numbers_are_malformed(expires):
    signed = boto_signed("GET", "/bucket/key", expires=60)
    signed.query["X-Amz-Expires"] = expires
    with pytest.raises(AuthorizationQueryParametersError):
        verify(signed)


@pytest.mark.parametrize("name", ["Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature"])
def test_each_parameter_of_a_presigned_url_is_needed(name):
    signed = boto_signed("GET", "/bucket/key", expires=60)
    del signed.query[f"X-Amz-{name}"]
    with pytest.raises(AuthorizationQueryParametersError):
        verify(signed)


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("Algorithm", "AWS4-HMAC-SHA1", AuthorizationQueryParametersError),
        ("Algorithm", "AWS4-ECDSA-P256-SHA256", NotImplementedByUs),
        ("Credential", "a/b/c", AuthorizationQueryParametersError),
        ("Date", "today", AuthorizationQueryParametersError),
        ("SignedHeaders", "hóst", AuthorizationQueryParametersError),
        ("Signature", "0" * 64, SignatureDoesNotMatch),
        ("Signature", "é", SignatureDoesNotMatch),
        ("Content-Sha256", "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", NotImplementedByUs),
    ],
)
def test_wrong_parameters_of_a_presigned_url_are_refused(name, value, error):
    signed = boto_signed("GET", "/bucket/key", expires=60)
    signed.query[f"X-Amz-{name}"] = value
    with pytest.raises(error):
        verify(signed)


WORDS = st.text(st.characters(max_codepoint=255), max_size=80)


@settings(max_examples=300)
@given(
    st.one_of(
        WORDS,
        st.builds("AWS4-HMAC-SHA256 {}".format, WORDS),
        st.builds("AWS4-HMAC-SHA256 Credential={},SignedHeaders={},Signature={}".format, WORDS, WORDS, WORDS),
    ),
    st.one_of(WORDS, st.just("20130524T000000Z")),
)
def test_no_authorization_header_raises_anything_but_an_s3_error(authorization, date):
    unsigned = request()
    unsigned.headers |= {
        "authorization": authorization,
        "x-amz-date": date,
        "x-amz-content-sha256": "UNSIGNED-PAYLOAD",
    }
    with pytest.raises(S3Error):
        authenticate(unsigned, secret_for, region=REGION, now=NOW)


@settings(max_examples=300)
@given(st.data())
def test_no_presigned_query_raises_anything_but_an_s3_error(data):
    signed = boto_signed("GET", "/bucket/key", expires=60)
    for name in list(signed.query):
        if data.draw(st.booleans()):
            signed.query[name] = data.draw(st.text(max_size=60))
    try:
        authenticate(signed, secret_for, region=REGION, now=NOW)
    except S3Error:
        pass
