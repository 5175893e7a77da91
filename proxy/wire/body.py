"""The body of a request as the store reads it: decoded, measured, and checked to the last byte."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from proxy.errors import (
    BadDigest,
    EntityTooLarge,
    IncompleteBody,
    InvalidDigest,
    InvalidRequest,
    MaxMessageLengthExceeded,
    MissingContentLength,
    S3Error,
    XAmzContentSHA256Mismatch,
)
from proxy.wire import checksums
from proxy.wire.checksums import Checksum
from proxy.wire.chunks import Decoder
from proxy.wire.claims import (
    PAYLOAD_HEADER,
    STREAMING,
    STREAMING_SIGNED,
    STREAMING_UNSIGNED_TRAILER,
    UNSIGNED,
    check_payload,
)
from proxy.wire.request import S3Request, parse_length
from proxy.wire.sigv4 import Credentials

MAX_BODY_BYTES = 5 * 1024**3
"""Largest body of one request, as S3 limits PutObject and UploadPart."""

_PASS_BYTES = 64 * 1024
_JOIN_BYTES = 256 * 1024
_MOST_BYTES = 1024 * 1024

Pulse = Callable[[], None]


@dataclass(frozen=True, slots=True)
class _Expectation:
    """A digest that the sender announced, and the error if the bytes have another one."""

    running: Checksum
    digest: bytes
    error: Callable[[bytes], S3Error]


class Body:
    """Pieces of 64 KiB to 1 MiB (the last may be shorter); see `proxy.backends.base.Body`.

    Reading past the last byte raises IncompleteBody, BadDigest, XAmzContentSHA256Mismatch,
    SignatureDoesNotMatch, MalformedTrailerError, InvalidRequest or EntityTooLarge, whatever
    applies; `checksums` is complete after that.
    """

    def __init__(
        self,
        data: Iterable[bytes | memoryview],
        *,
        length: int | None,
        limit: int,
        expectations: Iterable[_Expectation],
        computed: Mapping[str, Checksum],
        trailers: Mapping[str, str],
    ) -> None:
        self.length = length
        self.checksums: Mapping[str, str] = {}
        self._data = data
        self._limit = limit
        self._expectations = tuple(expectations)
        self._computed = computed
        self._trailers = trailers
        self._started = False

    def __iter__(self) -> Iterator[bytes]:
        if self._started:
            raise RuntimeError("a request's body can be read only once")
        self._started = True
        running = {id(one): one for one in self._computed.values()}
        running.update((id(one.running), one.running) for one in self._expectations)
        updates = [one.update for one in running.values()]
        for piece in resized(self._measured()):
            for update in updates:
                update(piece)
            yield piece
        self._finish()

    def _measured(self) -> Iterator[bytes | memoryview]:
        most = self._limit if self.length is None else self.length
        count = 0
        for piece in self._data:
            count += len(piece)
            if count > most:
                raise self._too_long(count)
            yield piece
        if self.length is not None and count != self.length:
            raise incomplete(self.length, count)

    def _too_long(self, count: int) -> S3Error:
        return too_large(count, self._limit) if self.length is None else incomplete(self.length, count)

    def _finish(self) -> None:
        for one in self._expectations:
            digest = one.running.digest()
            if digest != one.digest:
                raise one.error(digest)
        values = {name: checksums.value_of(one.digest()) for name, one in self._computed.items()}
        for name, value in values.items():
            announced = self._trailers.get(checksums.HEADER_PREFIX + name)
            if announced is not None and checksums.digest_of(name, announced) != checksums.digest_of(
                name, value
            ):
                raise _bad_checksum(name)
        self.checksums = values


def open_body(
    request: S3Request,
    credentials: Credentials | None,
    pieces: Iterable[bytes],
    *,
    pulse: Pulse | None = None,
    limit: int = MAX_BODY_BYTES,
    also: str = "",
) -> Body:
    """Dress the raw pieces of a request's body; `pulse` is called before each is looked at.

    `also` names a checksum to compute even if the request does not speak of it.

    Raises at once, before a byte is read: MissingContentLength, EntityTooLarge, InvalidDigest,
    InvalidArgument, InvalidRequest, NotImplemented.
    """
    payload = credentials.payload if credentials else request.headers.get(PAYLOAD_HEADER, UNSIGNED)
    check_payload(payload)
    length = _length(request, payload in STREAMING)
    if length is not None and length > limit:
        raise too_large(length, limit)
    wire = _counted(pieces, request.content_length, pulse)
    trailer_names = _trailer_names(request, payload)
    expectations, computed = _digests(request, payload, trailer_names)
    if also and also not in computed:
        computed[also] = checksums.algorithm(also).new()
    data: Iterable[bytes | memoryview] = wire
    trailers: Mapping[str, str] = {}
    if payload in STREAMING:
        if credentials is None and payload != STREAMING_UNSIGNED_TRAILER:
            raise InvalidRequest("A request without a signature cannot have signed chunks.")
        signed_by = None if payload == STREAMING_UNSIGNED_TRAILER else credentials
        decoder = Decoder(wire, signed_by, trailer_names)
        data, trailers = decoder, decoder.trailers
    return Body(
        data, length=length, limit=limit, expectations=expectations, computed=computed, trailers=trailers
    )


def read_all(body: Body, limit: int) -> bytes:
    """A small body whole, for documents. Raises MaxMessageLengthExceeded above `limit` bytes."""
    if body.length is not None and body.length > limit:
        raise MaxMessageLengthExceeded(fields={"MaxMessageLengthBytes": str(limit)})
    whole = bytearray()
    for piece in body:
        whole += piece
        if len(whole) > limit:
            raise MaxMessageLengthExceeded(fields={"MaxMessageLengthBytes": str(limit)})
    return bytes(whole)


def resized(pieces: Iterable[bytes | memoryview]) -> Iterator[bytes]:
    """The same bytes in pieces of 64 KiB to 1 MiB; those that fit pass without a copy."""
    waiting = bytearray()
    for piece in pieces:
        if waiting or len(piece) < _PASS_BYTES:
            waiting += piece
            if len(waiting) < _JOIN_BYTES:
                continue
            piece = bytes(waiting)
            waiting.clear()
        if len(piece) <= _MOST_BYTES:
            yield bytes(piece)
            continue
        view = memoryview(piece)
        whole = len(view) - len(view) % _MOST_BYTES
        for start in range(0, whole, _MOST_BYTES):
            yield bytes(view[start : start + _MOST_BYTES])
        waiting += view[whole:]
    if waiting:
        yield bytes(waiting)


def too_large(size: int, limit: int) -> EntityTooLarge:
    return EntityTooLarge(fields={"ProposedSize": str(size), "MaxSizeAllowed": str(limit)})


def incomplete(expected: int, provided: int) -> IncompleteBody:
    return IncompleteBody(fields={"NumberBytesExpected": str(expected), "NumberBytesProvided": str(provided)})


def _counted(pieces: Iterable[bytes], expected: int | None, pulse: Pulse | None) -> Iterator[bytes]:
    count = 0
    for piece in pieces:
        if pulse is not None:
            pulse()
        count += len(piece)
        yield piece
    if expected is not None and count != expected:
        raise incomplete(expected, count)


def _length(request: S3Request, streaming: bool) -> int | None:
    """Bytes of the decoded body. Raises MissingContentLength."""
    decoded = parse_length(request.headers, "x-amz-decoded-content-length")
    if streaming:
        if decoded is None:
            raise MissingContentLength()
        return decoded
    if request.content_length is not None:
        return request.content_length
    if "chunked" in request.headers.get("transfer-encoding", "").lower():
        return decoded
    if request.method in ("PUT", "POST"):
        raise MissingContentLength()
    return 0


def _trailer_names(request: S3Request, payload: str) -> frozenset[str]:
    """The one x-amz-checksum- trailer that may be announced. Raises InvalidRequest."""
    text = request.headers.get("x-amz-trailer", "").lower()
    names = frozenset(name.strip() for name in text.split(",") if name.strip())
    if not names:
        return names
    known = {one.header for one in checksums.ALGORITHMS.values()}
    if len(names) > 1 or not names <= known or payload not in STREAMING or payload == STREAMING_SIGNED:
        raise InvalidRequest("The value specified in the x-amz-trailer header is not supported")
    return names


def _digests(
    request: S3Request, payload: str, trailer_names: frozenset[str]
) -> tuple[list[_Expectation], dict[str, Checksum]]:
    """What must hold of the bytes, and the checksums that were asked for, sharing what they can."""
    expectations = []
    computed: dict[str, Checksum] = {}
    name, value = _asked_checksum(request, trailer_names)
    if name:
        computed[name] = checksums.algorithm(name).new()
    if value:
        expectations.append(
            _Expectation(computed[name], checksums.digest_of(name, value), lambda _: _bad_checksum(name))
        )
    if payload not in STREAMING and payload != UNSIGNED:
        running = computed.get("sha256") or hashlib.sha256()
        expectations.append(_Expectation(running, bytes.fromhex(payload), _sha256_mismatch(payload)))
    md5 = request.headers.get("content-md5")
    if md5 is not None:
        expectations.append(_md5_expectation(md5))
    return expectations, computed


def _asked_checksum(request: S3Request, trailer_names: frozenset[str]) -> tuple[str, str]:
    """(algorithm, value), "" for what is not said. Raises InvalidRequest.

    CompleteMultipartUpload has the object's checksum in its headers, not its document's.
    """
    if request.method == "POST" and "uploadId" in request.query:
        return "", ""
    in_header = checksums.announced(request.headers)
    in_trailer = next(iter(trailer_names), "").removeprefix(checksums.HEADER_PREFIX)
    if in_header and in_trailer:
        raise InvalidRequest(checksums.ONE_ONLY)
    name, value = in_header or (in_trailer, "")
    sdk = request.headers.get("x-amz-sdk-checksum-algorithm")
    if sdk:
        asked = checksums.algorithm(sdk).name
        if name and asked != name:
            raise InvalidRequest("Value for x-amz-sdk-checksum-algorithm header is invalid.")
        name = asked
    return name, value


def _bad_checksum(name: str) -> BadDigest:
    return BadDigest(f"The {name.upper()} you specified did not match the calculated checksum.")


def _sha256_mismatch(payload: str) -> Callable[[bytes], S3Error]:
    return lambda digest: XAmzContentSHA256Mismatch(
        fields={"ClientComputedContentSHA256": payload, "S3ComputedContentSHA256": digest.hex()}
    )


def _md5_expectation(text: str) -> _Expectation:
    try:
        digest = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != 16:
        raise InvalidDigest("The Content-MD5 you specified was invalid.", fields={"Content-MD5": text})
    return _Expectation(
        hashlib.md5(usedforsecurity=False),
        digest,
        lambda found: BadDigest(
            "The Content-MD5 you specified did not match what we received.",
            fields={"ExpectedDigest": text, "CalculatedDigest": checksums.value_of(found)},
        ),
    )
