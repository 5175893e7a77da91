"""Access lists: the canned ones, their text form, and which rights a grant gives. Pure.

As text (ObjectInfo.acl, BucketSettings.acl) a list is JSON, [[grantee, permission], ...]; "" is
the list of a thing that belongs to its owner alone. The owner of a thing needs no grant in it.
Source: Amazon S3 User Guide, "Access control list (ACL) overview", "Mapping of ACL permissions and
access policy permissions".
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache

from proxy.errors import InvalidArgument, NotImplementedByUs
from proxy.wire.acl import (
    ALL_USERS,
    AUTHENTICATED_USERS,
    FULL_CONTROL,
    LOG_DELIVERY,
    READ,
    READ_ACP,
    WRITE,
    WRITE_ACP,
    Grant,
)

Grants = tuple[Grant, ...]
PUBLIC_GROUPS = frozenset({ALL_USERS, AUTHENTICATED_USERS})

_BUCKET_OWNER = "bucket owner"

CANNED: dict[str, tuple[tuple[str, str], ...]] = {
    "private": (),
    "public-read": ((ALL_USERS, READ),),
    "public-read-write": ((ALL_USERS, READ), (ALL_USERS, WRITE)),
    "authenticated-read": ((AUTHENTICATED_USERS, READ),),
    "bucket-owner-read": ((_BUCKET_OWNER, READ),),
    "bucket-owner-full-control": ((_BUCKET_OWNER, FULL_CONTROL),),
    "log-delivery-write": ((LOG_DELIVERY, WRITE), (LOG_DELIVERY, READ_ACP)),
}
"""What each gives besides the owner's full control."""

_BUCKET_RIGHTS = {
    READ: ("ListBucket", "ListBucketVersions", "ListBucketMultipartUploads"),
    WRITE: ("PutObject", "DeleteObject", "AbortMultipartUpload", "ListMultipartUploadParts"),
    READ_ACP: ("GetBucketAcl",),
    WRITE_ACP: ("PutBucketAcl",),
}
_OBJECT_RIGHTS = {
    READ: ("GetObject", "GetObjectVersion", "GetObjectAttributes", "GetObjectVersionAttributes"),
    WRITE: (),
    READ_ACP: ("GetObjectAcl", "GetObjectVersionAcl"),
    WRITE_ACP: ("PutObjectAcl", "PutObjectVersionAcl"),
}


def _permissions(table: dict[str, tuple[str, ...]]) -> dict[str, frozenset[str]]:
    """Right -> the permissions that give it."""
    return {f"s3:{name}": frozenset({one, FULL_CONTROL}) for one, names in table.items() for name in names}


BUCKET_PERMISSIONS = _permissions(_BUCKET_RIGHTS)
OBJECT_PERMISSIONS = _permissions(_OBJECT_RIGHTS)


def canned(name: str, owner_id: str, bucket_owner_id: str = "") -> str:
    """The text of a canned list. Raises InvalidArgument, NotImplementedByUs."""
    given = CANNED.get(name)
    if name == "aws-exec-read":
        raise NotImplementedByUs("There is no Amazon EC2 here to give anything to.")
    if given is None:
        raise InvalidArgument(fields={"ArgumentName": "x-amz-acl", "ArgumentValue": name[:256]})
    groups = [Grant(who, what) for who, what in given if who != _BUCKET_OWNER]
    to_bucket_owner = [
        Grant(bucket_owner_id, what)
        for who, what in given
        if who == _BUCKET_OWNER and bucket_owner_id not in ("", owner_id)
    ]
    if not groups and not to_bucket_owner:
        return ""
    return text_of((*groups, Grant(owner_id, FULL_CONTROL), *to_bucket_owner))


def text_of(grants: Iterable[Grant]) -> str:
    """A list as text; an empty one is not "", for it gives nothing even to its owner."""
    return json.dumps([[one.grantee, one.permission] for one in grants], separators=(",", ":"))


@lru_cache(maxsize=1024)
def grants_of(text: str) -> Grants:
    """The grants of a text that is not ""."""
    return tuple(Grant(grantee, permission) for grantee, permission in json.loads(text))


def shown(text: str, owner_id: str) -> Grants:
    """The grants as they are shown: those of "" are the owner's full control."""
    return grants_of(text) if text else (Grant(owner_id, FULL_CONTROL),)


def is_public(text: str) -> bool:
    """Whether it gives anything to everybody or to every signed caller."""
    return bool(text) and any(one.grantee in PUBLIC_GROUPS for one in grants_of(text))


def gives(text: str, permissions: frozenset[str], owner_id: str, groups: frozenset[str]) -> bool:
    """Whether it gives one of these to that user, or to one of the groups that they are in."""
    return bool(text) and any(
        one.permission in permissions and (one.grantee in groups or one.grantee == owner_id)
        for one in grants_of(text)
        if one.grantee
    )
