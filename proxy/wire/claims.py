"""What a request says about its signature, taken apart and checked for form and time.

Nothing here is believed yet: `sigv4` compares it with what we compute. Sources: as there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from proxy.errors import (
    AccessDenied,
    AuthorizationHeaderMalformed,
    AuthorizationQueryParametersError,
    InvalidArgument,
    InvalidRequest,
    NotImplementedByUs,
    RequestTimeTooSkewed,
    S3Error,
)
from proxy.wire.dates import amz_date, iso_seconds, parse_amz_date, parse_http_date
from proxy.wire.request import S3Request
from proxy.wire.signing import ALGORITHM

MAX_SKEW_SECONDS = 15 * 60
MAX_EXPIRES_SECONDS = 7 * 24 * 60 * 60
UNSIGNED = "UNSIGNED-PAYLOAD"
STREAMING_SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
STREAMING_SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
STREAMING_UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
STREAMING = frozenset({STREAMING_SIGNED, STREAMING_SIGNED_TRAILER, STREAMING_UNSIGNED_TRAILER})
PAYLOAD_HEADER = "x-amz-content-sha256"

_ECDSA = "AWS4-ECDSA-P256-SHA256"
_SHA256_HEX = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)
_QUERY_NAMES = (
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
    "X-Amz-Signature",
)
_ONE_MECHANISM = (
    "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query "
    "string parameter or the Authorization header should be specified"
)
_NO_V4A = "Signatures of Signature Version 4A are not implemented."
_CREDENTIAL_FORM = (
    'the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".'
)
_EXPIRES_FORM = (
    "X-Amz-Expires must be at least 1 and less than a week (in seconds); that is, the given "
    f"X-Amz-Expires must be at most {MAX_EXPIRES_SECONDS} seconds"
)


@dataclass(frozen=True, slots=True)
class Claim:
    """One signature as a request presents it."""

    access_key: str
    date: str
    region: str
    service: str
    terminator: str
    signed_headers: tuple[str, ...]
    signature: str
    timestamp: str
    payload: str
    presigned: bool

    @property
    def scope(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/{self.terminator}"

    def check_scope(self, region: str) -> None:
        """Raise AuthorizationHeaderMalformed or AuthorizationQueryParametersError unless it is ours."""
        day = self.timestamp[:8]
        if self.date != day:
            raise malformed(
                self.presigned, f'incorrect date "{self.date}" in the Credential; expecting "{day}".'
            )
        if self.region != region:
            raise malformed(
                self.presigned, f"the region '{self.region}' is wrong; expecting '{region}'", Region=region
            )
        if self.service != "s3":
            raise malformed(
                self.presigned, f'incorrect service "{self.service}". This endpoint belongs to "s3".'
            )
        if self.terminator != "aws4_request":
            raise malformed(
                self.presigned, f'incorrect terminal "{self.terminator}". This endpoint uses "aws4_request".'
            )


def malformed(presigned: bool, what: str, **fields: str) -> S3Error:
    """The error for a signature of the wrong form, as S3 names it for either place."""
    if presigned:
        return AuthorizationQueryParametersError(
            f"Error parsing the X-Amz-Credential parameter; {what}", fields=fields
        )
    return AuthorizationHeaderMalformed(f"The authorization header is malformed; {what}", fields=fields)


def read_claim(request: S3Request, now: float) -> Claim | None:
    """The signature of a request, in header or query, and in time; None if there is none."""
    authorization = request.headers.get("authorization")
    query = request.query
    in_query = "X-Amz-Algorithm" in query or "X-Amz-Signature" in query or "X-Amz-Credential" in query
    if authorization is None:
        return _query_claim(request, now) if in_query else None
    if in_query or "Signature" in query:
        raise InvalidArgument(
            _ONE_MECHANISM, fields={"ArgumentName": "Authorization", "ArgumentValue": authorization}
        )
    return _header_claim(request, authorization, now)


def _header_claim(request: S3Request, authorization: str, now: float) -> Claim:
    algorithm, _, rest = authorization.partition(" ")
    if algorithm != ALGORITHM:
        raise _unknown_mechanism(authorization, algorithm)
    fields: dict[str, str] = {}
    for part in rest.split(","):
        name, equals, value = part.strip().partition("=")
        if not equals:
            raise malformed(False, "expecting NAME=VALUE pairs.")
        fields[name] = value
    for name in ("Credential", "SignedHeaders", "Signature"):
        if not fields.get(name):
            raise malformed(False, f"missing {name}.")
    timestamp, moment = _request_time(request)
    if abs(now - moment) > MAX_SKEW_SECONDS:
        raise RequestTimeTooSkewed(
            fields={
                "RequestTime": request.headers.get("x-amz-date") or request.headers["date"],
                "ServerTime": iso_seconds(now),
                "MaxAllowedSkewMilliseconds": str(MAX_SKEW_SECONDS * 1000),
            }
        )
    payload = request.headers.get(PAYLOAD_HEADER)
    if payload is None:
        raise InvalidRequest(f"Missing required header for this request: {PAYLOAD_HEADER}")
    return _claim(
        fields["Credential"], fields["SignedHeaders"], fields["Signature"], timestamp, payload, False
    )


def _query_claim(request: S3Request, now: float) -> Claim:
    query = request.query
    if query.get("X-Amz-Algorithm") == _ECDSA:
        raise NotImplementedByUs(_NO_V4A)
    if query.get("X-Amz-Algorithm", ALGORITHM) != ALGORITHM:
        raise AuthorizationQueryParametersError('X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"')
    if any(not query.get(name) for name in _QUERY_NAMES):
        raise AuthorizationQueryParametersError(
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, "
            "X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
        )
    timestamp = query["X-Amz-Date"]
    moment = parse_amz_date(timestamp)
    if moment is None:
        raise AuthorizationQueryParametersError(
            "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""
        )
    _check_expiry(query["X-Amz-Expires"], moment, now)
    payload = query.get("X-Amz-Content-Sha256") or request.headers.get(PAYLOAD_HEADER) or UNSIGNED
    return _claim(
        query["X-Amz-Credential"],
        query["X-Amz-SignedHeaders"],
        query["X-Amz-Signature"],
        timestamp,
        payload,
        True,
    )


def _unknown_mechanism(authorization: str, algorithm: str) -> S3Error:
    if algorithm == _ECDSA:
        return NotImplementedByUs(_NO_V4A)
    return InvalidArgument(
        "Unsupported Authorization Type",
        fields={"ArgumentName": "Authorization", "ArgumentValue": authorization},
    )


def _claim(
    credential: str, signed_headers: str, signature: str, timestamp: str, payload: str, presigned: bool
) -> Claim:
    access_key, *scope = credential.rsplit("/", 4)
    if len(scope) != 4 or not access_key:
        raise malformed(presigned, _CREDENTIAL_FORM)
    if not signed_headers.isascii():
        raise malformed(presigned, "SignedHeaders are not names of headers.")
    date, region, service, terminator = scope
    check_payload(payload)
    return Claim(
        access_key,
        date,
        region,
        service,
        terminator,
        _names(signed_headers),
        signature,
        timestamp,
        payload,
        presigned,
    )


@lru_cache(maxsize=256)
def _names(signed_headers: str) -> tuple[str, ...]:
    """In the order in which they are signed. One client sends the same ones again and again."""
    return tuple(sorted(set(signed_headers.split(";"))))


def _request_time(request: S3Request) -> tuple[str, float]:
    """(timestamp of the string to sign, seconds): x-amz-date, or else Date."""
    text = request.headers.get("x-amz-date")
    moment: float | None
    if text is None:
        text = request.headers.get("date", "")
        moment = parse_amz_date(text)
        if moment is None:
            moment = parse_http_date(text)
            text = "" if moment is None else amz_date(moment)
    else:
        moment = parse_amz_date(text)
    if moment is None:
        raise AccessDenied("AWS authentication requires a valid Date or x-amz-date header")
    return text, moment


def _check_expiry(text: str, signed: float, now: float) -> None:
    if not (text.isascii() and text.removeprefix("-").isdigit()):
        raise AuthorizationQueryParametersError("X-Amz-Expires should be a number")
    expires = int(text[:12])
    if not 1 <= expires <= MAX_EXPIRES_SECONDS:
        # A number that grants no time, or too much of it, is a matter of rights, not of form.
        raise AccessDenied(_EXPIRES_FORM)
    if now < signed - MAX_SKEW_SECONDS:
        raise AccessDenied(
            "Request is not valid yet",
            fields={"X-Amz-Date": amz_date(signed), "ServerTime": iso_seconds(now)},
        )
    if now > signed + expires:
        raise AccessDenied(
            "Request has expired",
            fields={
                "X-Amz-Expires": text,
                "Expires": iso_seconds(signed + expires),
                "ServerTime": iso_seconds(now),
            },
        )


def check_payload(payload: str) -> None:
    """Raise InvalidArgument for what x-amz-content-sha256 cannot be, NotImplemented for Version 4A."""
    if payload == UNSIGNED or payload in STREAMING or _SHA256_HEX.fullmatch(payload):
        return
    if payload.startswith("STREAMING-AWS4-ECDSA-"):
        raise NotImplementedByUs(_NO_V4A)
    raise InvalidArgument(
        f"{PAYLOAD_HEADER} must be {UNSIGNED}, {STREAMING_UNSIGNED_TRAILER}, {STREAMING_SIGNED}, "
        f"{STREAMING_SIGNED_TRAILER} or a valid sha256 value.",
        fields={"ArgumentName": PAYLOAD_HEADER, "ArgumentValue": payload},
    )
