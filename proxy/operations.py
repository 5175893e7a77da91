"""THE TABLE: every S3 operation, one line each.

Source: Amazon S3 API Reference, "Actions". A request is the first row of its method and level
whose markers it carries: query parameters, or headers (those have dashes); `name=value` asks
for that value. So each group ends with the row that has none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from proxy.errors import MethodNotAllowed
from proxy.handlers import (
    acls,
    attributes,
    bucket_encryption,
    buckets,
    configurations,
    copying,
    cors,
    deleting,
    lifecycle,
    listing,
    locking,
    multipart,
    objects,
    policies,
    posting,
    tagging,
    versioning,
)
from proxy.handlers.call import Answer, Call
from proxy.handlers.refusals import not_implemented
from proxy.wire.request import S3Request

Handler = Callable[[Call], Answer]


class Access(Enum):
    """What it does to a bucket. All but READ pass its gate; BUCKET_WRITE is alone in it."""

    READ = "read"
    WRITE = "write"
    BUCKET_WRITE = "bucket-write"


class Level(Enum):
    SERVICE = "service"
    BUCKET = "bucket"
    OBJECT = "object"


@dataclass(frozen=True, slots=True)
class Operation:
    """One S3 operation. `in_bucket` is False where the bucket need not exist."""

    name: str
    method: str
    level: Level
    markers: tuple[str, ...]
    access: Access
    right: str
    handler: Handler

    @property
    def in_bucket(self) -> bool:
        return self.level is not Level.SERVICE and self.name != "CreateBucket"

    def matches(self, request: S3Request) -> bool:
        return all(_carries(request, marker) for marker in self.markers)


def _carries(request: S3Request, marker: str) -> bool:
    name, equals, value = marker.partition("=")
    there = request.headers if name.startswith("x-amz-") else request.query
    return there.get(name) == value if equals else name in there


SVC, BKT, OBJ = Level.SERVICE, Level.BUCKET, Level.OBJECT
R, W, BW = Access.READ, Access.WRITE, Access.BUCKET_WRITE

# fmt: off
_ROWS: Final = (
    # -- service -----------------------------------------------------------------------------
    ("ListBuckets", "GET", SVC, "", R, "s3:ListAllMyBuckets", buckets.list_buckets),
    # -- bucket: reads -----------------------------------------------------------------------
    ("GetBucketLocation", "GET", BKT, "location", R, "s3:GetBucketLocation", buckets.get_location),
    ("GetBucketVersioning", "GET", BKT, "versioning", R, "s3:GetBucketVersioning", versioning.get_versioning),
    ("GetBucketAcl", "GET", BKT, "acl", R, "s3:GetBucketAcl", acls.get_bucket_acl),
    ("ListMultipartUploads", "GET", BKT, "uploads", R, "s3:ListBucketMultipartUploads", multipart.list_uploads),
    ("ListObjectVersions", "GET", BKT, "versions", R, "s3:ListBucketVersions", listing.list_object_versions),
    ("CreateSession", "GET", BKT, "session", R, "s3express:CreateSession", not_implemented),
    ("GetBucketAbac", "GET", BKT, "abac", R, "s3:GetBucketAbac", not_implemented),
    ("GetBucketAccelerateConfiguration", "GET", BKT, "accelerate", R, "s3:GetAccelerateConfiguration", configurations.get_accelerate),
    ("GetBucketAnalyticsConfiguration", "GET", BKT, "analytics", R, "s3:GetAnalyticsConfiguration", configurations.analytics),
    ("GetBucketCors", "GET", BKT, "cors", R, "s3:GetBucketCORS", cors.get_cors),
    ("GetBucketEncryption", "GET", BKT, "encryption", R, "s3:GetEncryptionConfiguration", bucket_encryption.get_encryption),
    ("GetBucketIntelligentTieringConfiguration", "GET", BKT, "intelligent-tiering", R, "s3:GetIntelligentTieringConfiguration", configurations.intelligent_tiering),
    ("GetBucketInventoryConfiguration", "GET", BKT, "inventory", R, "s3:GetInventoryConfiguration", configurations.inventory),
    ("GetBucketLifecycleConfiguration", "GET", BKT, "lifecycle", R, "s3:GetLifecycleConfiguration", lifecycle.get_lifecycle),
    ("GetBucketLogging", "GET", BKT, "logging", R, "s3:GetBucketLogging", configurations.get_logging),
    ("GetBucketMetadataConfiguration", "GET", BKT, "metadataConfiguration", R, "s3:GetBucketMetadataTableConfiguration", not_implemented),
    ("GetBucketMetadataTableConfiguration", "GET", BKT, "metadataTable", R, "s3:GetBucketMetadataTableConfiguration", not_implemented),
    ("GetBucketMetricsConfiguration", "GET", BKT, "metrics", R, "s3:GetMetricsConfiguration", configurations.metrics),
    ("GetBucketNotificationConfiguration", "GET", BKT, "notification", R, "s3:GetBucketNotification", configurations.get_notification),
    ("GetObjectLockConfiguration", "GET", BKT, "object-lock", R, "s3:GetBucketObjectLockConfiguration", locking.get_configuration),
    ("GetBucketOwnershipControls", "GET", BKT, "ownershipControls", R, "s3:GetBucketOwnershipControls", policies.get_ownership_controls),
    ("GetBucketPolicy", "GET", BKT, "policy", R, "s3:GetBucketPolicy", policies.get_policy),
    ("GetBucketPolicyStatus", "GET", BKT, "policyStatus", R, "s3:GetBucketPolicyStatus", policies.get_policy_status),
    ("GetPublicAccessBlock", "GET", BKT, "publicAccessBlock", R, "s3:GetBucketPublicAccessBlock", policies.get_public_access_block),
    ("GetBucketReplication", "GET", BKT, "replication", R, "s3:GetReplicationConfiguration", configurations.get_replication),
    ("GetBucketRequestPayment", "GET", BKT, "requestPayment", R, "s3:GetBucketRequestPayment", configurations.get_request_payment),
    ("GetBucketTagging", "GET", BKT, "tagging", R, "s3:GetBucketTagging", tagging.get_bucket_tagging),
    ("GetBucketWebsite", "GET", BKT, "website", R, "s3:GetBucketWebsite", configurations.get_website),
    ("ListObjectsV2", "GET", BKT, "list-type=2", R, "s3:ListBucket", listing.list_objects_v2),
    ("ListObjects", "GET", BKT, "", R, "s3:ListBucket", listing.list_objects_v1),
    ("HeadBucket", "HEAD", BKT, "", R, "s3:ListBucket", buckets.head_bucket),
    ("OptionsBucket", "OPTIONS", BKT, "", R, "s3:GetBucketCORS", cors.preflight),
    # -- bucket: writes ----------------------------------------------------------------------
    ("PutBucketAbac", "PUT", BKT, "abac", BW, "s3:PutBucketAbac", not_implemented),
    ("PutBucketAccelerateConfiguration", "PUT", BKT, "accelerate", BW, "s3:PutAccelerateConfiguration", configurations.put_accelerate),
    ("PutBucketAcl", "PUT", BKT, "acl", BW, "s3:PutBucketAcl", acls.put_bucket_acl),
    ("PutBucketAnalyticsConfiguration", "PUT", BKT, "analytics", BW, "s3:PutAnalyticsConfiguration", not_implemented),
    ("PutBucketCors", "PUT", BKT, "cors", BW, "s3:PutBucketCORS", cors.put_cors),
    ("PutBucketEncryption", "PUT", BKT, "encryption", BW, "s3:PutEncryptionConfiguration", bucket_encryption.put_encryption),
    ("PutBucketIntelligentTieringConfiguration", "PUT", BKT, "intelligent-tiering", BW, "s3:PutIntelligentTieringConfiguration", not_implemented),
    ("PutBucketInventoryConfiguration", "PUT", BKT, "inventory", BW, "s3:PutInventoryConfiguration", not_implemented),
    ("PutBucketLifecycleConfiguration", "PUT", BKT, "lifecycle", BW, "s3:PutLifecycleConfiguration", lifecycle.put_lifecycle),
    ("PutBucketLogging", "PUT", BKT, "logging", BW, "s3:PutBucketLogging", configurations.put_logging),
    ("UpdateBucketMetadataInventoryTableConfiguration", "PUT", BKT, "metadataInventoryTable", BW, "s3:UpdateBucketMetadataInventoryTableConfiguration", not_implemented),
    ("UpdateBucketMetadataJournalTableConfiguration", "PUT", BKT, "metadataJournalTable", BW, "s3:UpdateBucketMetadataJournalTableConfiguration", not_implemented),
    ("PutBucketMetricsConfiguration", "PUT", BKT, "metrics", BW, "s3:PutMetricsConfiguration", not_implemented),
    ("PutBucketNotificationConfiguration", "PUT", BKT, "notification", BW, "s3:PutBucketNotification", configurations.put_notification),
    ("PutObjectLockConfiguration", "PUT", BKT, "object-lock", BW, "s3:PutBucketObjectLockConfiguration", locking.put_configuration),
    ("PutBucketOwnershipControls", "PUT", BKT, "ownershipControls", BW, "s3:PutBucketOwnershipControls", policies.put_ownership_controls),
    ("PutBucketPolicy", "PUT", BKT, "policy", BW, "s3:PutBucketPolicy", policies.put_policy),
    ("PutPublicAccessBlock", "PUT", BKT, "publicAccessBlock", BW, "s3:PutBucketPublicAccessBlock", policies.put_public_access_block),
    ("PutBucketReplication", "PUT", BKT, "replication", BW, "s3:PutReplicationConfiguration", not_implemented),
    ("PutBucketRequestPayment", "PUT", BKT, "requestPayment", BW, "s3:PutBucketRequestPayment", configurations.put_request_payment),
    ("PutBucketTagging", "PUT", BKT, "tagging", BW, "s3:PutBucketTagging", tagging.put_bucket_tagging),
    ("PutBucketVersioning", "PUT", BKT, "versioning", BW, "s3:PutBucketVersioning", versioning.put_versioning),
    ("PutBucketWebsite", "PUT", BKT, "website", BW, "s3:PutBucketWebsite", not_implemented),
    ("CreateBucket", "PUT", BKT, "", BW, "s3:CreateBucket", buckets.create_bucket),
    ("DeleteBucketAnalyticsConfiguration", "DELETE", BKT, "analytics", BW, "s3:PutAnalyticsConfiguration", configurations.analytics),
    ("DeleteBucketCors", "DELETE", BKT, "cors", BW, "s3:PutBucketCORS", cors.delete_cors),
    ("DeleteBucketEncryption", "DELETE", BKT, "encryption", BW, "s3:PutEncryptionConfiguration", bucket_encryption.delete_encryption),
    ("DeleteBucketIntelligentTieringConfiguration", "DELETE", BKT, "intelligent-tiering", BW, "s3:PutIntelligentTieringConfiguration", configurations.intelligent_tiering),
    ("DeleteBucketInventoryConfiguration", "DELETE", BKT, "inventory", BW, "s3:PutInventoryConfiguration", configurations.inventory),
    ("DeleteBucketLifecycle", "DELETE", BKT, "lifecycle", BW, "s3:PutLifecycleConfiguration", lifecycle.delete_lifecycle),
    ("DeleteBucketMetadataConfiguration", "DELETE", BKT, "metadataConfiguration", BW, "s3:DeleteBucketMetadataTableConfiguration", not_implemented),
    ("DeleteBucketMetadataTableConfiguration", "DELETE", BKT, "metadataTable", BW, "s3:DeleteBucketMetadataTableConfiguration", not_implemented),
    ("DeleteBucketMetricsConfiguration", "DELETE", BKT, "metrics", BW, "s3:PutMetricsConfiguration", configurations.metrics),
    ("DeleteBucketOwnershipControls", "DELETE", BKT, "ownershipControls", BW, "s3:PutBucketOwnershipControls", policies.delete_ownership_controls),
    ("DeleteBucketPolicy", "DELETE", BKT, "policy", BW, "s3:DeleteBucketPolicy", policies.delete_policy),
    ("DeletePublicAccessBlock", "DELETE", BKT, "publicAccessBlock", BW, "s3:PutBucketPublicAccessBlock", policies.delete_public_access_block),
    ("DeleteBucketReplication", "DELETE", BKT, "replication", BW, "s3:PutReplicationConfiguration", configurations.delete_replication),
    ("DeleteBucketTagging", "DELETE", BKT, "tagging", BW, "s3:PutBucketTagging", tagging.delete_bucket_tagging),
    ("DeleteBucketWebsite", "DELETE", BKT, "website", BW, "s3:DeleteBucketWebsite", configurations.delete_website),
    ("DeleteBucket", "DELETE", BKT, "", BW, "s3:DeleteBucket", buckets.delete_bucket),
    ("DeleteObjects", "POST", BKT, "delete", W, "s3:DeleteObject", deleting.delete_objects),
    ("CreateBucketMetadataConfiguration", "POST", BKT, "metadataConfiguration", BW, "s3:CreateBucketMetadataTableConfiguration", not_implemented),
    ("CreateBucketMetadataTableConfiguration", "POST", BKT, "metadataTable", BW, "s3:CreateBucketMetadataTableConfiguration", not_implemented),
    ("PostObject", "POST", BKT, "", W, "s3:PutObject", posting.post_object),
    # -- object: reads -----------------------------------------------------------------------
    ("ListParts", "GET", OBJ, "uploadId", R, "s3:ListMultipartUploadParts", multipart.list_parts),
    ("GetObjectAttributes", "GET", OBJ, "attributes", R, "s3:GetObjectAttributes", attributes.get_object_attributes),
    ("GetObjectTagging", "GET", OBJ, "tagging", R, "s3:GetObjectTagging", tagging.get_object_tagging),
    ("GetObjectAcl", "GET", OBJ, "acl", R, "s3:GetObjectAcl", acls.get_object_acl),
    ("GetObjectLegalHold", "GET", OBJ, "legal-hold", R, "s3:GetObjectLegalHold", locking.get_legal_hold),
    ("GetObjectRetention", "GET", OBJ, "retention", R, "s3:GetObjectRetention", locking.get_retention),
    ("GetObjectTorrent", "GET", OBJ, "torrent", R, "s3:GetObjectTorrent", objects.get_object_torrent),
    ("GetObject", "GET", OBJ, "", R, "s3:GetObject", objects.get_object),
    ("HeadObject", "HEAD", OBJ, "", R, "s3:GetObject", objects.head_object),
    ("OptionsObject", "OPTIONS", OBJ, "", R, "s3:GetBucketCORS", cors.preflight),
    ("SelectObjectContent", "POST", OBJ, "select", R, "s3:GetObject", not_implemented),
    # -- object: writes ----------------------------------------------------------------------
    ("UploadPartCopy", "PUT", OBJ, "uploadId x-amz-copy-source", W, "s3:PutObject", copying.upload_part_copy),
    ("UploadPart", "PUT", OBJ, "uploadId", W, "s3:PutObject", multipart.upload_part),
    ("PutObjectAcl", "PUT", OBJ, "acl", W, "s3:PutObjectAcl", acls.put_object_acl),
    ("UpdateObjectEncryption", "PUT", OBJ, "encryption", W, "s3:UpdateObjectEncryption", not_implemented),
    ("PutObjectLegalHold", "PUT", OBJ, "legal-hold", W, "s3:PutObjectLegalHold", locking.put_legal_hold),
    ("RenameObject", "PUT", OBJ, "renameObject", W, "s3express:CreateSession", not_implemented),
    ("PutObjectRetention", "PUT", OBJ, "retention", W, "s3:PutObjectRetention", locking.put_retention),
    ("PutObjectTagging", "PUT", OBJ, "tagging", W, "s3:PutObjectTagging", tagging.put_object_tagging),
    ("CopyObject", "PUT", OBJ, "x-amz-copy-source", W, "s3:PutObject", copying.copy_object),
    ("PutObject", "PUT", OBJ, "", W, "s3:PutObject", objects.put_object),
    ("AbortMultipartUpload", "DELETE", OBJ, "uploadId", W, "s3:AbortMultipartUpload", multipart.abort_upload),
    ("DeleteObjectTagging", "DELETE", OBJ, "tagging", W, "s3:DeleteObjectTagging", tagging.delete_object_tagging),
    ("DeleteObject", "DELETE", OBJ, "", W, "s3:DeleteObject", deleting.delete_object),
    ("CreateMultipartUpload", "POST", OBJ, "uploads", W, "s3:PutObject", multipart.create_upload),
    ("CompleteMultipartUpload", "POST", OBJ, "uploadId", W, "s3:PutObject", multipart.complete_upload),
    ("RestoreObject", "POST", OBJ, "restore", W, "s3:RestoreObject", not_implemented),
)
# fmt: on

OPERATIONS: tuple[Operation, ...] = tuple(
    Operation(name, method, level, tuple(markers.split()), access, right, handler)
    for name, method, level, markers, access, right, handler in _ROWS
)

_BY_PLACE: defaultdict[tuple[str, Level], list[Operation]] = defaultdict(list)
for _operation in OPERATIONS:
    _BY_PLACE[_operation.method, _operation.level].append(_operation)
_UNMARKED = {place: rows[-1] for place, rows in _BY_PLACE.items() if not rows[-1].markers}


def match(request: S3Request) -> Operation:
    """The operation that a request asks for. Raises MethodNotAllowed."""
    level = OBJ if request.key else BKT if request.bucket else SVC
    place = (request.method, level)
    if not request.query and "x-amz-copy-source" not in request.headers and place in _UNMARKED:
        return _UNMARKED[place]
    for operation in _BY_PLACE.get(place, ()):
        if operation.matches(request):
            return operation
    raise MethodNotAllowed(
        fields={"Method": request.method, "ResourceType": level.value.upper()},
        headers={"Allow": ", ".join(sorted({row.method for row in OPERATIONS if row.level is level}))},
    )
