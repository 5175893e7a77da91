"""Buckets themselves: list, create, look, locate, delete."""

from __future__ import annotations

from collections.abc import Iterable

from proxy import records, routes
from proxy.bucket_settings import ENABLED, BucketSettings
from proxy.errors import (
    BucketAlreadyExists,
    BucketAlreadyOwnedByYou,
    InvalidLocationConstraint,
    NotImplementedByUs,
)
from proxy.handlers.call import Answer, Call, document
from proxy.handlers.granting import asked_bucket_acl, asked_ownership
from proxy.handlers.parameters import make_token, page_size, read_token, wrong
from proxy.handlers.visibility import visible_buckets
from proxy.wire import xml
from proxy.wire.tags import MAX_BUCKET_TAGS, checked_tags
from proxy.wire.xml.creation import read_creation

_MOST_BUCKETS = 10_000
_FIRST_REGION = "us-east-1"
_LOCK_HEADER = "x-amz-bucket-object-lock-enabled"
_RIGHTS = (
    ("object_lock", "s3:PutBucketObjectLockConfiguration"),
    ("versioning", "s3:PutBucketVersioning"),
    ("tags", "s3:PutBucketTagging"),
    ("acl", "s3:PutBucketAcl"),
    ("ownership", "s3:PutBucketOwnershipControls"),
)
"""Setting of a new bucket -> what else its maker must be allowed, as in S3."""
_OTHERWISE = "You own a bucket of that name already, with other settings than you ask for."


def list_buckets(call: Call) -> Answer:
    """The caller's own buckets, and those that were opened to them by name."""
    query = call.request.query
    limit = page_size(query, "max-buckets", _MOST_BUCKETS)
    prefix = query.get("prefix", "")
    token = query.get("continuation-token", "")
    after = read_token("continuation-token", token) if token else ""
    if query.get("bucket-region", call.region) != call.region:
        limit = 0
    found = visible_buckets(call, after=after, prefix=prefix, limit=limit + 1) if limit else []
    more = len(found) > limit
    return document(
        xml.list_buckets(
            [(bucket.name, bucket.created_ms) for bucket in found[:limit]],
            owner_id=call.caller.owner_id,
            owner_name=call.caller.name,
            prefix=prefix,
            next_token=make_token(found[limit - 1].name) if more else None,
        )
    )


def create_bucket(call: Call) -> Answer:
    """Raises what the name, the place and the wishes can be refused with (see `_asked`), AccessDenied.

    In us-east-1 an owner may create a bucket again, as long as nothing else is asked of it.
    """
    name = call.request.bucket
    routes.check_new_name(name)
    location, pairs = read_creation(call.document())
    if location not in ("", call.region):
        raise InvalidLocationConstraint(fields={"LocationConstraint": location})
    asked = _asked(call, pairs)
    for setting, right in _RIGHTS:
        if getattr(asked, setting):
            call.rights.require(right)
    try:
        routes.create_bucket(name, call.caller.owner_id, call.now_ms, asked)
    except BucketAlreadyOwnedByYou as error:
        if call.region != _FIRST_REGION:
            raise
        if not _is_as_asked(records.find_bucket(name).settings, asked):
            raise BucketAlreadyExists(_OTHERWISE, fields=error.fields) from None
    return Answer(200, {"Location": f"/{name}"})


def _asked(call: Call, pairs: Iterable[tuple[str, str]]) -> BucketSettings:
    """What a new bucket is to be set to.

    Raises InvalidArgument, InvalidTag, NotImplemented, and as `asked_bucket_acl` does.
    """
    headers = call.request.headers
    locked = headers.get(_LOCK_HEADER, "false").lower()
    if locked not in ("true", "false"):
        raise wrong(_LOCK_HEADER, locked, f"The header {_LOCK_HEADER} must be true or false.")
    if locked == "true" and not routes.backend(routes.default_backend_for(call.request.bucket)).keeps_locks:
        raise NotImplementedByUs(
            "The storage of new buckets cannot lock objects.", fields={"Header": _LOCK_HEADER}
        )
    return BucketSettings(
        versioning=ENABLED if locked == "true" else "",
        object_lock=locked == "true",
        tags=checked_tags(pairs, MAX_BUCKET_TAGS),
        acl=asked_bucket_acl(call),
        ownership=asked_ownership(call),
    )


def _is_as_asked(found: BucketSettings, asked: BucketSettings) -> bool:
    """Whether making the bucket again would change nothing. What is not asked for may be anything."""
    return (
        found.acl == asked.acl
        and found.object_lock == asked.object_lock
        and asked.ownership in ("", found.ownership)
        and asked.tags in ({}, found.tags)
    )


def head_bucket(call: Call) -> Answer:
    return Answer(200, {"x-amz-bucket-region": call.region, "Content-Type": "application/xml"})


def get_location(call: Call) -> Answer:
    return document(xml.location(call.region))


def delete_bucket(call: Call) -> Answer:
    routes.delete_bucket(call.here)
    return Answer(204)
