"""AWS Signature Version 2: URLs as botocore still makes them by default, and headers of old clients.

It signs less than version 4 does: no body, not every parameter. What it leaves open is refused.
Source: Amazon S3 User Guide, "Signing and authenticating REST requests (AWS signature version 2)"
and, in it, "Query string request authentication alternative".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass

from proxy.errors import (
    AccessDenied,
    InvalidArgument,
    InvalidRequest,
    RequestTimeTooSkewed,
    SignatureDoesNotMatch,
)
from proxy.wire.claims import MAX_SKEW_SECONDS, PAYLOAD_HEADER, STREAMING, UNSIGNED
from proxy.wire.dates import iso_seconds, parse_http_date
from proxy.wire.encryption import without_keys
from proxy.wire.request import S3Request
from proxy.wire.sigv4 import Credentials, find_secret

_OWN = frozenset({"AWSAccessKeyId", "Signature", "Expires"})
_SIGNED = frozenset(
    [
        "accelerate",
        "acl",
        "analytics",
        "cors",
        "delete",
        "inventory",
        "lifecycle",
        "location",
        "logging",
        "metrics",
        "notification",
        "object-lock",
        "partNumber",
        "policy",
        "replication",
        "requestPayment",
        "response-cache-control",
        "response-content-disposition",
        "response-content-encoding",
        "response-content-language",
        "response-content-type",
        "response-expires",
        "restore",
        "select",
        "select-type",
        "storageClass",
        "tagging",
        "torrent",
        "uploadId",
        "uploads",
        "versionId",
        "versioning",
        "versions",
        "website",
    ]
)
"""Parameters that are part of what is signed."""
_FREE = frozenset(
    [
        "x-id",
        "list-type",
        "prefix",
        "delimiter",
        "marker",
        "max-keys",
        "start-after",
        "continuation-token",
        "fetch-owner",
        "encoding-type",
        "key-marker",
        "upload-id-marker",
        "max-uploads",
        "part-number-marker",
        "max-parts",
        "version-id-marker",
    ]
)
"""Parameters that version 2 does not sign and that choose no other operation."""


_SCHEME = "AWS "


@dataclass(frozen=True, slots=True)
class _Claim:
    """What a request says of its signature. `date` is the line of that name in what is signed."""

    access_key: str
    signature: str
    date: str
    presigned: bool


def is_signed(request: S3Request) -> bool:
    """Whether a header or, without any, the query carries such a signature."""
    header = request.headers.get("authorization")
    if header is not None:
        return header.startswith(_SCHEME)
    return "Signature" in request.query and "AWSAccessKeyId" in request.query


def authenticate(request: S3Request, secret_for: Callable[[str], str | None], *, now: float) -> Credentials:
    """Verify the signature; `now` is in seconds since the epoch.

    A parameter that is neither signed nor known to be harmless is refused: it could turn the request
    into one for something else. Raises AccessDenied, InvalidAccessKeyId, InvalidArgument,
    InvalidRequest, RequestTimeTooSkewed, SignatureDoesNotMatch.
    """
    claim = _of_header(request, now) if "authorization" in request.headers else _of_query(request, now)
    loose = request.query.keys() - _SIGNED - _FREE - (_OWN if claim.presigned else frozenset())
    if loose:
        raise AccessDenied(f"The signature of this request does not cover the parameter {min(loose)}.")
    secret = find_secret(claim.access_key, secret_for)
    texts = [string_to_sign(request, claim.date, ending) for ending in _endings(request)]
    if not any(_same(claim.signature, secret, text) for text in texts):
        raise SignatureDoesNotMatch(
            fields={
                "AWSAccessKeyId": claim.access_key,
                "StringToSign": without_keys(texts[0], request.headers),
                "SignatureProvided": claim.signature,
            }
        )
    payload = request.headers.get(PAYLOAD_HEADER, UNSIGNED)
    if payload in STREAMING:
        raise InvalidRequest("A signature of version 2 cannot be used with chunks.")
    return Credentials(claim.access_key, "", b"", claim.signature, claim.date, payload, claim.presigned)


def _endings(request: S3Request) -> tuple[str, ...]:
    """A bucket's path may be signed as its root, whether or not it was sent with the slash."""
    of_bucket = bool(request.bucket) and not request.key and not request.raw_path.endswith(b"/")
    return ("", "/") if of_bucket else ("",)


def _same(given: str, secret: str, text: str) -> bool:
    signature = base64.b64encode(hmac.new(secret.encode(), text.encode("latin-1"), hashlib.sha1).digest())
    return hmac.compare_digest(signature, given.encode())


def _of_query(request: S3Request, now: float) -> _Claim:
    query = request.query
    expires = query.get("Expires", "")
    _check_expiry(expires, now)
    return _Claim(query["AWSAccessKeyId"], query["Signature"], expires, True)


def _of_header(request: S3Request, now: float) -> _Claim:
    """`AWS access-key:signature`, with a date of its own."""
    text = request.headers["authorization"]
    access_key, colon, signature = text.removeprefix(_SCHEME).strip().partition(":")
    if not (access_key and colon and signature) or " " in access_key:
        raise InvalidArgument(
            "AWS authorization header is invalid. Expected AwsAccessKeyId:signature",
            fields={"ArgumentName": "Authorization", "ArgumentValue": text},
        )
    date = request.headers.get("x-amz-date", request.headers.get("date", ""))
    moment = parse_http_date(date)
    if moment is None or moment < 0:
        raise AccessDenied("AWS authentication requires a valid Date or x-amz-date header")
    if abs(now - moment) > MAX_SKEW_SECONDS:
        raise RequestTimeTooSkewed(
            fields={"RequestTime": date, "ServerTime": iso_seconds(now)},
        )
    return _Claim(access_key, signature, "" if "x-amz-date" in request.headers else date, False)


def string_to_sign(request: S3Request, date: str, ending: str = "") -> str:
    """What version 2 signs: headers and path as received, parameters decoded; latin-1 text.

    `date` is the Date header ("" where x-amz-date takes its place), or the end of a URL's life.
    `ending` is added to the path.
    """
    headers = request.headers
    amz = [f"{name}:{headers[name]}\n" for name in sorted(headers) if name.startswith("x-amz-")]
    subresources = [
        f"{name}={request.query[name]}" if request.query[name] else name
        for name in sorted(_SIGNED & request.query.keys())
    ]
    bucket = f"/{request.bucket}".encode() if request.in_host else b""
    path = bucket + request.raw_path + ending.encode()
    resource = path + ("?" + "&".join(subresources) if subresources else "").encode()
    return "\n".join(
        [
            request.method,
            headers.get("content-md5", ""),
            headers.get("content-type", ""),
            date,
            "".join(amz) + resource.decode("latin-1"),
        ]
    )


def _check_expiry(expires: str, now: float) -> None:
    if not (expires.isascii() and expires.isdigit() and len(expires) <= 12):
        raise AccessDenied(
            "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters"
        )
    if now > int(expires):
        raise AccessDenied(
            "Request has expired",
            fields={"Expires": iso_seconds(int(expires)), "ServerTime": iso_seconds(now)},
        )
