"""To whom a new thing will belong, and what its access list will say.

Source: Amazon S3 User Guide, "Access control list (ACL) overview" and "Controlling ownership of
objects and disabling ACLs for your bucket".
"""

from __future__ import annotations

from collections.abc import Mapping

from proxy.access import lists
from proxy.access.public import BLOCK_PUBLIC_ACLS
from proxy.access.rights import ENFORCED, PREFERRED
from proxy.backends.values import ObjectInfo
from proxy.bucket_settings import BucketSettings
from proxy.errors import (
    AccessControlListNotSupported,
    AccessDenied,
    InvalidArgument,
    InvalidBucketAclWithObjectOwnership,
    InvalidRequest,
)
from proxy.handlers.call import Call
from proxy.identity import exists
from proxy.wire.acl import ALL_USERS, FULL_CONTROL, GROUPS, HEADERS, Grant, invalid_id, read_headers
from proxy.wire.controls import OWNERSHIPS

CANNED_HEADER = "x-amz-acl"
TO_BUCKET_OWNER = "bucket-owner-full-control"
_GIVES_NOTHING_AWAY = frozenset({"private", TO_BUCKET_OWNER})
"""Lists that whoever may write an object may give to it."""
_OWNERSHIP_HEADER = "x-amz-object-ownership"


def new_owner(call: Call) -> str:
    """The canonical id of the owner of the object that a request writes.

    That is its writer; the bucket's owner for a writer without a signature, where the bucket's owner
    owns everything, and where that is preferred and full control is given to them.
    """
    ownership = call.here.settings.ownership
    given = call.request.headers.get(CANNED_HEADER) == TO_BUCKET_OWNER
    if call.caller.anonymous or ownership == ENFORCED or (ownership == PREFERRED and given):
        return call.here.owner_id
    return call.caller.owner_id


def require_on_new(call: Call, right: str) -> None:
    """Raise AccessDenied unless the caller may do that to the object that the request writes.

    Whoever will own it may: so a writer needs no further right for the tags or the list of an object,
    and neither does one without a signature where the bucket's list alone lets all write.
    """
    if call.caller.anonymous and _all_write(call.here.settings):
        return
    key = call.request.key
    call.rights.require(right, key, ObjectInfo(key, 0, "", call.now_ms, owner_id=new_owner(call)))


def _all_write(settings: BucketSettings) -> bool:
    """Whether nothing but the access list decides, and that lets everybody write."""
    if settings.policy or settings.ownership == ENFORCED or settings.public_access_block:
        return False
    return lists.gives(settings.acl, lists.BUCKET_PERMISSIONS["s3:PutObject"], "", frozenset({ALL_USERS}))


def asks_for_list(headers: Mapping[str, str]) -> bool:
    """Whether a request's headers say anything about an access list."""
    return CANNED_HEADER in headers or any(name in headers for name in HEADERS)


def asked_acl(call: Call) -> str:
    """What the headers of a write ask for, as ObjectInfo.acl; "" is the owner alone.

    Raises AccessControlListNotSupported, AccessDenied (BlockPublicAcls, no s3:PutObjectAcl),
    InvalidArgument, InvalidRequest, UnresolvableGrantByEmailAddress.
    """
    if not asks_for_list(call.request.headers):
        return ""
    if call.request.headers.get(CANNED_HEADER) not in _GIVES_NOTHING_AWAY:
        require_on_new(call, "s3:PutObjectAcl")
    return acl_of_headers(call, new_owner(call))


def asked_bucket_acl(call: Call) -> str:
    """What the headers of CreateBucket ask for, as BucketSettings.acl.

    Raises InvalidBucketAclWithObjectOwnership, and as `asked_acl` does.
    """
    headers = call.request.headers
    if not asks_for_list(headers):
        return ""
    found = _read(headers, call.caller.owner_id, call.caller.owner_id)
    if found and headers.get(_OWNERSHIP_HEADER) == ENFORCED:
        raise InvalidBucketAclWithObjectOwnership()
    return found


def asked_ownership(call: Call) -> str:
    """What CreateBucket asks for, as BucketSettings.ownership. Raises InvalidArgument."""
    found = call.request.headers.get(_OWNERSHIP_HEADER, "")
    if found and found not in OWNERSHIPS:
        raise InvalidArgument(
            f"Invalid {_OWNERSHIP_HEADER} header: {found[:64]}",
            fields={"ArgumentName": _OWNERSHIP_HEADER, "ArgumentValue": found[:64]},
        )
    return found


def acl_of_headers(call: Call, owner_id: str) -> str:
    """The list that the headers ask for a thing of that owner in this bucket. Raises as `asked_acl`."""
    headers = call.request.headers
    if call.here.settings.ownership == ENFORCED:
        check_supported(call, headers.get(CANNED_HEADER) == TO_BUCKET_OWNER, read_headers(headers))
        return ""
    found = _read(headers, owner_id, call.here.owner_id)
    check_not_blocked(call.here.settings, found)
    return found


def check_supported(call: Call, fits: bool, grants: tuple[Grant, ...]) -> None:
    """Where lists count for nothing, only the bucket owner's full control may be asked for.

    Raises AccessControlListNotSupported.
    """
    owners = Grant(call.here.owner_id, FULL_CONTROL)
    if call.here.settings.ownership == ENFORCED and not fits and grants != (owners,):
        raise AccessControlListNotSupported()


def check_not_blocked(settings: BucketSettings, acl: str) -> None:
    """Raise AccessDenied for a public list in a bucket that blocks those."""
    if BLOCK_PUBLIC_ACLS in (settings.public_access_block or ()) and lists.is_public(acl):
        raise AccessDenied()


def check_users(grants: tuple[Grant, ...]) -> None:
    """Raise InvalidArgument unless everybody in them is a user of ours or a group."""
    for who in {one.grantee for one in grants if not one.grantee.startswith(GROUPS)}:
        if not exists(who):
            raise invalid_id(who)


def _read(headers: Mapping[str, str], owner_id: str, bucket_owner_id: str) -> str:
    grants = read_headers(headers)
    if CANNED_HEADER not in headers:
        check_users(grants)
        return lists.text_of(grants)
    if grants:
        raise InvalidRequest("Specifying both Canned ACLs and Header Grants is not allowed")
    return lists.canned(headers[CANNED_HEADER], owner_id, bucket_owner_id)
