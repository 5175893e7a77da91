"""What an object keeps of its request: standard headers, user metadata, tags."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import (
    InvalidArgument,
    InvalidRedirectLocation,
    InvalidStorageClass,
    InvalidTag,
    MetadataTooLarge,
    NotImplementedByUs,
    S3Error,
)
from proxy.wire.headers import content_encoding, object_headers, user_metadata
from proxy.wire.tags import checked_tags, parse_tagging
from tests.proxy.wire.making import request


def test_the_standard_headers_stay_with_the_object_and_no_others():
    kept = {
        "content-type": "text/plain",
        "cache-control": "no-cache",
        "content-disposition": "attachment",
        "content-encoding": "gzip",
        "content-language": "de",
        "expires": "Wed, 21 Oct 2015 07:28:00 GMT",
        "x-amz-website-redirect-location": "/other",
        "x-amz-storage-class": "STANDARD_IA",
    }
    other = {"accept": "*/*", "x-amz-meta-a": "1", "x-amz-acl": "private", "content-length": "0"}
    assert object_headers(kept | other) == kept


def test_an_object_without_a_type_is_a_stream_of_bytes():
    assert object_headers({}) == {"content-type": "binary/octet-stream"}
    assert object_headers({"content-type": ""}) == {"content-type": "binary/octet-stream"}


def test_the_standard_storage_class_is_not_kept():
    assert "x-amz-storage-class" not in object_headers({"x-amz-storage-class": "STANDARD"})


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("GLACIER", NotImplementedByUs),
        ("DEEP_ARCHIVE", NotImplementedByUs),
        ("standard", InvalidStorageClass),
        ("", InvalidStorageClass),
        ("OUTPOSTS", InvalidStorageClass),
    ],
)
def test_storage_classes_that_we_cannot_keep_are_refused(name, error):
    with pytest.raises(error):
        object_headers({"x-amz-storage-class": name})


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("aws-chunked", ""),
        ("AWS-Chunked", ""),
        ("aws-chunked,gzip", "gzip"),
        ("gzip, aws-chunked", "gzip"),
        ("gzip, br", "gzip, br"),
        ("aws-chunked,", ""),
        ("", ""),
    ],
)
def test_aws_chunked_is_only_how_it_travelled(sent, kept):
    assert content_encoding(sent) == kept
    assert object_headers({"content-encoding": sent}).get("content-encoding", "") == kept


@pytest.mark.parametrize("location", ["", "ftp://a", "other", "/" + "a" * 2048])
def test_redirects_that_are_none_are_refused(location):
    with pytest.raises(InvalidRedirectLocation):
        object_headers({"x-amz-website-redirect-location": location})


def test_user_metadata_keeps_names_and_bytes():
    sent = {"x-amz-meta-a_b": "1", "X-Amz-Meta-Case": "Two", "x-amz-meta-": "bare", "x-amz-other": "no"}
    assert user_metadata(request(headers=sent).headers) == {"a_b": "1", "case": "Two", "": "bare"}


def test_user_metadata_has_at_most_2_kib_of_names_and_values():
    assert user_metadata({"x-amz-meta-a": "x" * 2047})
    with pytest.raises(MetadataTooLarge) as caught:
        user_metadata({"x-amz-meta-a": "x" * 2000, "x-amz-meta-b": "x" * 47})
    assert caught.value.fields == {"Size": "2049", "MaxSizeAllowed": "2048"}


# -- tags -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("", {}),
        ("a=1", {"a": "1"}),
        ("a=1&b=2", {"a": "1", "b": "2"}),
        ("a", {"a": ""}),
        ("a=", {"a": ""}),
        ("a=b=c", {"a": "b=c"}),
        ("a%20b=c+d%2B", {"a b": "c d+"}),
        ("%C3%BCmlaut=%E6%97%A5", {"ümlaut": "日"}),
        ("k=" + "v" * 256, {"k": "v" * 256}),
    ],
)
def test_tags_of_a_header(text, tags):
    assert parse_tagging(text) == tags


@pytest.mark.parametrize(
    "text",
    [
        "=1",
        "a=1&a=2",
        "&".join(f"k{number}=v" for number in range(11)),
        "k" * 129 + "=v",
        "k=" + "v" * 257,
        "k=%00",
        "k=%3Cscript%3E",
        "aws:own=1",
        "a=1&",
    ],
)
def test_tags_against_the_rules_are_refused(text):
    with pytest.raises(InvalidTag):
        parse_tagging(text)


@pytest.mark.parametrize("text", ["a=%", "a=%ff", "a=\xff", "a=" + "v" * 17_000])
def test_a_tagging_header_that_is_not_encoded_is_refused(text):
    with pytest.raises(InvalidArgument):
        parse_tagging(text)


LEGAL = st.text(st.characters(categories=["L", "N", "Z"], include_characters="_.:/=+-@"), max_size=20)


@given(st.dictionaries(LEGAL.filter(lambda key: key and not key.startswith("aws:")), LEGAL, max_size=10))
def test_tags_survive_the_header(tags):
    assert parse_tagging(urlencode(tags)) == tags
    assert checked_tags(tags.items()) == tags


@given(st.text(st.characters(max_codepoint=255), max_size=80))
def test_no_tagging_header_raises_anything_but_an_s3_error(text):
    try:
        assert len(parse_tagging(text)) <= 10
    except S3Error:
        pass
