"""Which buckets a caller sees in a listing: those of theirs, and those that were opened to them by name."""

from __future__ import annotations

from proxy import records
from proxy.handlers.call import Call
from proxy.records import BucketRecord

_PAGE = 1000


def visible_buckets(call: Call, *, after: str, prefix: str, limit: int) -> list[BucketRecord]:
    """Up to `limit` of them by name, those after `after` only.

    What is public is not listed to everybody: a listing would be full of what is of no concern.
    Nobody has none.
    """
    found: list[BucketRecord] = []
    while len(found) < limit and not call.caller.anonymous:
        page = records.list_buckets(after=after, prefix=prefix, limit=_PAGE)
        found += [bucket for bucket in page if _is_visible(call, bucket)]
        if len(page) < _PAGE:
            break
        after = page[-1].name
    return found[:limit]


def _is_visible(call: Call, bucket: BucketRecord) -> bool:
    if call.caller.root or bucket.owner_id == call.caller.owner_id:
        return True
    return call.rights.elsewhere(bucket).granted("s3:ListBucket")
