"""A call as a signed HTTP request. Pure: time and credentials are passed in.

Source: Amazon S3 API Reference, "Authenticating Requests (AWS Signature Version 4)".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from urllib.parse import urlsplit

from proxy.backends.s3.options import Credentials, Options
from proxy.backends.s3.transport import Payload
from proxy.wire import signing
from proxy.wire.dates import amz_date
from proxy.wire.encoding import encode

UNSIGNED = "UNSIGNED-PAYLOAD"
_SERVICE = "s3"
_ALSO_SIGNED = ("content-md5", "content-type")


@dataclass(frozen=True, slots=True)
class Request:
    """One call before it is signed. Names of headers are lower-case, their values latin-1 text.

    `repeatable`: doing it twice comes to the same.
    """

    method: str
    bucket: str = ""
    key: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    payload: bytes | Payload = b""
    repeatable: bool = True


@dataclass(frozen=True, slots=True)
class Address:
    """Where a bucket is reached: the host to connect to, the Host header, the path's beginning."""

    host: str
    header: str
    base: str


@lru_cache(maxsize=4096)
def address(endpoint: str, bucket: str, path_style: bool) -> Address:
    """Bucket in the path, or in the host unless a certificate could not name it (dots)."""
    parts = urlsplit(endpoint)
    host, port = parts.hostname or "", f":{parts.port}" if parts.port else ""
    written = f"[{host}]" if ":" in host else host
    if not bucket:
        return Address(host, written + port, "/")
    if path_style or ("." in bucket and parts.scheme == "https"):
        return Address(host, written + port, f"/{encode(bucket)}/")
    return Address(f"{bucket}.{host}", f"{bucket}.{written}{port}", "/")


@dataclass(frozen=True, slots=True)
class Signed:
    """What goes out: the host to connect to, the target, all headers; and what signs its chunks."""

    host: str
    target: str
    headers: Mapping[str, str]
    timestamp: str
    scope: str
    key: bytes = field(repr=False)
    signature: str = ""


def sign(
    request: Request, options: Options, credentials: Credentials, now: float, payload_hash: str | None = None
) -> Signed:
    """`now` is seconds since the epoch; `payload_hash` is said of the payload in place of what fits it."""
    where = address(options.endpoint, request.bucket, options.path_style)
    path = where.base + encode(request.key, keep_slash=True) if request.key else _bare(where.base)
    query = "&".join([f"{encode(name)}={encode(value)}" for name, value in sorted(request.query.items())])
    stamp = amz_date(now)
    headers = dict(request.headers)
    headers["host"] = where.header
    headers["x-amz-date"] = stamp
    headers["x-amz-content-sha256"] = payload_hash or _hash(request.payload, options.encrypted)
    if credentials.token:
        headers["x-amz-security-token"] = credentials.token
    scope = f"{stamp[:8]}/{options.region}/{_SERVICE}/aws4_request"
    key = signing.signing_key(credentials.secret_key, stamp[:8], options.region, _SERVICE)
    listed = sorted(
        name for name in headers if name == "host" or name.startswith("x-amz-") or name in _ALSO_SIGNED
    )
    names = ";".join(listed)
    canonical = signing.canonical_request(
        request.method,
        path,
        query,
        [(name, signing.folded(headers[name])) for name in listed],
        names,
        headers["x-amz-content-sha256"],
    )
    signature = signing.sign(key, signing.string_to_sign(stamp, scope, canonical))
    headers["authorization"] = (
        f"{signing.ALGORITHM} Credential={credentials.access_key}/{scope},"
        f" SignedHeaders={names}, Signature={signature}"
    )
    headers["accept-encoding"] = "identity"
    headers["user-agent"] = "sluicegate"
    target = f"{path}?{query}" if query else path
    return Signed(where.host, target, headers, stamp, scope, key, signature)


def _bare(base: str) -> str:
    """The path of a bucket: services differ in what they make of a slash behind it."""
    return base.rstrip("/") or "/"


def _hash(payload: bytes | Payload, encrypted: bool) -> str:
    """Over TLS the bytes need no hash; elsewhere those that are at hand get one."""
    if not isinstance(payload, bytes):
        return UNSIGNED
    if not payload:
        return signing.EMPTY_SHA256
    return UNSIGNED if encrypted else sha256(payload).hexdigest()
