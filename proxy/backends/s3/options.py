"""What the configuration says about one service, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_AWS = "https://s3.{region}.amazonaws.com"
_AWS_CHINA = "https://s3.{region}.amazonaws.com.cn"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who the gateway is toward a service. `token` is set with temporary ones."""

    access_key: str
    secret_key: str = field(repr=False)
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Options:
    """One service: where it is, who we are there, how long we wait. Times are seconds.

    `endpoint` is scheme://host[:port]. Without `credentials` they come from the SDK's chain.
    """

    endpoint: str
    region: str = "us-east-1"
    path_style: bool = True
    credentials: Credentials | None = None
    ca_bundle: str | None = None
    connect_timeout: float = 5.0
    read_timeout: float = 30.0
    retry_budget: float = 10.0
    connections: int = 64

    @classmethod
    def of(cls, written: Mapping[str, Any]) -> Options:
        """From one entry of `settings.STORAGE["backends"]`."""
        given = {
            name: written[name]
            for name in ("ca_bundle", "connect_timeout", "read_timeout", "retry_budget", "connections")
            if written.get(name) is not None
        }
        region = written.get("region") or "us-east-1"
        endpoint = (written.get("endpoint") or aws_endpoint(region)).rstrip("/")
        path_style = written.get("path_style")
        return cls(
            endpoint=endpoint,
            region=region,
            path_style=bool(written.get("endpoint")) if path_style is None else path_style,
            credentials=_credentials(written),
            **given,
        )

    @property
    def encrypted(self) -> bool:
        """Whether the connection is."""
        return self.endpoint.startswith("https://")


def aws_endpoint(region: str) -> str:
    """Amazon S3's own in a region."""
    return (_AWS_CHINA if region.startswith("cn-") else _AWS).format(region=region)


def _credentials(written: Mapping[str, Any]) -> Credentials | None:
    if not written.get("access_key_id"):
        return None
    return Credentials(
        written["access_key_id"], written["secret_access_key"], written.get("session_token") or ""
    )
