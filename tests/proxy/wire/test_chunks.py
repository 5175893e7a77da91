"""The aws-chunked encoding without signatures: what clients wrap arrives, what is malformed does not."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Iterable, Mapping

import pytest
from botocore.httpchecksum import AwsChunkedWrapper, CrtCrc64NvmeChecksum, Sha256Checksum
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.errors import (
    BadDigest,
    IncompleteBody,
    InvalidRequest,
    MalformedTrailerError,
    MissingContentLength,
    S3Error,
)
from proxy.wire import checksums
from proxy.wire.body import open_body
from tests.proxy.wire.making import cut, request

UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
KIB = 1024


def chunked(decoded: int, wire: bytes, headers: Mapping[str, str] | None = None):
    """A request whose body is aws-chunked without signatures."""
    return request(
        "PUT",
        b"/bucket/key",
        headers={
            "content-length": str(len(wire)),
            "content-encoding": "aws-chunked",
            "x-amz-content-sha256": UNSIGNED_TRAILER,
            "x-amz-decoded-content-length": str(decoded),
        }
        | dict(headers or {}),
    )


def wrapped(data: bytes, checksum=Sha256Checksum, name="x-amz-checksum-sha256", size=1024 * KIB) -> bytes:
    return AwsChunkedWrapper(io.BytesIO(data), checksum, name, size).read()


@pytest.mark.parametrize("cut_at", [1, 2, 3, 7, 100, 65536, 10**9])
@pytest.mark.parametrize("data", [b"", b"x", b"0123456789" * 20_000], ids=["empty", "byte", "200 kB"])
def test_what_botocore_wraps_is_unwrapped_however_it_is_cut(data, cut_at):
    if cut_at < 7 and len(data) > 1000:
        data = data[:1000]
    wire = wrapped(data, size=8 * KIB)
    sent = chunked(len(data), wire, {"x-amz-trailer": "x-amz-checksum-sha256"})
    body = open_body(sent, None, cut(wire, cut_at))
    assert b"".join(body) == data
    assert body.checksums == {"sha256": checksums.compute("sha256", data)}
    assert body.length == len(data)


def test_crc64nvme_trailers_of_botocore_are_compared():
    wire = wrapped(b"data", CrtCrc64NvmeChecksum, "x-amz-checksum-crc64nvme")
    headers = {"x-amz-trailer": "x-amz-checksum-crc64nvme", "x-amz-sdk-checksum-algorithm": "CRC64NVME"}
    body = open_body(chunked(4, wire, headers), None, [wire])
    assert b"".join(body) == b"data"
    assert body.checksums == {"crc64nvme": checksums.compute("crc64nvme", b"data")}


def test_a_wrong_trailing_checksum_is_a_bad_digest():
    wire = wrapped(b"data").replace(b"data", b"Data")
    with pytest.raises(BadDigest):
        list(open_body(chunked(4, wire, {"x-amz-trailer": "x-amz-checksum-sha256"}), None, [wire]))


CRC = b"x-amz-checksum-crc32:rfPzYw=="
assert checksums.compute("crc32", b"data") == "rfPzYw=="


@pytest.mark.parametrize(
    "end",
    [b"\r\n" + CRC + b"\r\n\r\n", b"\r\n" + CRC + b"\n\r\n", b"\r\n" + CRC + b"\r\n", b"\n" + CRC + b"\n"],
)
def test_line_ends_that_clients_really_send_are_read(end):
    wire = b"4\r\ndata\r\n0" + end
    body = open_body(chunked(4, wire, {"x-amz-trailer": "x-amz-checksum-crc32"}), None, [wire])
    assert b"".join(body) == b"data"


@pytest.mark.parametrize("end", [b"0\r\n\r\n", b"0\r\n", b"0;chunk-signature=abc\r\n\r\n"])
def test_a_body_without_trailers_may_end_with_or_without_an_empty_line(end):
    wire = b"4\r\ndata\r\n" + end
    assert b"".join(open_body(chunked(4, wire), None, [wire])) == b"data"


@pytest.mark.parametrize(
    ("wire", "error"),
    [
        (b"", IncompleteBody),
        (b"4\r\nda", IncompleteBody),
        (b"4\r\ndata", IncompleteBody),
        (b"4\r\ndata\r\n", IncompleteBody),
        (b"4\r\ndata\r\n0", IncompleteBody),
        (b"3\r\ndata\r\n0\r\n\r\n", InvalidRequest),
        (b"4\r\ndataX\r\n0\r\n\r\n", InvalidRequest),
        (b"\r\ndata\r\n0\r\n\r\n", InvalidRequest),
        (b"-4\r\ndata\r\n0\r\n\r\n", InvalidRequest),
        (b"0x4\r\ndata\r\n0\r\n\r\n", InvalidRequest),
        (b"z\r\ndata\r\n0\r\n\r\n", InvalidRequest),
        (b"f" * 16 + b"\r\ndata\r\n0\r\n\r\n", InvalidRequest),
        (b"4;" + b"x" * 2000 + b"\r\ndata\r\n0\r\n\r\n", InvalidRequest),
        (b"4\r\ndata\r\n0\r\n\r\nmore", InvalidRequest),
        (b"3\r\ndat\r\n0\r\n\r\n", IncompleteBody),
        (b"5\r\ndata!\r\n0\r\n\r\n", IncompleteBody),
        (b"4\r\ndata\r\n0\r\nx-amz-checksum-crc32:rfPzYw==\r\n\r\n", MalformedTrailerError),
        (b"4\r\ndata\r\n0\r\nno colon\r\n\r\n", MalformedTrailerError),
    ],
)
def test_a_malformed_chunked_body_is_refused(wire, error):
    for size in (1, 1000):
        with pytest.raises(error):
            list(open_body(chunked(4, wire), None, cut(wire, size)))


@pytest.mark.parametrize(
    "trailers",
    [
        b"",
        b"x-amz-checksum-sha1:AAAA\r\n",
        CRC + b"\r\n" + CRC + b"\r\n",
        CRC + b"\r\nx-amz-meta-a:1\r\n",
        b"".join(b"a%d:1\r\n" % number for number in range(100)),
    ],
)
def test_exactly_the_announced_trailers_must_come(trailers):
    wire = b"4\r\ndata\r\n0\r\n" + trailers + b"\r\n"
    with pytest.raises(MalformedTrailerError):
        list(open_body(chunked(4, wire, {"x-amz-trailer": "x-amz-checksum-crc32"}), None, [wire]))


def test_a_trailer_that_is_no_checksum_value_is_refused():
    wire = b"4\r\ndata\r\n0\r\nx-amz-checksum-crc32:??\r\n\r\n"
    with pytest.raises(BadDigest):
        list(open_body(chunked(4, wire, {"x-amz-trailer": "x-amz-checksum-crc32"}), None, [wire]))


@pytest.mark.parametrize(
    "names", ["x-amz-meta-a", "x-amz-checksum-md4", "x-amz-checksum-crc32,x-amz-checksum-sha1"]
)
def test_trailers_that_we_do_not_know_are_refused(names):
    with pytest.raises(InvalidRequest):
        open_body(chunked(4, b"", {"x-amz-trailer": names}), None, [])


def test_a_chunked_body_must_announce_what_it_decodes_to():
    sent = chunked(4, b"")
    del sent.headers["x-amz-decoded-content-length"]
    with pytest.raises(MissingContentLength):
        open_body(sent, None, [])


def test_signed_chunks_need_a_signature_to_go_on_from():
    sent = chunked(4, b"", {"x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"})
    with pytest.raises(InvalidRequest):
        open_body(sent, None, [])


def test_memory_does_not_grow_with_tiny_chunks():
    wire = b"1\r\nx\r\n" * 100_000 + b"0\r\n\r\n"

    def pieces() -> Iterable[bytes]:
        for at in range(0, len(wire), 50):
            yield wire[at : at + 50]

    tracemalloc.start()
    try:
        size = sum(len(piece) for piece in open_body(chunked(100_000, wire), None, pieces()))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size == 100_000
    assert peak < 2 * 1024 * KIB


@settings(max_examples=300)
@given(
    wire=st.one_of(
        st.binary(max_size=300),
        st.lists(
            st.sampled_from(
                [b"4\r\n", b"data", b"\r\n", b"0\r\n", b"\n", b";chunk-signature=a", CRC, b":", b"f" * 9]
            ),
            max_size=12,
        ).map(b"".join),
    ),
    size=st.integers(1, 50),
    trailer=st.booleans(),
)
def test_no_chunked_body_raises_anything_but_an_s3_error(wire, size, trailer):
    headers = {"x-amz-trailer": "x-amz-checksum-crc32"} if trailer else {}
    try:
        data = b"".join(open_body(chunked(4, wire, headers), None, cut(wire, size)))
    except S3Error:
        return
    assert len(data) == 4
