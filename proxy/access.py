"""What a caller may do."""

from __future__ import annotations

from proxy.backends.values import ObjectInfo
from proxy.records import BucketRecord


class Everything:
    """The rights of somebody who may do all that there is."""

    def allows(self, right: str, key: str = "", info: ObjectInfo | None = None) -> bool:
        return True

    def require(self, right: str, key: str = "", info: ObjectInfo | None = None) -> None:
        return None

    def elsewhere(self, bucket: BucketRecord) -> Everything:
        return self
