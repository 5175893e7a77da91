"""What a person does with objects in the console: list, look, upload, open, delete, restore. No HTTP.

Each thing is decided by the caller's rights as the same S3 request would be, writes pass the gate,
and whoever may not know of a bucket is told that there is none.
"""

from proxy.browsing.reading import (
    DELIMITER,
    describe,
    may_read,
    needs_key,
    objects,
    open_object,
    versions,
)
from proxy.browsing.visits import Visit, buckets, visit
from proxy.browsing.writing import (
    Upload,
    check_absent,
    check_upload,
    delete,
    may_delete,
    may_upload,
    restore,
    upload,
)

__all__ = [
    "DELIMITER",
    "Upload",
    "Visit",
    "buckets",
    "check_absent",
    "check_upload",
    "delete",
    "describe",
    "may_delete",
    "may_read",
    "may_upload",
    "needs_key",
    "objects",
    "open_object",
    "restore",
    "upload",
    "versions",
    "visit",
]
