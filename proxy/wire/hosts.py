"""Virtual-host addressing: the bucket that a Host header names. Pure.

Source: Amazon S3 User Guide, "Virtual hosting of general purpose buckets".
"""

from __future__ import annotations

from collections.abc import Sequence


def bucket_of_host(host: str, domains: Sequence[str]) -> str:
    """`bucket` of a Host header `bucket.domain[:port]`; "" for a domain itself and for all other names.

    `domains` are lower-case; where one ends with another the longer one counts.
    """
    name = host.partition(":")[0].lower().removesuffix(".")
    if name in domains:
        return ""
    bases = [domain for domain in domains if name.endswith("." + domain)]
    return name[: -len(max(bases, key=len)) - 1] if bases else ""
