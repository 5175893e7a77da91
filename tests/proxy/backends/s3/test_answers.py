"""Documents of services: read leniently, but never into something that they do not say."""

from __future__ import annotations

from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.backends.s3 import reading
from proxy.backends.s3.answers import Facts, Listed
from proxy.errors import MalformedXML
from proxy.wire.xml.document import document, element

KEY = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
READERS = {
    "ListBucketResult": reading.page,
    "ListVersionsResult": reading.version_page,
    "ListPartsResult": reading.part_page,
    "ListMultipartUploadsResult": reading.upload_page,
    "InitiateMultipartUploadResult": reading.upload_id,
    "DeleteResult": reading.removals,
    "Tagging": reading.tags,
    "ListAllMyBucketsResult": reading.bucket_names,
}


@given(st.lists(KEY, max_size=5), st.lists(KEY, max_size=3), st.text("abc/+=", max_size=8))
def test_a_page_is_read_as_it_was_written(keys: list[str], prefixes: list[str], token: str) -> None:
    rows = [f"<Contents>{element('Key', quote_plus(key))}<Size>7</Size></Contents>" for key in keys]
    rolled = [
        f"<CommonPrefixes>{element('Prefix', quote_plus(prefix))}</CommonPrefixes>" for prefix in prefixes
    ]
    more = f"<IsTruncated>{'true' if token else 'false'}</IsTruncated>" + element(
        "NextContinuationToken", token
    )
    page = reading.page(
        document("ListBucketResult", "<EncodingType>url</EncodingType>", more, *rows, *rolled)
    )
    assert [row.key for row in page.objects] == keys
    assert page.prefixes == tuple(prefixes)
    assert page.token == token


@given(st.sampled_from(list(READERS)), st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(root: str, content: bytes) -> None:
    for raw in (content, b"<%s>%s</%s>" % (root.encode(), content, root.encode())):
        try:
            READERS[root](raw)
        except MalformedXML:
            pass


@pytest.mark.parametrize("root", list(READERS))
def test_another_root_is_not_an_empty_answer(root: str) -> None:
    with pytest.raises(MalformedXML):
        READERS[root](b"<html></html>")


def test_versions_and_markers_keep_their_order() -> None:
    rows = (
        "<DeleteMarker><Key>k</Key><VersionId>3</VersionId><IsLatest>true</IsLatest>"
        "<LastModified>2026-01-02T03:04:05.678Z</LastModified></DeleteMarker>"
        "<Version><Key>k</Key><VersionId>2</VersionId><IsLatest>false</IsLatest><ETag>&quot;e&quot;</ETag>"
        "<Size>5</Size><StorageClass>STANDARD</StorageClass><Surprise/></Version>"
    )
    more = "<IsTruncated>true</IsTruncated><NextKeyMarker>k</NextKeyMarker>"
    found = reading.version_page(document("ListVersionsResult", more, rows))
    assert found.versions == (
        Listed("k", 0, "", 1_767_323_045_678, "", "3", True, True),
        Listed("k", 5, "e", 0, "STANDARD", "2", False, False),
    )
    assert found.after == ("k", "")


def test_parts_and_uploads() -> None:
    facts = "<PartNumber>2</PartNumber><ETag>&quot;e&quot;</ETag><Size>5</Size>"
    part = f"<Part>{facts}<ChecksumCRC32>x</ChecksumCRC32></Part>"
    found = reading.part_page(document("ListPartsResult", "<IsTruncated>true</IsTruncated>", part))
    assert (found.parts[0].number, found.parts[0].checksums, found.after) == (2, {"crc32": "x"}, 2)
    upload = "<Upload><Key>a%2Bb+c</Key><UploadId>u</UploadId></Upload>"
    page = reading.upload_page(
        document("ListMultipartUploadsResult", "<EncodingType>url</EncodingType>", upload)
    )
    assert [(row.key, row.upload_id) for row in page.uploads] == [("a+b c", "u")]
    assert page.after is None


def test_the_head_of_an_answer() -> None:
    facts = Facts(
        206,
        {
            "etag": '"e"',
            "content-length": "3",
            "content-range": "bytes 2-4/10",
            "x-amz-meta-a_b": "v",
            "x-amz-checksum-crc32": "x",
            "x-amz-checksum-type": "FULL_OBJECT",
            "last-modified": "Wed, 21 Oct 2015 07:28:00 GMT",
            "x-amz-delete-marker": "true",
        },
    )
    assert (facts.etag, facts.size, facts.whole_size, facts.last_modified) == ("e", 3, 10, 1_445_412_480_000)
    assert (facts.metadata, facts.checksums, facts.marker) == ({"a_b": "v"}, {"crc32": "x"}, True)
    nothing = Facts(200, {"content-length": "x", "last-modified": "yesterday"})
    assert (nothing.size, nothing.last_modified, nothing.date, nothing.version_id) == (0, 0, 0, "")
