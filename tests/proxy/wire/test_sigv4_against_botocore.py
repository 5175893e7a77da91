"""Whatever botocore signs, verifies here; whatever is changed after that, does not."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.errors import S3Error, SignatureDoesNotMatch
from proxy.wire.encoding import encode
from tests.proxy.wire.making import boto_signed, verify

NASTY_KEYS = [
    "plain.txt",
    "with space",
    "plus+sign",
    "per%cent",
    "%2F",
    "%252F",
    "a//b",
    "//",
    "/leading",
    "trailing/",
    ".",
    "..",
    "./a",
    "../a",
    "a/./b",
    "a/../b",
    "a?b#c",
    "a&b=c;d,e:f@g",
    "!$'()*[]~-_.",
    'quo"te<>\\|^`{}',
    "ümlaut",
    "日本語/キー",
    "emoji 🎉",
    "e\u0301 decomposed",
    "tab\tnewline\ncr\r",
    "\x01\x7f",
    "\u00a0nbsp\u0085nel",
    "a" * 1024,
    "é" * 512,
]

METHODS = ["GET", "HEAD", "PUT", "POST", "DELETE"]
KEYS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=100)
# The names that a presigned query uses for itself are left out.
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@pytest.mark.parametrize("key", NASTY_KEYS)
@pytest.mark.parametrize("method", METHODS)
def test_header_signatures_verify_for_every_key(method, key):
    signed = boto_signed(method, f"/bucket/{encode(key, keep_slash=True)}")
    verify(signed)
    assert (signed.bucket, signed.key) == ("bucket", key)


@pytest.mark.parametrize("key", NASTY_KEYS)
def test_presigned_urls_verify_for_every_key(key):
    signed = boto_signed("GET", f"/bucket/{encode(key, keep_slash=True)}", expires=3600)
    assert verify(signed).presigned
    assert signed.key == key


@pytest.mark.parametrize("key", NASTY_KEYS)
@pytest.mark.parametrize("expires", [None, 60])
def test_keys_and_values_in_the_query_verify(key, expires):
    target = f"/bucket?list-type=2&prefix={encode(key)}&delimiter=%2F&fetch-owner"
    signed = boto_signed("GET", target, expires=expires)
    verify(signed)
    assert signed.query["prefix"] == key
    assert signed.query["fetch-owner"] == ""


@pytest.mark.parametrize(
    "raw", ["/bucket/a$b", "/bucket/a(b)", "/bucket/a'b!c*", "/bucket/%7e", "/bucket/a%2fb", "/bucket/a:b@c"]
)
def test_paths_that_a_client_signed_in_aws_form_but_sent_otherwise_verify(raw):
    """The signature covers AWS's own encoding of the path; other spellings reach us on the wire."""
    canonical = encode(boto_signed("GET", raw).key, keep_slash=True)
    signed = boto_signed("GET", f"/bucket/{canonical}")
    signed.raw_path = raw.encode()
    verify(signed)


@settings(max_examples=150)
@given(
    method=st.sampled_from(METHODS),
    key=KEYS,
    query=st.dictionaries(
        WORDS.filter(lambda name: not name.lower().startswith("x-amz-")), WORDS, max_size=5
    ),
    metadata=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=50),
    expires=st.sampled_from([None, 1, 604800]),
)
def test_anything_that_botocore_signs_verifies(method, key, query, metadata, expires):
    words = "&".join(f"{encode(name)}={encode(value)}" for name, value in query.items() if name)
    target = f"/bucket/{encode(key, keep_slash=True)}?{words}"
    if query.keys() & {"Signature", "AWSAccessKeyId"}:
        return
    signed = boto_signed(method, target, {"x-amz-meta-a": metadata}, expires=expires)
    verify(signed)
    assert signed.key == key


def test_repeated_and_folded_header_values_verify():
    verify(boto_signed("PUT", "/bucket/key", {"x-amz-meta-a": "  a   b  c ", "x-amz-meta-b": ""}))


def test_header_values_in_utf_8_verify_byte_for_byte():
    # Its bytes include 0xA0 and 0x85, which are white space only to those who take them for characters.
    signed = boto_signed("PUT", "/bucket/key", {"x-amz-meta-a": "à la  Ѕarte"})
    verify(signed)
    assert signed.headers["x-amz-meta-a"].encode("latin-1") == "à la  Ѕarte".encode()


def test_a_body_hash_is_part_of_the_signature():
    signed = boto_signed("PUT", "/bucket/key", body=b"hello")
    assert verify(signed).payload in ("UNSIGNED-PAYLOAD", hashlib.sha256(b"hello").hexdigest())


CHANGES = {
    "the method": lambda r: setattr(r, "method", "DELETE"),
    "the path": lambda r: setattr(r, "raw_path", b"/bucket/other"),
    "the query": lambda r: setattr(r, "raw_query", b"a=2&b"),
    "a signed header": lambda r: r.headers.__setitem__("x-amz-meta-a", "2"),
    "the host": lambda r: r.headers.__setitem__("host", "example.com"),
    "the payload hash": lambda r: r.headers.__setitem__("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_request_that_was_changed_after_it_was_signed_is_refused(what):
    signed = boto_signed("GET", "/bucket/key?a=1&b", {"x-amz-meta-a": "1"}, payload="0" * 64)
    verify(signed)
    CHANGES[what](signed)
    with pytest.raises(SignatureDoesNotMatch):
        verify(signed)


@settings(max_examples=200)
@given(st.data())
def test_no_single_changed_byte_of_the_authorization_header_passes(data):
    signed = boto_signed("GET", "/bucket/key")
    authorization = signed.headers["authorization"]
    at = data.draw(st.integers(0, len(authorization) - 1))
    sign = data.draw(st.characters(min_codepoint=33, max_codepoint=255))
    if sign == authorization[at]:
        return
    signed.headers["authorization"] = authorization[:at] + sign + authorization[at + 1 :]
    with pytest.raises(S3Error):
        verify(signed)
