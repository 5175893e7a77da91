"""Paths, queries and headers are read byte for byte, within bounds."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.errors import (
    InvalidArgument,
    InvalidBucketName,
    InvalidURI,
    KeyTooLongError,
    RequestHeaderSectionTooLarge,
    S3Error,
)
from proxy.wire.names import check_bucket_name
from proxy.wire.request import S3Request, origin_form
from tests.proxy.wire.making import request, scope


@pytest.mark.parametrize(
    ("raw", "bucket", "key"),
    [
        (b"/", "", ""),
        (b"/bucket", "bucket", ""),
        (b"/bucket/", "bucket", ""),
        (b"/bucket/key", "bucket", "key"),
        (b"/bucket/a/b", "bucket", "a/b"),
        (b"/bucket//", "bucket", "/"),
        (b"/bucket//a//b/", "bucket", "/a//b/"),
        (b"/bucket/./a/../b", "bucket", "./a/../b"),
        (b"/bucket/..", "bucket", ".."),
        (b"/bucket/%2e%2E", "bucket", ".."),
        (b"/bucket/a%2Fb", "bucket", "a/b"),
        (b"/bucket/a%252Fb", "bucket", "a%2Fb"),
        (b"/bucket/a+b", "bucket", "a+b"),
        (b"/bucket/%E6%97%A5", "bucket", "日"),
        (b"/bucket/\xe6\x97\xa5", "bucket", "日"),
        (b"/bucket/a%00b", "bucket", "a\x00b"),
        (b"/buck%65t/key", "bucket", "key"),
        (b"/bucket/a;b=c,d", "bucket", "a;b=c,d"),
    ],
)
def test_bucket_and_key_are_split_before_they_are_decoded(raw, bucket, key):
    read = request(raw_path=raw)
    assert (read.bucket, read.key, read.raw_path) == (bucket, key, raw)


@pytest.mark.parametrize(
    ("target", "path"),
    [
        (b"http://example.com/bucket/a%20b", b"/bucket/a%20b"),
        (b"https://u:p@[::1]:9000/b//c", b"/b//c"),
        (b"http://example.com", b"/"),
        (b"HTTP://EXAMPLE.COM/B", b"/B"),
        (b"/http://example.com/b", b"/http://example.com/b"),
    ],
)
def test_scheme_and_authority_are_taken_off(target, path):
    assert origin_form(target) == path


@pytest.mark.parametrize(
    "target", [b"*", b"", b"bucket/key", b"http:/x", b"://x/y", b"http://x?y", b"/" + b"a" * 17_000]
)
def test_targets_that_are_no_paths_are_refused(target):
    with pytest.raises(InvalidURI):
        origin_form(target)


@pytest.mark.parametrize(
    "raw", [b"/bucket/%", b"/bucket/%4", b"/bucket/%zz", b"/bucket/%ff", b"/bucket/\xff", b"/%ff"]
)
def test_paths_that_are_not_encoded_utf_8_are_refused(raw):
    with pytest.raises(InvalidURI):
        request(raw_path=raw)


def test_a_key_may_have_1024_bytes_and_no_more():
    assert len(request(raw_path=b"/bucket/" + b"a" * 1024).key) == 1024
    assert len(request(raw_path=b"/bucket/" + b"%C3%A9" * 512).key) == 512
    for raw in (b"a" * 1025, b"%C3%A9" * 512 + b"a"):
        with pytest.raises(KeyTooLongError) as caught:
            request(raw_path=b"/bucket/" + raw)
        assert caught.value.fields == {"Size": "1025", "MaxSizeAllowed": "1024"}


@pytest.mark.parametrize("raw", [b"/a%2Fb/key", b"/%00/key", b"/%20", b"//key", b"/caf%C3%A9"])
def test_what_no_bucket_can_be_called_is_refused(raw):
    with pytest.raises(InvalidBucketName):
        request(raw_path=raw)


@pytest.mark.parametrize("name", ["abc", "a" * 63, "a.b-c", "0-9", "my.bucket.1"])
def test_names_for_new_buckets(name):
    check_bucket_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "ab",
        "a" * 64,
        "Abc",
        "a_b",
        "-ab",
        "ab-",
        ".ab",
        "a..b",
        "192.168.0.1",
        "xn--abc",
        "abc-s3alias",
        "é-bucket",
        "",
    ],
)
def test_names_that_new_buckets_cannot_have(name):
    with pytest.raises(InvalidBucketName):
        check_bucket_name(name)


def test_the_query_is_decoded_and_bare_names_are_empty():
    read = request(query=b"list-type=2&prefix=a%2Fb+c%2B&delete&x=&&=y")
    assert read.query == {"list-type": "2", "prefix": "a/b c+", "delete": "", "x": "", "": "y"}


def test_a_parameter_that_comes_twice_is_refused():
    with pytest.raises(InvalidArgument) as caught:
        request(query=b"prefix=a&pref%69x=b")
    assert caught.value.fields["ArgumentName"] == "prefix"


@pytest.mark.parametrize(
    "query", [b"a=%", b"a=%ff", b"%zz", b"a" * 17_000, b"&".join(b"a%d" % n for n in range(101))]
)
def test_queries_beyond_form_or_bounds_are_refused(query):
    with pytest.raises(InvalidURI):
        request(query=query)


def test_repeated_headers_are_joined_and_names_are_lower_case():
    pairs = [(b"X-Amz-Meta-A", b" 1 "), (b"x-amz-meta-a", b"2"), (b"X-Amz-Meta-A_b", b"\xff")]
    read = S3Request.from_scope(scope(headers=pairs), "r")
    assert read.headers == {"x-amz-meta-a": "1,2", "x-amz-meta-a_b": "\xff"}


def test_a_header_section_above_8_kib_is_refused():
    request(headers={"a": "x" * 8000})
    with pytest.raises(RequestHeaderSectionTooLarge):
        request(headers={"a": "x" * 8192})


def test_a_request_without_client_or_length_is_read():
    bare = scope() | {"client": None}
    read = S3Request.from_scope(bare, "r")
    assert (read.client, read.host, read.content_length) == ("", "", None)


@settings(max_examples=300)
@given(
    path=st.binary(max_size=60).map(lambda raw: b"/b/" + raw) | st.binary(max_size=60),
    query=st.binary(max_size=60),
    headers=st.dictionaries(st.binary(max_size=10), st.binary(max_size=20), max_size=4),
)
def test_no_request_raises_anything_but_an_s3_error(path, query, headers):
    try:
        read = S3Request.from_scope(scope(raw_path=path, query=query, headers=headers.items()), "r")
    except S3Error:
        return
    assert read.raw_query == query
    assert len(read.key.encode()) <= 1024
