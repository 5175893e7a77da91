"""Which service it is, by its address: two names for one should come out the same. Pure."""

from __future__ import annotations

from hashlib import sha256
from urllib.parse import urlsplit

from proxy.backends.s3.options import Options

_PORTS = {"http": 80, "https": 443}
_AWS = ".amazonaws.com"


def service_id(options: Options) -> str:
    """32 hex digits. Keys may change and do not count; nor does the region where names are of all regions.

    Source: Amazon S3 User Guide, "General purpose bucket naming rules": names are unique in a partition.
    """
    parts = urlsplit(options.endpoint.lower())
    host = parts.hostname or ""
    if host.endswith((_AWS, _AWS + ".cn")):
        partition = "aws-cn" if host.endswith(".cn") else "aws-us-gov" if "us-gov-" in host else "aws"
        return _digest(partition)
    return _digest(f"{host}:{parts.port or _PORTS.get(parts.scheme, 0)}")


def _digest(text: str) -> str:
    return sha256(f"s3\n{text}".encode()).hexdigest()[:32]
