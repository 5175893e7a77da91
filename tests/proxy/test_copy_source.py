"""What x-amz-copy-source names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import InvalidArgument, KeyTooLongError, S3Error
from proxy.handlers.copy_source import Named, read_copy_source


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("bucket/key", Named("bucket", "key", "")),
        ("/bucket/key", Named("bucket", "key", "")),
        ("bucket/a/b//c", Named("bucket", "a/b//c", "")),
        ("bucket/%E2%82%AC%3F+%25", Named("bucket", "€?+%", "")),
        ("bucket/a?b", Named("bucket", "a?b", "")),
        ("bucket/key?versionId=v-1_2", Named("bucket", "key", "v-1_2")),
        ("bucket/key?versionId=null", Named("bucket", "key", "null")),
        ("bucket/a%3FversionId=b?versionId=c", Named("bucket", "a?versionId=b", "c")),
    ],
)
def test_bucket_key_and_version_are_named(text: str, named: Named) -> None:
    assert read_copy_source(text) == named


@pytest.mark.parametrize("text", ["", "/", "bucket", "bucket/", "/bucket/", "//key", "b/%zz", "b/%ff"])
def test_what_names_no_object_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument):
        read_copy_source(text)


def test_a_version_has_an_id_and_a_key_its_length() -> None:
    with pytest.raises(InvalidArgument):
        read_copy_source("bucket/key?versionId=")
    with pytest.raises(KeyTooLongError):
        read_copy_source("bucket/" + "k" * 1025)


@given(st.text(st.characters(max_codepoint=255), max_size=40))
def test_no_source_raises_anything_but_an_s3_error(text: str) -> None:
    try:
        read_copy_source(text)
    except S3Error:
        pass
