"""S3's XML documents: readers of what clients send, writers of what they are answered."""

from proxy.wire.xml.answers import (
    AttributePart,
    AttributeParts,
    complete_upload,
    copy_object,
    copy_part,
    error,
    initiate_upload,
    list_buckets,
    location,
    object_attributes,
    private_acl,
)
from proxy.wire.xml.deletion import (
    Deleted,
    DeletedKey,
    DeleteFailure,
    DeleteRequest,
    delete_result,
    read_delete,
)
from proxy.wire.xml.encryption import EncryptionRule, bucket_encryption, read_bucket_encryption
from proxy.wire.xml.lifecycle import read_lifecycle
from proxy.wire.xml.lifecycle_answer import lifecycle
from proxy.wire.xml.listings import Asked, list_objects_v1, list_objects_v2, list_parts, list_uploads
from proxy.wire.xml.locking import (
    DefaultRetention,
    legal_hold,
    lock_configuration,
    read_legal_hold,
    read_lock_configuration,
    read_retention,
    retention,
)
from proxy.wire.xml.reading import CompletedPart, read_complete
from proxy.wire.xml.tagging import read_tagging, tagging
from proxy.wire.xml.versions import list_versions, read_versioning, versioning

__all__ = [
    "Asked",
    "AttributePart",
    "AttributeParts",
    "CompletedPart",
    "DefaultRetention",
    "DeleteFailure",
    "DeleteRequest",
    "Deleted",
    "DeletedKey",
    "EncryptionRule",
    "bucket_encryption",
    "complete_upload",
    "copy_object",
    "copy_part",
    "delete_result",
    "error",
    "initiate_upload",
    "legal_hold",
    "lifecycle",
    "list_buckets",
    "list_objects_v1",
    "list_objects_v2",
    "list_parts",
    "list_uploads",
    "list_versions",
    "location",
    "lock_configuration",
    "object_attributes",
    "private_acl",
    "read_bucket_encryption",
    "read_complete",
    "read_delete",
    "read_legal_hold",
    "read_lifecycle",
    "read_lock_configuration",
    "read_retention",
    "read_tagging",
    "read_versioning",
    "retention",
    "tagging",
    "versioning",
]
