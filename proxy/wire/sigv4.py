"""Who sent a request: AWS Signature Version 4 in the Authorization header or in the query.

Sources: Amazon S3 API Reference, "Authenticating Requests (AWS Signature Version 4)" and "Error
responses". `claims` reads what a request says of itself, `signing` does the arithmetic.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from proxy.errors import AccessDenied, InvalidAccessKeyId, SignatureDoesNotMatch
from proxy.wire import signing
from proxy.wire.claims import PAYLOAD_HEADER, Claim, read_claim
from proxy.wire.encoding import decode, encode
from proxy.wire.encryption import without_keys
from proxy.wire.request import S3Request

_ACCESS_KEY = re.compile(r"[!-~]{1,128}")

# Clients sign these and then leave them to their HTTP library or to a proxy, which drops them.
_DROPPED_ON_THE_WAY = {"content-length": "0", "expect": "100-continue"}


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who signed, and what the chunks of a signed body continue from.

    `scope` is date/region/service/aws4_request, `signature` the seed for chunk signatures,
    `timestamp` as in the string to sign, `payload` the hash or the word that stands for it.
    """

    access_key: str
    scope: str
    signing_key: bytes = field(repr=False)
    signature: str
    timestamp: str
    payload: str
    presigned: bool


def authenticate(
    request: S3Request, secret_for: Callable[[str], str | None], *, region: str, now: float
) -> Credentials | None:
    """Verify the signature of a request; None if it carries none at all.

    `now` is in seconds since the epoch. `secret_for` gives the secret of an access key, or None.
    Raises AccessDenied (expired, unsigned headers, no date), AuthorizationHeaderMalformed,
    AuthorizationQueryParametersError, InvalidAccessKeyId, InvalidArgument, InvalidRequest,
    NotImplemented, RequestTimeTooSkewed, SignatureDoesNotMatch.
    """
    claim = read_claim(request, now)
    if claim is None:
        return None
    claim.check_scope(region)
    _check_headers(claim, request)
    secret = find_secret(claim.access_key, secret_for)
    key = signing.signing_key(secret, claim.date, claim.region, claim.service)
    _verify(claim, request, key)
    return Credentials(
        claim.access_key, claim.scope, key, claim.signature, claim.timestamp, claim.payload, claim.presigned
    )


def find_secret(access_key: str, secret_for: Callable[[str], str | None]) -> str:
    """Look a key up, unless it cannot be one at all. Raises InvalidAccessKeyId."""
    secret = secret_for(access_key) if _ACCESS_KEY.fullmatch(access_key) else None
    if secret is None:
        raise InvalidAccessKeyId(fields={"AWSAccessKeyId": access_key})
    return secret


def _check_headers(claim: Claim, request: S3Request) -> None:
    """`host` and every x-amz-* header must be signed; the payload's is in what is signed anyway."""
    missing = [
        name
        for name in request.headers
        if name.startswith("x-amz-") and name not in claim.signed_headers and name != PAYLOAD_HEADER
    ]
    if "host" not in claim.signed_headers:
        missing.append("host")
    if missing:
        raise AccessDenied(
            "There were headers present in the request which were not signed",
            fields={"HeadersNotSigned": ", ".join(sorted(missing))},
        )


def _verify(claim: Claim, request: S3Request, key: bytes) -> None:
    """Raise SignatureDoesNotMatch unless the path as received, or as AWS encodes it, was signed."""
    headers = request.headers
    signed = [
        (name, signing.folded(headers.get(name, _DROPPED_ON_THE_WAY.get(name, ""))))
        for name in claim.signed_headers
    ]
    names = ";".join(claim.signed_headers)
    leave_out = "X-Amz-Signature" if claim.presigned else None
    query = signing.canonical_query(request.raw_query, leave_out=leave_out) if request.raw_query else ""
    raw_uri = request.raw_path.decode("latin-1")
    first: tuple[bytes, str] | None = None
    for uri in (raw_uri, None):
        if uri is None:
            uri = encode(decode(request.raw_path), keep_slash=True)
            if uri == raw_uri:
                break
        canonical = signing.canonical_request(request.method, uri, query, signed, names, claim.payload)
        text = signing.string_to_sign(claim.timestamp, claim.scope, canonical)
        if signing.same(claim.signature, signing.sign(key, text)):
            return
        first = first or (canonical, text)
    assert first is not None
    raise _mismatch(claim, *first, request.headers)


def _mismatch(claim: Claim, canonical: bytes, text: str, headers: Mapping[str, str]) -> SignatureDoesNotMatch:
    shown = without_keys(canonical.decode("latin-1"), headers)
    return SignatureDoesNotMatch(
        fields={
            "AWSAccessKeyId": claim.access_key,
            "StringToSign": text,
            "SignatureProvided": claim.signature,
            "StringToSignBytes": text.encode("latin-1").hex(" "),
            "CanonicalRequest": shown,
            "CanonicalRequestBytes": shown.encode("latin-1").hex(" "),
        }
    )
