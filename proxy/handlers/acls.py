"""Access lists of buckets and objects.

Source: Amazon S3 API Reference, GetBucketAcl, PutBucketAcl, GetObjectAcl, PutObjectAcl.
"""

from __future__ import annotations

from proxy.access import lists
from proxy.access.rights import ENFORCED
from proxy.backends.values import Amendment
from proxy.errors import AccessDenied, InvalidRequest, MissingSecurityHeader
from proxy.handlers import headers
from proxy.handlers.call import Answer, Call, document
from proxy.handlers.granting import (
    acl_of_headers,
    asks_for_list,
    check_not_blocked,
    check_supported,
    check_users,
)
from proxy.identity import name_of
from proxy.records import change_settings
from proxy.wire.acl import read_policy, write_policy


def get_bucket_acl(call: Call) -> Answer:
    return _shown(call, call.here.settings.acl, call.here.owner_id)


def put_bucket_acl(call: Call) -> Answer:
    """Raises as `_asked` does."""
    change_settings(call.here, acl=_asked(call, call.here.owner_id))
    return Answer(200)


def get_object_acl(call: Call) -> Answer:
    info = call.head()
    answer = _shown(call, info.acl, info.owner_id or call.here.owner_id)
    answer.headers.update(headers.of_version(call, info))
    return answer


def put_object_acl(call: Call) -> Answer:
    """Raises as `Call.head` and `_asked` do."""
    info = call.head()
    acl = _asked(call, info.owner_id or call.here.owner_id)
    call.store.amend(info.key, info.version_id, Amendment(acl=acl))
    return Answer(200, headers.of_version(call, info))


def _shown(call: Call, acl: str, owner_id: str) -> Answer:
    """Where lists count for nothing, the bucket's owner has everything."""
    if call.here.settings.ownership == ENFORCED:
        acl, owner_id = "", call.here.owner_id
    return document(write_policy(owner_id, lists.shown(acl, owner_id), name_of))


def _asked(call: Call, owner_id: str) -> str:
    """The list that a request gives to a thing of that owner, in its headers or in its body.

    Raises AccessControlListNotSupported, AccessDenied (another owner, a public list where those are
    blocked), InvalidArgument, InvalidRequest, MalformedACLError, MissingSecurityHeader,
    UnresolvableGrantByEmailAddress.
    """
    content = call.document()
    if asks_for_list(call.request.headers):
        if content:
            raise InvalidRequest("This request does not support content: its headers say it all.")
        return acl_of_headers(call, owner_id)
    if not content:
        raise MissingSecurityHeader(fields={"MissingHeaderName": "x-amz-acl"})
    owner, grants = read_policy(content)
    if call.here.settings.ownership == ENFORCED:
        check_supported(call, False, grants)
        return ""
    if owner != owner_id:
        raise AccessDenied()
    check_users(grants)
    acl = "" if grants == lists.shown("", owner_id) else lists.text_of(grants)
    check_not_blocked(call.here.settings, acl)
    return acl
