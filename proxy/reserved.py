"""First path segments that are not buckets: the console's and those of the other APIs."""

from __future__ import annotations

CONSOLE_SEGMENT = b"_"
"""Always ours: no bucket name can begin with it."""

RESERVED_BUCKET_NAMES = frozenset({"api", "v1", "v20180820", "static"})
RESERVED_SEGMENTS = frozenset(name.encode() for name in RESERVED_BUCKET_NAMES)
