"""The document and the name with which a bucket is made."""

from __future__ import annotations

import pytest

from proxy.errors import InvalidBucketName, MalformedXML, NotImplementedByUs
from proxy.wire.names import check_bucket_name
from proxy.wire.xml.creation import read_creation

NS = b' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


def configuration(content: bytes) -> bytes:
    return b"<CreateBucketConfiguration%s>%s</CreateBucketConfiguration>" % (NS, content)


@pytest.mark.parametrize(
    ("content", "location"),
    [
        (b"", ""),
        (b"<LocationConstraint/>", ""),
        (b"<LocationConstraint> eu-north-1\n</LocationConstraint>", "eu-north-1"),
    ],
)
def test_a_location_is_read(content: bytes, location: str) -> None:
    assert read_creation(configuration(content)) == (location, ())


@pytest.mark.parametrize("document", [b"", b" \n"])
def test_a_bucket_is_made_without_a_document(document: bytes) -> None:
    assert read_creation(document) == ("", ())


def test_tags_are_read_as_they_came() -> None:
    tag = b"<Tag><Key>a</Key><Value/></Tag>"
    assert read_creation(configuration(b"<Tags>%s</Tags>" % (tag * 2))) == ("", (("a", ""), ("a", "")))
    assert read_creation(configuration(b"<Tags/>")) == ("", ())


@pytest.mark.parametrize("name", [b"Location", b"Bucket"])
def test_directory_buckets_are_not_implemented(name: bytes) -> None:
    with pytest.raises(NotImplementedByUs):
        read_creation(configuration(b"<%s/>" % name))


@pytest.mark.parametrize(
    "content",
    [
        b"<Other/>",
        b"<LocationConstraint/><LocationConstraint/>",
        b"<Tags><Tag><Key>a</Key></Tag></Tags>",
        b"<Tags><Key>a</Key></Tags>",
        b"<Tags><Tag><Key><b/></Key><Value/></Tag></Tags>",
    ],
)
def test_what_the_schema_does_not_know_is_refused(content: bytes) -> None:
    with pytest.raises(MalformedXML):
        read_creation(configuration(content))


@pytest.mark.parametrize("name", ["abc", "a.b.c", "0-1", "a" * 63, "1.2.3.4.5", "300.1", "my--bucket"])
def test_a_bucket_may_be_called_so(name: str) -> None:
    check_bucket_name(name)


@pytest.mark.parametrize(
    "name",
    [
        *("ab", "a" * 64, "Abc", "a_b", "-ab", "ab-", ".ab", "ab.", "a..b", "a.-b", "a-.b", "a b", "ab\n"),
        *("192.168.5.4", "xn--abc", "sthree-abc", "sthree-configurator", "abc-s3alias", "abc--ol-s3"),
        *("abc.mrap", "abc--x-s3", "abc--table-s3", "\uff41bc", "\u0661\u0662\u0663"),
    ],
)
def test_a_bucket_may_not_be_called_so(name: str) -> None:
    with pytest.raises(InvalidBucketName):
        check_bucket_name(name)
