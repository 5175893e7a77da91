"""URLs that were signed with AWS Signature Version 2: what `aws s3 presign` still makes by default.

Only the query form; a header of version 2 is refused by `sigv4`. Source: Amazon S3 User Guide,
"Signing and authenticating REST requests (AWS signature version 2)", "Query string request
authentication alternative".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable

from proxy.errors import AccessDenied, InvalidRequest, SignatureDoesNotMatch
from proxy.wire.claims import PAYLOAD_HEADER, STREAMING, UNSIGNED
from proxy.wire.dates import iso_seconds
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


def is_presigned(request: S3Request) -> bool:
    """Whether the query carries such a signature, and no header says otherwise."""
    query = request.query
    return "Signature" in query and "AWSAccessKeyId" in query and "authorization" not in request.headers


def authenticate(request: S3Request, secret_for: Callable[[str], str | None], *, now: float) -> Credentials:
    """Verify the signature; `now` is in seconds since the epoch.

    A parameter that is neither signed nor known to be harmless is refused: it could turn the URL
    into one for something else. Raises AccessDenied, InvalidAccessKeyId, InvalidRequest,
    SignatureDoesNotMatch.
    """
    query = request.query
    access_key, expires = query["AWSAccessKeyId"], query.get("Expires", "")
    _check_expiry(expires, now)
    loose = query.keys() - _OWN - _SIGNED - _FREE
    if loose:
        raise AccessDenied(f"The signature of this URL does not cover the parameter {min(loose)}.")
    secret = find_secret(access_key, secret_for)
    text = string_to_sign(request, expires)
    signature = base64.b64encode(hmac.new(secret.encode(), text.encode("latin-1"), hashlib.sha1).digest())
    if not hmac.compare_digest(signature, query["Signature"].encode()):
        raise SignatureDoesNotMatch(
            fields={
                "AWSAccessKeyId": access_key,
                "StringToSign": text,
                "SignatureProvided": query["Signature"],
            }
        )
    payload = request.headers.get(PAYLOAD_HEADER, UNSIGNED)
    if payload in STREAMING:
        raise InvalidRequest("A URL of signature version 2 cannot be used with chunks.")
    return Credentials(access_key, "", b"", query["Signature"], expires, payload, True)


def string_to_sign(request: S3Request, expires: str) -> str:
    """What a URL of version 2 signs: headers and path as received, parameters decoded; latin-1 text."""
    headers = request.headers
    amz = [f"{name}:{headers[name]}\n" for name in sorted(headers) if name.startswith("x-amz-")]
    subresources = [
        f"{name}={request.query[name]}" if request.query[name] else name
        for name in sorted(_SIGNED & request.query.keys())
    ]
    bucket = f"/{request.bucket}".encode() if request.in_host else b""
    resource = bucket + request.raw_path + ("?" + "&".join(subresources) if subresources else "").encode()
    return "\n".join(
        [
            request.method,
            headers.get("content-md5", ""),
            headers.get("content-type", ""),
            expires,
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
