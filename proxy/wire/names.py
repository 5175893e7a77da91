"""What a bucket may be called.

Source: Amazon S3 User Guide, "General purpose bucket naming rules".
"""

from __future__ import annotations

import re

from proxy.errors import InvalidBucketName

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{1,61})[a-z0-9]", re.ASCII)
_ADDRESS = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}", re.ASCII)
_FORBIDDEN_INSIDE = ("..", ".-", "-.")
"""Every part between dots is to be a label of a host name too."""
_FORBIDDEN_STARTS = ("xn--", "sthree-")
_FORBIDDEN_ENDS = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
# Buckets of older days may have such names: they can be asked for, but not made.
_ADDRESSABLE = re.compile(r"[A-Za-z0-9._-]{1,255}", re.ASCII)


def check_addressable(name: str) -> None:
    """Raise InvalidBucketName for what cannot be the name of any bucket, old or new."""
    if not _ADDRESSABLE.fullmatch(name):
        raise InvalidBucketName(fields={"BucketName": name})


def check_bucket_name(name: str) -> None:
    """Raise InvalidBucketName unless a new bucket may be called that."""
    if (
        not _NAME.fullmatch(name)
        or any(pair in name for pair in _FORBIDDEN_INSIDE)
        or _ADDRESS.fullmatch(name)
        or name.startswith(_FORBIDDEN_STARTS)
        or name.endswith(_FORBIDDEN_ENDS)
    ):
        raise InvalidBucketName(fields={"BucketName": name})
