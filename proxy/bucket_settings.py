"""What the owner of a bucket has set, as values: the Bucket row's `settings`. Pure.

The row keeps one JSON object with an entry for each thing that was set. Documents that have a
parser of their own (policy, CORS, access list) stay text here, so that the parsed form can be
remembered by its text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import lru_cache
from typing import Any

ENABLED, SUSPENDED = "Enabled", "Suspended"


@dataclass(frozen=True, slots=True)
class BucketSettings:
    """Defaults are those of a bucket of which nothing was ever set.

    `versioning` is "" (never), Enabled or Suspended. `lock_mode`, `lock_days` and `lock_years`
    are the default retention of new versions, where `object_lock` is on. `acl` is as in
    ObjectInfo, `cors`, `policy` and `lifecycle` (see `proxy.wire.lifecycle`) are JSON text.
    `public_access_block` holds the names of the four switches that are on; None says that there is no
    such configuration. `ownership` is "", BucketOwnerEnforced, BucketOwnerPreferred or ObjectWriter.
    """

    versioning: str = ""
    object_lock: bool = False
    lock_mode: str = ""
    lock_days: int = 0
    lock_years: int = 0
    tags: Mapping[str, str] = field(default_factory=dict)
    acl: str = ""
    cors: str = ""
    policy: str = ""
    lifecycle: str = ""
    public_access_block: tuple[str, ...] | None = None
    ownership: str = ""

    @property
    def keeps_versions(self) -> bool:
        """Whether clients are told version ids."""
        return self.versioning != ""


_NAMES = frozenset(one.name for one in fields(BucketSettings))
_DEFAULT = BucketSettings()


@lru_cache(maxsize=4096)
def settings_of(text: str) -> BucketSettings:
    """The settings that a row's JSON says. Entries that we do not know are passed over."""
    found: dict[str, Any] = {name: value for name, value in json.loads(text).items() if name in _NAMES}
    if found.get("public_access_block") is not None:
        found["public_access_block"] = tuple(found["public_access_block"])
    return BucketSettings(**found)


def settings_text(settings: BucketSettings) -> str:
    """The row's JSON: only what differs from the default."""
    said = asdict(settings)
    return json.dumps({name: value for name, value in said.items() if value != getattr(_DEFAULT, name)})
