"""Under what circumstances something is asked for: what the conditions of policies look at. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from proxy.wire.request import S3Request
from proxy.wire.sigv4 import Credentials


@dataclass(slots=True)
class Circumstances:
    """One request as conditions see it; a caller without a request gives what is known.

    `source` is the client's address ("" if unknown), `secure` whether it came over TLS, `now_ms`
    milliseconds since the epoch. `bucket` and `key` are what the request names. `credentials` is
    None for nobody and for a caller without a signature.
    """

    source: str = ""
    secure: bool = False
    now_ms: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    bucket: str = ""
    key: str = ""
    region: str = ""
    credentials: Credentials | None = None
    form: bool = False
    """Whether the signature came in a POST form."""

    @classmethod
    def of(
        cls, request: S3Request, credentials: Credentials | None, now_ms: int, region: str, form: bool = False
    ) -> Circumstances:
        """Those of a request over S3."""
        return cls(
            request.client,
            request.scheme == "https",
            now_ms,
            request.headers,
            request.query,
            request.bucket,
            request.key,
            region,
            credentials,
            form,
        )
