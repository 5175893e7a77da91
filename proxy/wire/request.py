"""S3Request: the only reader of the raw ASGI scope.

The path stays byte for byte as it was received, since the signature covers it; bucket and
key are split before anything is decoded, so `.`, `..`, `//` and `%2F` in keys mean nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from proxy.errors import (
    InvalidArgument,
    InvalidRequest,
    InvalidURI,
    KeyTooLongError,
    RequestHeaderSectionTooLarge,
)
from proxy.wire.encoding import MAX_TARGET_BYTES, decode, decode_query, encode
from proxy.wire.hosts import bucket_of_host
from proxy.wire.names import check_addressable

MAX_KEY_BYTES = 1024
MAX_HEADER_BYTES = 8 * 1024
"""Names and values together, as S3 limits a request's header section."""
MAX_QUERY_PARAMETERS = 100

_AUTHORITY = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")
_LENGTH = re.compile(r"[0-9]{1,18}", re.ASCII)


@dataclass(slots=True)
class S3Request:
    """One request before it is authenticated: /bucket/key, or /key if `in_host` (the host names the bucket).

    Header names are lower case; values are latin-1 text (so that `.encode("latin-1")` gives the
    bytes that were sent), repeated ones joined with ",". `query` is decoded, "" for bare names.
    `raw_query` and `raw_path` are as received. `content_length` is None if not announced.
    """

    method: str
    raw_path: bytes
    raw_query: bytes
    headers: dict[str, str]
    query: dict[str, str]
    scheme: str
    host: str
    client: str
    request_id: str
    bucket: str
    key: str
    content_length: int | None
    in_host: bool = False

    @classmethod
    def from_scope(cls, scope: Mapping[str, Any], request_id: str, domains: Sequence[str] = ()) -> S3Request:
        """Read an ASGI HTTP scope; a host below one of `domains` names a bucket.

        Raises InvalidURI, InvalidArgument, InvalidBucketName, InvalidRequest, KeyTooLongError,
        RequestHeaderSectionTooLarge.
        """
        raw_path = origin_form(scope.get("raw_path") or scope["path"].encode())
        raw_query = scope.get("query_string", b"")
        headers = read_headers(scope["headers"])
        in_host = bucket_of_host(headers.get("host", ""), domains) if domains else ""
        bucket, key = split_path(raw_path, in_host)
        client = scope.get("client")
        return cls(
            method=scope["method"],
            raw_path=raw_path,
            raw_query=raw_query,
            headers=headers,
            query=read_query(raw_query) if raw_query else {},
            scheme=scope.get("scheme", "http"),
            host=headers.get("host", ""),
            client=client[0] if client else "",
            request_id=request_id,
            bucket=bucket,
            key=key,
            content_length=parse_length(headers, "content-length"),
            in_host=bool(in_host),
        )

    def url_of(self, key: str) -> str:
        """The URL of a key of the bucket, addressed as this request was."""
        bucket = "" if self.in_host else f"/{self.bucket}"
        return f"{self.scheme}://{self.host}{bucket}/{encode(key, keep_slash=True)}"


def origin_form(target: bytes) -> bytes:
    """The path of a request target, scheme and authority taken off. Raises InvalidURI.

    Source: RFC 9112, 3.2 "Request Target".
    """
    if len(target) > MAX_TARGET_BYTES:
        raise InvalidURI("The URI is too long.")
    if target.startswith(b"/"):
        return target
    authority = _AUTHORITY.match(target)
    if authority is None:
        raise InvalidURI()
    path = target[authority.end() :]
    if not path:
        return b"/"
    if not path.startswith(b"/"):
        raise InvalidURI()
    return path


def split_path(raw_path: bytes, in_host: str = "") -> tuple[str, str]:
    """(bucket, key), decoded; "" for what is not there. `in_host` is the bucket that the host names.

    Raises InvalidBucketName, InvalidURI, KeyTooLongError.
    """
    if in_host:
        bucket, key = in_host, decode(raw_path[1:])
    else:
        raw_bucket, _, raw_key = raw_path[1:].partition(b"/")
        bucket, key = decode(raw_bucket), decode(raw_key)
    if bucket or key:
        check_addressable(bucket)
    check_key(key)
    return bucket, key


def check_key(key: str) -> None:
    """Raise KeyTooLongError for more than 1,024 bytes of UTF-8."""
    if len(key) * 4 <= MAX_KEY_BYTES:
        return
    size = len(key.encode())
    if size > MAX_KEY_BYTES:
        raise KeyTooLongError(fields={"Size": str(size), "MaxSizeAllowed": str(MAX_KEY_BYTES)})


def read_headers(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Lower-case names, latin-1 values, repeated ones joined. Raises RequestHeaderSectionTooLarge."""
    headers: dict[str, str] = {}
    size = 0
    for raw_name, raw_value in pairs:
        size += len(raw_name) + len(raw_value)
        name = raw_name.decode("latin-1").lower()
        value = raw_value.decode("latin-1").strip(" \t")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    if size > MAX_HEADER_BYTES:
        raise RequestHeaderSectionTooLarge(fields={"MaxSizeAllowed": str(MAX_HEADER_BYTES)})
    return headers


def read_query(raw_query: bytes) -> dict[str, str]:
    """Decoded parameters. Raises InvalidURI, and InvalidArgument for a name that comes twice."""
    if len(raw_query) > MAX_TARGET_BYTES:
        raise InvalidURI("The query string is too long.")
    query: dict[str, str] = {}
    for pair in raw_query.split(b"&"):
        if not pair:
            continue
        if len(query) == MAX_QUERY_PARAMETERS:
            raise InvalidURI("The query string has too many parameters.")
        raw_name, _, raw_value = pair.partition(b"=")
        name = decode_query(raw_name)
        if name in query:
            raise InvalidArgument(
                "A query parameter was given more than once.",
                fields={"ArgumentName": name, "ArgumentValue": decode_query(raw_value)},
            )
        query[name] = decode_query(raw_value)
    return query


def parse_length(headers: Mapping[str, str], name: str) -> int | None:
    """A header that says a number of bytes, None without it. Raises InvalidRequest."""
    text = headers.get(name)
    if text is None:
        return None
    if not _LENGTH.fullmatch(text):
        raise InvalidRequest(f"The {name} header is not a number of bytes.")
    return int(text)
