"""The arithmetic of AWS Signature Version 4: canonical request, string to sign, signature.

Sources: Amazon S3 API Reference, "Authenticating Requests (AWS Signature Version 4)": "Using the
Authorization Header", "Using Query Parameters", "Transferring Payload in Multiple Chunks".
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable
from functools import lru_cache
from hashlib import sha256

from proxy.wire.encoding import decode_query, encode

ALGORITHM = "AWS4-HMAC-SHA256"
EMPTY_SHA256 = sha256(b"").hexdigest()

# A parameter that is its own canonical form.
_PLAIN = re.compile(rb"[A-Za-z0-9._~-]+(?:=[A-Za-z0-9._~-]*)?")


@lru_cache(maxsize=1024)
def signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    """The key of one secret for one day (YYYYMMDD), region and service."""
    key = ("AWS4" + secret).encode()
    for step in (date, region, service, "aws4_request"):
        key = hmac.digest(key, step.encode(), "sha256")
    return key


def canonical_query(raw_query: bytes, *, leave_out: str | None = None) -> str:
    """Every parameter re-encoded, sorted by name, then by value. Raises InvalidURI."""
    pairs = []
    for pair in raw_query.split(b"&"):
        if not pair:
            continue
        if _PLAIN.fullmatch(pair):
            name, _, value = pair.decode("ascii").partition("=")
        else:
            raw_name, _, raw_value = pair.partition(b"=")
            name, value = encode(decode_query(raw_name)), encode(decode_query(raw_value))
        if name != leave_out:
            pairs.append((name, value))
    pairs.sort()
    return "&".join([f"{name}={value}" for name, value in pairs])


def folded(value: str) -> str:
    """A header value, trimmed, with inner runs of spaces as one."""
    if "  " not in value and "\t" not in value:
        return value.strip(" ")
    # Only ASCII white space: other bytes may be a part of UTF-8.
    return b" ".join(value.encode("latin-1").split()).decode("latin-1")


def canonical_request(
    method: str, uri: str, query: str, headers: Iterable[tuple[str, str]], signed_headers: str, payload: str
) -> bytes:
    """`headers` are (lower-case name, folded value) in order, `signed_headers` their names; all latin-1."""
    lines = "".join([f"{name}:{value}\n" for name, value in headers])
    return f"{method}\n{uri}\n{query}\n{lines}\n{signed_headers}\n{payload}".encode("latin-1")


def string_to_sign(timestamp: str, scope: str, request: bytes) -> str:
    """Of a canonical request."""
    return f"{ALGORITHM}\n{timestamp}\n{scope}\n{sha256(request).hexdigest()}"


def chunk_string_to_sign(timestamp: str, scope: str, previous: str, chunk_sha256: str) -> str:
    """Of one aws-chunked chunk; `previous` is the signature before it."""
    return f"{ALGORITHM}-PAYLOAD\n{timestamp}\n{scope}\n{previous}\n{EMPTY_SHA256}\n{chunk_sha256}"


def trailer_string_to_sign(timestamp: str, scope: str, previous: str, trailer: bytes) -> str:
    """Of the trailing headers, each as `name:value` and a line feed."""
    return f"{ALGORITHM}-TRAILER\n{timestamp}\n{scope}\n{previous}\n{sha256(trailer).hexdigest()}"


def sign(key: bytes, text: str) -> str:
    """The signature, in hex."""
    return hmac.digest(key, text.encode("latin-1"), "sha256").hex()


def same(given: str, computed: str) -> bool:
    """Compared in constant time; whatever is not ASCII is different."""
    return given.isascii() and hmac.compare_digest(given, computed)
