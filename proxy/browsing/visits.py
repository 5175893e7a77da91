"""Who visits which bucket, and which buckets somebody may see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from proxy.access import Access
from proxy.access.circumstances import Circumstances
from proxy.backends.values import CURRENT, ObjectInfo
from proxy.caller import Caller
from proxy.errors import NoSuchBucket, S3Error
from proxy.limits import MAX_KEYS
from proxy.records import BucketRecord, find_bucket, list_buckets
from proxy.store import Store
from proxy.wire.names import check_addressable

_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Visit:
    """A caller in a bucket that the caller may see, under some circumstances."""

    caller: Caller
    bucket: BucketRecord
    circumstances: Circumstances

    def rights(self, key: str = "", query: Mapping[str, str] | None = None) -> Access:
        """The caller's rights, as a request with that key and that query would find them."""
        asked = replace(self.circumstances, bucket=self.bucket.name, key=key, query=query or {})
        return Access(self.caller, self.bucket, asked)

    def may(self, right: str, key: str = "", info: ObjectInfo | None = None) -> bool:
        return self.rights(key).allows(right, key, info)

    def require(self, right: str, key: str = "", info: ObjectInfo | None = None) -> None:
        """Raises AccessDenied."""
        self.rights(key).require(right, key, info)

    @property
    def store(self) -> Store:
        return Store.of(self.bucket)

    @property
    def versioned(self) -> bool:
        return self.bucket.settings.keeps_versions


def visit(caller: Caller, bucket_name: str, circumstances: Circumstances, prefix: str = "") -> Visit:
    """Raises NoSuchBucket, also for a bucket of which the caller may not even list that prefix."""
    try:
        check_addressable(bucket_name)
    except S3Error:
        raise NoSuchBucket() from None
    here = Visit(caller, find_bucket(bucket_name), circumstances)
    if not (_owns(here) or here.rights(query={"prefix": prefix}).allows("s3:ListBucket")):
        raise NoSuchBucket(fields={"BucketName": bucket_name})
    return here


def _owns(here: Visit) -> bool:
    return here.caller.root or here.bucket.owner_id == here.caller.owner_id


def buckets(
    caller: Caller, circumstances: Circumstances, prefix: str = "", after: str = "", limit: int = MAX_KEYS
) -> tuple[list[BucketRecord], bool]:
    """The caller's own buckets and those that were granted, by name, and whether there are more."""
    found: list[BucketRecord] = []
    while len(found) <= limit:
        records = list_buckets(after=after, prefix=prefix, limit=_AT_ONCE)
        found += [record for record in records if _shown(Visit(caller, record, circumstances))]
        if len(records) < _AT_ONCE:
            break
        after = records[-1].name
    return found[:limit], len(found) > limit


def _shown(here: Visit) -> bool:
    """As ListBuckets: what is open to everybody is not in everybody's list."""
    return _owns(here) or here.rights().granted("s3:ListBucket")


def of_version(right: str, version: str) -> str:
    """The right that a read with a version id needs: `s3:GetObjectVersion` for `s3:GetObject`."""
    return right if version == CURRENT else right + "Version"
