"""Chunks are signed one after the other: none may be changed, dropped, doubled or moved."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.errors import S3Error, SignatureDoesNotMatch
from proxy.wire import checksums
from proxy.wire.body import Body, open_body
from tests.proxy.wire.making import boto_signed, verify

SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"


def upload(chunks: list[bytes], trailer: bytes = b"") -> tuple[list[bytes], Body]:
    """The framed chunks, signed as the documentation says, and a body that will read `frames`."""
    headers = {
        "content-encoding": "aws-chunked",
        "x-amz-decoded-content-length": str(sum(map(len, chunks))),
    }
    if trailer:
        headers["x-amz-trailer"] = "x-amz-checksum-crc32"
    signed = boto_signed("PUT", "/bucket/key", headers, payload=SIGNED + ("-TRAILER" if trailer else ""))
    signed.content_length = None
    credentials = verify(signed)
    previous = credentials.signature

    def sign(kind: str, *rest: str) -> str:
        text = "\n".join(
            [f"AWS4-HMAC-SHA256-{kind}", credentials.timestamp, credentials.scope, previous, *rest]
        )
        return hmac.new(credentials.signing_key, text.encode(), "sha256").hexdigest()

    empty = hashlib.sha256(b"").hexdigest()
    frames = []
    for chunk in [*chunks, b""]:
        previous = sign("PAYLOAD", empty, hashlib.sha256(chunk).hexdigest())
        frames.append(b"%x;chunk-signature=%s\r\n%s" % (len(chunk), previous.encode(), chunk))
        if chunk:
            frames[-1] += b"\r\n"
    if trailer:
        previous = sign("TRAILER", hashlib.sha256(trailer + b"\n").hexdigest())
        frames.append(trailer + b"\r\nx-amz-trailer-signature:" + previous.encode() + b"\r\n")
    frames.append(b"\r\n")
    wire: list[bytes] = frames
    return wire, open_body(signed, credentials, wire)


@settings(max_examples=50)
@given(st.lists(st.binary(min_size=1, max_size=200), max_size=6))
def test_signed_chunks_of_any_size_arrive(chunks):
    _, body = upload(chunks)
    assert b"".join(body) == b"".join(chunks)


def test_a_signed_trailer_arrives():
    value = checksums.compute("crc32", b"onetwo")
    _, body = upload([b"one", b"two"], b"x-amz-checksum-crc32:" + value.encode())
    assert b"".join(body) == b"onetwo"
    assert body.checksums == {"crc32": value}


def swap(frames: list[bytes]) -> None:
    frames[0], frames[1] = frames[1], frames[0]


def double(frames: list[bytes]) -> None:
    frames.insert(0, frames[0])


def drop(frames: list[bytes]) -> None:
    del frames[0]


def end_early(frames: list[bytes]) -> None:
    del frames[1]


def unsign(frames: list[bytes]) -> None:
    frames[0] = b"3\r\none\r\n"


@pytest.mark.parametrize("change", [swap, double, drop, end_early, unsign])
def test_chunks_that_were_moved_doubled_dropped_or_unsigned_are_refused(change):
    frames, body = upload([b"one", b"two"])
    change(frames)
    with pytest.raises(SignatureDoesNotMatch):
        b"".join(body)


def test_a_trailer_whose_signature_was_taken_away_is_refused():
    value = checksums.compute("crc32", b"one").encode()
    frames, body = upload([b"one"], b"x-amz-checksum-crc32:" + value)
    frames[2] = b"x-amz-checksum-crc32:" + value + b"\r\n"
    with pytest.raises(SignatureDoesNotMatch):
        b"".join(body)


@settings(max_examples=100)
@given(st.data())
def test_no_changed_bit_changes_what_arrives(data):
    frames, body = upload([b"one", b"two"])
    wire = bytearray(b"".join(frames))
    at = data.draw(st.integers(0, len(wire) - 1))
    wire[at] ^= 1 << data.draw(st.integers(0, 7))
    frames[:] = [bytes(wire)]
    try:
        # Framing is read leniently (a CR before a line feed, the case of a size); data is not.
        assert b"".join(body) == b"onetwo"
    except S3Error:
        pass
