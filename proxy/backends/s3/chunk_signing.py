"""Streams as signed chunks, for services that take no unsigned payload without TLS. Pure.

    size-in-hex;chunk-signature=hex CRLF data CRLF ... 0;chunk-signature=hex CRLF CRLF

Source: Amazon S3 API Reference, "Signature Calculations for the Authorization Header:
Transferring Payload in Multiple Chunks".
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

from proxy.backends.s3.requests import Signed
from proxy.backends.s3.transport import Payload
from proxy.wire import signing

STREAMING = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
CHUNK_BYTES = 64 * 1024
"""All chunks but the last have this size: then the length is known beforehand."""

_FRAME = len(";chunk-signature=") + 64 + 4


class SignedChunks:
    """A payload in the aws-chunked encoding; `length` counts what goes over the wire."""

    def __init__(self, payload: Payload, signed: Signed) -> None:
        whole, rest = divmod(payload.length, CHUNK_BYTES)
        frames = whole * (len(f"{CHUNK_BYTES:x}") + _FRAME) + len("0") + _FRAME
        self.length = payload.length + frames + (len(f"{rest:x}") + _FRAME if rest else 0)
        self._payload = payload
        self._signed = signed

    def __iter__(self) -> Iterator[bytes]:
        previous = self._signed.signature
        for data in _evenly(self._payload):
            previous = self._sign(previous, data)
            yield b"%x;chunk-signature=%s\r\n%s\r\n" % (len(data), previous.encode(), data)
        yield b"0;chunk-signature=%s\r\n\r\n" % self._sign(previous, b"").encode()

    def _sign(self, previous: str, data: bytes) -> str:
        signed = self._signed
        text = signing.chunk_string_to_sign(
            signed.timestamp, signed.scope, previous, sha256(data).hexdigest()
        )
        return signing.sign(signed.key, text)


def _evenly(pieces: Payload) -> Iterator[bytes]:
    """The same bytes in pieces of CHUNK_BYTES, the last one shorter; never an empty one."""
    held = bytearray()
    for piece in pieces:
        held += piece
        while len(held) >= CHUNK_BYTES:
            yield bytes(held[:CHUNK_BYTES])
            del held[:CHUNK_BYTES]
    if held:
        yield bytes(held)
