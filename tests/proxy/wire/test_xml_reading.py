"""Documents are read within bounds and by the schema, or refused as malformed."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.errors import BadDigest, InvalidArgument, MalformedXML, S3Error
from proxy.wire import xml
from proxy.wire.xml import CompletedPart, DeletedKey
from proxy.wire.xml.creation import read_creation
from proxy.wire.xml.parsing import MAX_DOCUMENT_BYTES, parse

NS = b' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
READERS = (xml.read_delete, xml.read_complete, read_creation)


def delete(inner: bytes, namespace: bytes = NS) -> bytes:
    return b"<Delete" + namespace + b">" + inner + b"</Delete>"


@pytest.mark.parametrize("namespace", [b"", NS, b' xmlns="urn:other"', b' a="b"'])
def test_the_namespace_does_not_matter(namespace):
    read = xml.read_delete(delete(b"<Object><Key>a</Key></Object>", namespace))
    assert read.keys == (DeletedKey("a"),)
    assert read.quiet is False


def test_a_delete_request_is_read_with_all_that_it_says():
    read = xml.read_delete(
        b'<?xml version="1.0" encoding="UTF-8"?>'
        + delete(
            b"<Quiet>true</Quiet>\n  <Object><Key> a&amp;b&#13;&#x2F; </Key>"
            b"<VersionId>v1</VersionId></Object>"
            b"<Object><ETag>&quot;abc&quot;</ETag><Key>\xe6\x97\xa5</Key><VersionId></VersionId></Object>"
        )
    )
    assert read.quiet is True
    assert read.keys == (DeletedKey(" a&b\r/ ", "v1"), DeletedKey("日", etag="abc"))


@pytest.mark.parametrize("count", [0, 1001])
def test_a_delete_request_has_1_to_1000_keys(count):
    with pytest.raises(MalformedXML):
        xml.read_delete(delete(b"<Object><Key>a</Key></Object>" * count))


@pytest.mark.parametrize(
    "inner",
    [
        b"<Object></Object>",
        b"<Object><Key></Key></Object>",
        b"<Object><Key>a</Key><Key>b</Key></Object>",
        b"<Object><Key>a</Key><Force>1</Force></Object>",
        b"<Object><Key>a</Key></Object><Other/>",
        b"<Quiet>maybe</Quiet><Object><Key>a</Key></Object>",
    ],
)
def test_a_delete_request_against_the_schema_is_refused(inner):
    with pytest.raises(MalformedXML):
        xml.read_delete(delete(inner))


def test_conditions_of_a_delete_are_read():
    read = xml.read_delete(
        delete(
            b"<Object><Key>a</Key><Size> 12 </Size>"
            b"<LastModifiedTime>2015-10-21T07:28:00Z</LastModifiedTime></Object>"
            b"<Object><Key>b</Key><LastModifiedTime>Wed, 21 Oct 2015 07:28:00 GMT</LastModifiedTime></Object>"
        )
    )
    assert read.keys == (DeletedKey("a", size=12, modified=1445412480), DeletedKey("b", modified=1445412480))


@pytest.mark.parametrize(
    "inner", [b"<Size>x</Size>", b"<Size/>", b"<LastModifiedTime>now</LastModifiedTime>"]
)
def test_conditions_of_a_delete_that_are_none_are_refused(inner):
    with pytest.raises(MalformedXML):
        xml.read_delete(delete(b"<Object><Key>a</Key>" + inner + b"</Object>"))


def complete(*parts: bytes) -> bytes:
    return b"<CompleteMultipartUpload" + NS + b">" + b"".join(parts) + b"</CompleteMultipartUpload>"


def test_a_complete_request_is_read_in_the_order_of_the_client():
    read = xml.read_complete(
        complete(
            b'<Part><PartNumber>2</PartNumber><ETag>"b"</ETag></Part>',
            b"<Part><ETag>a</ETag><ChecksumCRC32>AAAAAA==</ChecksumCRC32><PartNumber> 1 </PartNumber></Part>",
        )
    )
    assert read == (CompletedPart(2, "b"), CompletedPart(1, "a", {"crc32": "AAAAAA=="}))


def test_10000_parts_with_checksums_are_read_in_reasonable_time():
    parts = [
        b"<Part><PartNumber>%d</PartNumber><ETag>&quot;%032x&quot;</ETag><ChecksumSHA256>%s=</ChecksumSHA256></Part>"
        % (number, number, b"A" * 43)
        for number in range(1, 10_001)
    ]
    started = time.process_time()
    assert len(xml.read_complete(complete(*parts))) == 10_000
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    ("part", "error"),
    [
        (b"", MalformedXML),
        (b"<Part/>", MalformedXML),
        (b"<Part><PartNumber>1</PartNumber></Part>", MalformedXML),
        (b"<Part><ETag>a</ETag></Part>", MalformedXML),
        (b"<Part><PartNumber>x</PartNumber><ETag>a</ETag></Part>", MalformedXML),
        (b"<Part><PartNumber>-1</PartNumber><ETag>a</ETag></Part>", MalformedXML),
        (b"<Part><PartNumber>0</PartNumber><ETag>a</ETag></Part>", InvalidArgument),
        (b"<Part><PartNumber>10001</PartNumber><ETag>a</ETag></Part>", InvalidArgument),
        (b"<Part><PartNumber>" + b"9" * 5000 + b"</PartNumber><ETag>a</ETag></Part>", InvalidArgument),
        (
            b"<Part><PartNumber>1</PartNumber><ETag>a</ETag><ChecksumSHA1>a</ChecksumSHA1></Part>",
            BadDigest,
        ),
        (b"<Teil><PartNumber>1</PartNumber><ETag>a</ETag></Teil>", MalformedXML),
        (b"<Part><PartNumber>1</PartNumber><ETag>a</ETag></Part>" * 10_001, MalformedXML),
    ],
)
def test_a_complete_request_against_the_schema_is_refused(part, error):
    with pytest.raises(error):
        xml.read_complete(complete(part))


BOMB = b'<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    "document",
    [
        b"not xml",
        b"<",
        b"<Delete>",
        b"<Delete></delete>",
        b"<Delete/>trailing",
        b"<Other/>",
        b"\xff\xfe",
        b"<Delete>\x00</Delete>",
        b"<Delete>\xff</Delete>",
        b"<Delete>&nosuch;</Delete>",
        BOMB + b"<Delete><Object><Key>&b;</Key></Object></Delete>",
        b'<!DOCTYPE d SYSTEM "file:///etc/passwd"><Delete><Object><Key>a</Key></Object></Delete>',
        b'<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><Delete><Object><Key>&x;</Key></Object></Delete>',
        b'<?xml version="1.0" encoding="no-such"?><Delete/>',
        b'<?xml version="1.0" encoding="utf-7"?><Delete/>',
        b"<Delete>" + b"<a>" * 100 + b"</a>" * 100 + b"</Delete>",
        b"<Delete>" + b"<a/>" * 100_001 + b"</Delete>",
        b"<Delete>" + b" " * MAX_DOCUMENT_BYTES + b"</Delete>",
    ],
)
def test_what_is_not_a_well_formed_bounded_document_is_refused(document):
    with pytest.raises(MalformedXML):
        parse(document, "Delete")


NAMES = st.sampled_from(
    ["Delete", "Object", "Key", "Quiet", "Part", "PartNumber", "ETag", "Tagging", "TagSet", "Tag"]
)


def _element(name: str, parts: list[str]) -> str:
    return f"<{name}>{''.join(parts)}</{name}>"


TREES = st.recursive(
    st.text("ab1& <>'\"\x01", max_size=5),
    lambda inner: st.builds(_element, NAMES, st.lists(inner, max_size=4)),
    max_leaves=12,
)


@settings(max_examples=300)
@given(TREES.map(str.encode) | st.binary(max_size=60), st.sampled_from(READERS))
def test_no_document_raises_anything_but_an_s3_error(document, reader):
    try:
        reader(document)
    except S3Error:
        pass
