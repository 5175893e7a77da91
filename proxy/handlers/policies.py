"""Bucket policy, public access block and ownership controls.

Source: Amazon S3 API Reference, the actions of these names.
"""

from __future__ import annotations

from proxy import absences
from proxy.access import lists
from proxy.access.grammar import bucket_policy, check_bucket_policy
from proxy.access.public import (
    BLOCK_PUBLIC_POLICY,
    IGNORE_PUBLIC_ACLS,
    SWITCHES,
    policy_is_public,
)
from proxy.access.rights import ENFORCED
from proxy.errors import AccessDenied, InvalidBucketAclWithObjectOwnership, MalformedPolicy
from proxy.handlers.call import Answer, Call, document
from proxy.identity import owner_of
from proxy.records import change_settings
from proxy.wire import controls


def get_policy(call: Call) -> Answer:
    """The text as it was put. Raises NoSuchBucketPolicy."""
    text = call.here.settings.policy
    if not text:
        raise absences.NoSuchBucketPolicy(fields={"BucketName": call.here.name})
    return Answer(200, {"Content-Type": "application/json"}, text.encode())


def put_policy(call: Call) -> Answer:
    """Raises MalformedPolicy, and AccessDenied for a public one where those are blocked."""
    try:
        text = call.document().decode()
    except UnicodeDecodeError:
        raise MalformedPolicy("Policies must be valid JSON in UTF-8.") from None
    policy = check_bucket_policy(text, call.here.name)
    for user in policy.users():
        if owner_of(user) is None:
            raise MalformedPolicy("Invalid principal in policy", fields={"Detail": user[:128]})
    if BLOCK_PUBLIC_POLICY in _switched_on(call) and policy_is_public(policy):
        raise AccessDenied()
    change_settings(call.here, policy=text)
    return Answer(204)


def delete_policy(call: Call) -> Answer:
    change_settings(call.here, policy="")
    return Answer(204)


def get_policy_status(call: Call) -> Answer:
    """Whether the bucket is public, by its policy or by its access list."""
    settings = call.here.settings
    by_list = (
        lists.is_public(settings.acl)
        and settings.ownership != ENFORCED
        and IGNORE_PUBLIC_ACLS not in _switched_on(call)
    )
    by_policy = bool(settings.policy) and policy_is_public(bucket_policy(settings.policy))
    return document(controls.write_policy_status(by_list or by_policy))


def get_public_access_block(call: Call) -> Answer:
    """Raises NoSuchPublicAccessBlockConfiguration."""
    if call.here.settings.public_access_block is None:
        raise absences.NoSuchPublicAccessBlockConfiguration(fields={"BucketName": call.here.name})
    return document(controls.write_public_access_block(_switched_on(call), SWITCHES))


def put_public_access_block(call: Call) -> Answer:
    """Raises MalformedXML."""
    change_settings(
        call.here, public_access_block=controls.read_public_access_block(call.document(), SWITCHES)
    )
    return Answer(200)


def delete_public_access_block(call: Call) -> Answer:
    change_settings(call.here, public_access_block=None)
    return Answer(204)


def get_ownership_controls(call: Call) -> Answer:
    """Raises OwnershipControlsNotFoundError."""
    ownership = call.here.settings.ownership
    if not ownership:
        raise absences.OwnershipControlsNotFoundError(fields={"BucketName": call.here.name})
    return document(controls.write_ownership_controls(ownership))


def put_ownership_controls(call: Call) -> Answer:
    """Raises MalformedXML, and InvalidBucketAclWithObjectOwnership where the bucket's list gives
    something to others: that would come to nothing without a word."""
    ownership = controls.read_ownership_controls(call.document())
    acl, owner = call.here.settings.acl, call.here.owner_id
    if ownership == ENFORCED and any(one.grantee != owner for one in lists.shown(acl, owner)):
        raise InvalidBucketAclWithObjectOwnership(fields={"BucketName": call.here.name})
    change_settings(call.here, ownership=ownership)
    return Answer(200)


def delete_ownership_controls(call: Call) -> Answer:
    change_settings(call.here, ownership="")
    return Answer(204)


def _switched_on(call: Call) -> tuple[str, ...]:
    return call.here.settings.public_access_block or ()
