"""Buckets themselves: list, create, look, locate, delete."""

from __future__ import annotations

from proxy import records, routes
from proxy.errors import InvalidBucketName, InvalidLocationConstraint
from proxy.handlers.call import Answer, Call, document
from proxy.handlers.parameters import make_token, page_size, read_token
from proxy.reserved import RESERVED_BUCKET_NAMES
from proxy.wire import xml
from proxy.wire.names import check_bucket_name

_MOST_BUCKETS = 10_000


def list_buckets(call: Call) -> Answer:
    """Any enabled key sees every bucket, as any may use every bucket."""
    query = call.request.query
    limit = page_size(query, "max-buckets", _MOST_BUCKETS)
    prefix = query.get("prefix", "")
    token = query.get("continuation-token", "")
    after = read_token("continuation-token", token) if token else ""
    if query.get("bucket-region", call.region) != call.region:
        limit = 0
    found = records.list_buckets(after=after, prefix=prefix, limit=limit + 1) if limit else []
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
    name = call.request.bucket
    if name in RESERVED_BUCKET_NAMES:
        raise InvalidBucketName(
            f"The name {name!r} is reserved: on this server the path /{name}/ belongs to another API.",
            fields={"BucketName": name},
        )
    check_bucket_name(name)
    region = xml.read_location(call.document())
    if region not in (None, call.region):
        raise InvalidLocationConstraint(fields={"LocationConstraint": str(region)})
    routes.create_bucket(name, call.caller.owner_id, call.now_ms)
    return Answer(200, {"Location": f"/{name}"})


def head_bucket(call: Call) -> Answer:
    return Answer(200, {"x-amz-bucket-region": call.region, "Content-Type": "application/xml"})


def get_location(call: Call) -> Answer:
    return document(xml.location(call.region))


def delete_bucket(call: Call) -> Answer:
    routes.delete_bucket(call.here)
    return Answer(204)
