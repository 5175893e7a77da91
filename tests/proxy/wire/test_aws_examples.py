"""The worked examples of AWS's documentation of Signature Version 4 for S3, to the last digit."""

from __future__ import annotations

import pytest

from proxy.errors import SignatureDoesNotMatch
from proxy.wire.body import open_body
from proxy.wire.signing import EMPTY_SHA256
from tests.proxy.wire.making import ACCESS_KEY, documented, verify

HOST = "examplebucket.s3.amazonaws.com"
SCOPE = f"{ACCESS_KEY}/20130524/us-east-1/s3/aws4_request"


def authorization(signed_headers: str, signature: str) -> str:
    return f"AWS4-HMAC-SHA256 Credential={SCOPE},SignedHeaders={signed_headers},Signature={signature}"


BASIC = {"host": HOST, "x-amz-date": "20130524T000000Z", "x-amz-content-sha256": EMPTY_SHA256}

HEADER_EXAMPLES = {
    "get an object's first bytes": (
        "GET", b"/test.txt", b"", BASIC | {"range": "bytes=0-9"},
        "host;range;x-amz-content-sha256;x-amz-date",
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    ),
    "put an object whose name the client did not encode": (
        "PUT", b"/test$file.text", b"",
        BASIC | {
            "date": "Fri, 24 May 2013 00:00:00 GMT",
            "x-amz-storage-class": "REDUCED_REDUNDANCY",
            "x-amz-content-sha256": "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
        },
        "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
    ),
    "get a bucket's lifecycle": (
        "GET", b"/", b"lifecycle", BASIC,
        "host;x-amz-content-sha256;x-amz-date",
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
    ),
    "list objects": (
        "GET", b"/", b"max-keys=2&prefix=J", BASIC,
        "host;x-amz-content-sha256;x-amz-date",
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
    ),
}  # fmt: skip


@pytest.mark.parametrize("example", HEADER_EXAMPLES.values(), ids=HEADER_EXAMPLES.keys())
def test_the_documented_header_signatures_verify(example):
    method, path, query, headers, signed, signature = example
    headers = headers | {"authorization": authorization(signed, signature)}
    assert verify(documented(method, path, query, headers)).access_key == ACCESS_KEY


@pytest.mark.parametrize("example", HEADER_EXAMPLES.values(), ids=HEADER_EXAMPLES.keys())
def test_a_documented_signature_with_one_digit_changed_is_refused(example):
    method, path, query, headers, signed, signature = example
    wrong = ("0" if signature[0] != "0" else "1") + signature[1:]
    headers = headers | {"authorization": authorization(signed, wrong)}
    with pytest.raises(SignatureDoesNotMatch):
        verify(documented(method, path, query, headers))


def test_the_documented_presigned_url_verifies_for_a_day():
    query = (
        b"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" + SCOPE.replace("/", "%2F").encode()
        + b"&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature="
        b"aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    )  # fmt: skip
    credentials = verify(documented("GET", b"/test.txt", query, {"host": HOST}), now=1369353600 + 86400)
    assert credentials.presigned
    assert credentials.payload == "UNSIGNED-PAYLOAD"


CHUNKED = {
    "host": "s3.amazonaws.com",
    "x-amz-date": "20130524T000000Z",
    "x-amz-storage-class": "REDUCED_REDUNDANCY",
    "content-encoding": "aws-chunked",
    "x-amz-decoded-content-length": "66560",
}
PATH = b"/examplebucket/chunkObject.txt"


def chunked_upload() -> tuple[dict[str, str], bytes]:
    headers = CHUNKED | {
        "content-length": "66824",
        "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "authorization": authorization(
            "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;"
            "x-amz-decoded-content-length;x-amz-storage-class",
            "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
        ),
    }
    body = (
        b"10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n"
        + b"a" * 65536
        + b"\r\n400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n"
        + b"a" * 1024
        + b"\r\n0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n"
    )
    return headers, body


def test_the_documented_chunked_upload_verifies_chunk_by_chunk():
    headers, wire = chunked_upload()
    upload = documented("PUT", PATH, b"", headers)
    body = open_body(upload, verify(upload), [wire])
    assert body.length == 66560
    assert b"".join(body) == b"a" * 66560


@pytest.mark.parametrize("at", [30, 100, 65_700, 66_000])
def test_a_changed_byte_of_the_documented_chunks_is_refused(at):
    headers, wire = chunked_upload()
    upload = documented("PUT", PATH, b"", headers)
    changed = bytearray(wire)
    changed[at] = ord("b") if changed[at] != ord("b") else ord("c")
    with pytest.raises(SignatureDoesNotMatch):
        b"".join(open_body(upload, verify(upload), [bytes(changed)]))


def trailing_upload() -> tuple[dict[str, str], bytes]:
    headers = CHUNKED | {
        "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        "x-amz-trailer": "x-amz-checksum-crc32c",
        "authorization": authorization(
            "content-encoding;host;x-amz-content-sha256;x-amz-date;"
            "x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer",
            "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
        ),
    }
    body = (
        b"10000;chunk-signature=b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2\r\n"
        + b"a" * 65536
        + b"\r\n400;chunk-signature=1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7\r\n"
        + b"a" * 1024
        + b"\r\n0;chunk-signature=2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992\r\n"
        b"x-amz-checksum-crc32c:sOO8/Q==\r\n"
        b"x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n"
    )
    return headers | {"content-length": str(len(body))}, body


def test_the_documented_trailing_checksum_verifies():
    headers, wire = trailing_upload()
    upload = documented("PUT", PATH, b"", headers)
    body = open_body(upload, verify(upload), [wire])
    assert b"".join(body) == b"a" * 66560
    assert body.checksums == {"crc32c": "sOO8/Q=="}


def test_a_wrong_trailer_signature_is_refused():
    headers, wire = trailing_upload()
    upload = documented("PUT", PATH, b"", headers)
    with pytest.raises(SignatureDoesNotMatch):
        b"".join(open_body(upload, verify(upload), [wire.replace(b":d81f", b":d81e")]))
