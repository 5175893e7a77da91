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
from proxy.handlers import buckets, copying, deleting, listing, multipart, objects, properties
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
    ("GetBucketVersioning", "GET", BKT, "versioning", R, "s3:GetBucketVersioning", properties.get_versioning),
    ("GetBucketAcl", "GET", BKT, "acl", R, "s3:GetBucketAcl", properties.get_bucket_acl),
    ("ListMultipartUploads", "GET", BKT, "uploads", R, "s3:ListBucketMultipartUploads", multipart.list_uploads),
    ("ListObjectVersions", "GET", BKT, "versions", R, "s3:ListBucketVersions", not_implemented),
    ("CreateSession", "GET", BKT, "session", R, "s3express:CreateSession", not_implemented),
    ("GetBucketAbac", "GET", BKT, "abac", R, "s3:GetBucketAbac", not_implemented),
    ("GetBucketAccelerateConfiguration", "GET", BKT, "accelerate", R, "s3:GetAccelerateConfiguration", not_implemented),
    ("GetBucketAnalyticsConfiguration", "GET", BKT, "analytics", R, "s3:GetAnalyticsConfiguration", not_implemented),
    ("GetBucketCors", "GET", BKT, "cors", R, "s3:GetBucketCORS", not_implemented),
    ("GetBucketEncryption", "GET", BKT, "encryption", R, "s3:GetEncryptionConfiguration", not_implemented),
    ("GetBucketIntelligentTieringConfiguration", "GET", BKT, "intelligent-tiering", R, "s3:GetIntelligentTieringConfiguration", not_implemented),
    ("GetBucketInventoryConfiguration", "GET", BKT, "inventory", R, "s3:GetInventoryConfiguration", not_implemented),
    ("GetBucketLifecycleConfiguration", "GET", BKT, "lifecycle", R, "s3:GetLifecycleConfiguration", not_implemented),
    ("GetBucketLogging", "GET", BKT, "logging", R, "s3:GetBucketLogging", not_implemented),
    ("GetBucketMetadataConfiguration", "GET", BKT, "metadataConfiguration", R, "s3:GetBucketMetadataTableConfiguration", not_implemented),
    ("GetBucketMetadataTableConfiguration", "GET", BKT, "metadataTable", R, "s3:GetBucketMetadataTableConfiguration", not_implemented),
    ("GetBucketMetricsConfiguration", "GET", BKT, "metrics", R, "s3:GetMetricsConfiguration", not_implemented),
    ("GetBucketNotificationConfiguration", "GET", BKT, "notification", R, "s3:GetBucketNotification", not_implemented),
    ("GetObjectLockConfiguration", "GET", BKT, "object-lock", R, "s3:GetBucketObjectLockConfiguration", not_implemented),
    ("GetBucketOwnershipControls", "GET", BKT, "ownershipControls", R, "s3:GetBucketOwnershipControls", not_implemented),
    ("GetBucketPolicy", "GET", BKT, "policy", R, "s3:GetBucketPolicy", not_implemented),
    ("GetBucketPolicyStatus", "GET", BKT, "policyStatus", R, "s3:GetBucketPolicyStatus", not_implemented),
    ("GetPublicAccessBlock", "GET", BKT, "publicAccessBlock", R, "s3:GetBucketPublicAccessBlock", not_implemented),
    ("GetBucketReplication", "GET", BKT, "replication", R, "s3:GetReplicationConfiguration", not_implemented),
    ("GetBucketRequestPayment", "GET", BKT, "requestPayment", R, "s3:GetBucketRequestPayment", not_implemented),
    ("GetBucketTagging", "GET", BKT, "tagging", R, "s3:GetBucketTagging", not_implemented),
    ("GetBucketWebsite", "GET", BKT, "website", R, "s3:GetBucketWebsite", not_implemented),
    ("ListObjectsV2", "GET", BKT, "list-type=2", R, "s3:ListBucket", listing.list_objects_v2),
    ("ListObjects", "GET", BKT, "", R, "s3:ListBucket", listing.list_objects_v1),
    ("HeadBucket", "HEAD", BKT, "", R, "s3:ListBucket", buckets.head_bucket),
    ("OptionsBucket", "OPTIONS", BKT, "", R, "s3:GetBucketCORS", not_implemented),
    # -- bucket: writes ----------------------------------------------------------------------
    ("PutBucketAbac", "PUT", BKT, "abac", BW, "s3:PutBucketAbac", not_implemented),
    ("PutBucketAccelerateConfiguration", "PUT", BKT, "accelerate", BW, "s3:PutAccelerateConfiguration", not_implemented),
    ("PutBucketAcl", "PUT", BKT, "acl", BW, "s3:PutBucketAcl", not_implemented),
    ("PutBucketAnalyticsConfiguration", "PUT", BKT, "analytics", BW, "s3:PutAnalyticsConfiguration", not_implemented),
    ("PutBucketCors", "PUT", BKT, "cors", BW, "s3:PutBucketCORS", not_implemented),
    ("PutBucketEncryption", "PUT", BKT, "encryption", BW, "s3:PutEncryptionConfiguration", not_implemented),
    ("PutBucketIntelligentTieringConfiguration", "PUT", BKT, "intelligent-tiering", BW, "s3:PutIntelligentTieringConfiguration", not_implemented),
    ("PutBucketInventoryConfiguration", "PUT", BKT, "inventory", BW, "s3:PutInventoryConfiguration", not_implemented),
    ("PutBucketLifecycleConfiguration", "PUT", BKT, "lifecycle", BW, "s3:PutLifecycleConfiguration", not_implemented),
    ("PutBucketLogging", "PUT", BKT, "logging", BW, "s3:PutBucketLogging", not_implemented),
    ("UpdateBucketMetadataInventoryTableConfiguration", "PUT", BKT, "metadataInventoryTable", BW, "s3:UpdateBucketMetadataInventoryTableConfiguration", not_implemented),
    ("UpdateBucketMetadataJournalTableConfiguration", "PUT", BKT, "metadataJournalTable", BW, "s3:UpdateBucketMetadataJournalTableConfiguration", not_implemented),
    ("PutBucketMetricsConfiguration", "PUT", BKT, "metrics", BW, "s3:PutMetricsConfiguration", not_implemented),
    ("PutBucketNotificationConfiguration", "PUT", BKT, "notification", BW, "s3:PutBucketNotification", not_implemented),
    ("PutObjectLockConfiguration", "PUT", BKT, "object-lock", BW, "s3:PutBucketObjectLockConfiguration", not_implemented),
    ("PutBucketOwnershipControls", "PUT", BKT, "ownershipControls", BW, "s3:PutBucketOwnershipControls", not_implemented),
    ("PutBucketPolicy", "PUT", BKT, "policy", BW, "s3:PutBucketPolicy", not_implemented),
    ("PutPublicAccessBlock", "PUT", BKT, "publicAccessBlock", BW, "s3:PutBucketPublicAccessBlock", not_implemented),
    ("PutBucketReplication", "PUT", BKT, "replication", BW, "s3:PutReplicationConfiguration", not_implemented),
    ("PutBucketRequestPayment", "PUT", BKT, "requestPayment", BW, "s3:PutBucketRequestPayment", not_implemented),
    ("PutBucketTagging", "PUT", BKT, "tagging", BW, "s3:PutBucketTagging", not_implemented),
    ("PutBucketVersioning", "PUT", BKT, "versioning", BW, "s3:PutBucketVersioning", not_implemented),
    ("PutBucketWebsite", "PUT", BKT, "website", BW, "s3:PutBucketWebsite", not_implemented),
    ("CreateBucket", "PUT", BKT, "", BW, "s3:CreateBucket", buckets.create_bucket),
    ("DeleteBucketAnalyticsConfiguration", "DELETE", BKT, "analytics", BW, "s3:PutAnalyticsConfiguration", not_implemented),
    ("DeleteBucketCors", "DELETE", BKT, "cors", BW, "s3:PutBucketCORS", not_implemented),
    ("DeleteBucketEncryption", "DELETE", BKT, "encryption", BW, "s3:PutEncryptionConfiguration", not_implemented),
    ("DeleteBucketIntelligentTieringConfiguration", "DELETE", BKT, "intelligent-tiering", BW, "s3:PutIntelligentTieringConfiguration", not_implemented),
    ("DeleteBucketInventoryConfiguration", "DELETE", BKT, "inventory", BW, "s3:PutInventoryConfiguration", not_implemented),
    ("DeleteBucketLifecycle", "DELETE", BKT, "lifecycle", BW, "s3:PutLifecycleConfiguration", not_implemented),
    ("DeleteBucketMetadataConfiguration", "DELETE", BKT, "metadataConfiguration", BW, "s3:DeleteBucketMetadataTableConfiguration", not_implemented),
    ("DeleteBucketMetadataTableConfiguration", "DELETE", BKT, "metadataTable", BW, "s3:DeleteBucketMetadataTableConfiguration", not_implemented),
    ("DeleteBucketMetricsConfiguration", "DELETE", BKT, "metrics", BW, "s3:PutMetricsConfiguration", not_implemented),
    ("DeleteBucketOwnershipControls", "DELETE", BKT, "ownershipControls", BW, "s3:PutBucketOwnershipControls", not_implemented),
    ("DeleteBucketPolicy", "DELETE", BKT, "policy", BW, "s3:DeleteBucketPolicy", not_implemented),
    ("DeletePublicAccessBlock", "DELETE", BKT, "publicAccessBlock", BW, "s3:PutBucketPublicAccessBlock", not_implemented),
    ("DeleteBucketReplication", "DELETE", BKT, "replication", BW, "s3:PutReplicationConfiguration", not_implemented),
    ("DeleteBucketTagging", "DELETE", BKT, "tagging", BW, "s3:PutBucketTagging", not_implemented),
    ("DeleteBucketWebsite", "DELETE", BKT, "website", BW, "s3:DeleteBucketWebsite", not_implemented),
    ("DeleteBucket", "DELETE", BKT, "", BW, "s3:DeleteBucket", buckets.delete_bucket),
    ("DeleteObjects", "POST", BKT, "delete", W, "s3:DeleteObject", deleting.delete_objects),
    ("CreateBucketMetadataConfiguration", "POST", BKT, "metadataConfiguration", BW, "s3:CreateBucketMetadataTableConfiguration", not_implemented),
    ("CreateBucketMetadataTableConfiguration", "POST", BKT, "metadataTable", BW, "s3:CreateBucketMetadataTableConfiguration", not_implemented),
    ("PostObject", "POST", BKT, "", W, "s3:PutObject", not_implemented),
    # -- object: reads -----------------------------------------------------------------------
    ("ListParts", "GET", OBJ, "uploadId", R, "s3:ListMultipartUploadParts", multipart.list_parts),
    ("GetObjectAttributes", "GET", OBJ, "attributes", R, "s3:GetObjectAttributes", properties.get_object_attributes),
    ("GetObjectTagging", "GET", OBJ, "tagging", R, "s3:GetObjectTagging", properties.get_object_tagging),
    ("GetObjectAcl", "GET", OBJ, "acl", R, "s3:GetObjectAcl", properties.get_object_acl),
    ("GetObjectLegalHold", "GET", OBJ, "legal-hold", R, "s3:GetObjectLegalHold", not_implemented),
    ("GetObjectRetention", "GET", OBJ, "retention", R, "s3:GetObjectRetention", not_implemented),
    ("GetObjectTorrent", "GET", OBJ, "torrent", R, "s3:GetObjectTorrent", not_implemented),
    ("GetObject", "GET", OBJ, "", R, "s3:GetObject", objects.get_object),
    ("HeadObject", "HEAD", OBJ, "", R, "s3:GetObject", objects.head_object),
    ("OptionsObject", "OPTIONS", OBJ, "", R, "s3:GetBucketCORS", not_implemented),
    ("SelectObjectContent", "POST", OBJ, "select", R, "s3:GetObject", not_implemented),
    # -- object: writes ----------------------------------------------------------------------
    ("UploadPartCopy", "PUT", OBJ, "uploadId x-amz-copy-source", W, "s3:PutObject", copying.upload_part_copy),
    ("UploadPart", "PUT", OBJ, "uploadId", W, "s3:PutObject", multipart.upload_part),
    ("PutObjectAcl", "PUT", OBJ, "acl", W, "s3:PutObjectAcl", not_implemented),
    ("UpdateObjectEncryption", "PUT", OBJ, "encryption", W, "s3:UpdateObjectEncryption", not_implemented),
    ("PutObjectLegalHold", "PUT", OBJ, "legal-hold", W, "s3:PutObjectLegalHold", not_implemented),
    ("RenameObject", "PUT", OBJ, "renameObject", W, "s3express:CreateSession", not_implemented),
    ("PutObjectRetention", "PUT", OBJ, "retention", W, "s3:PutObjectRetention", not_implemented),
    ("PutObjectTagging", "PUT", OBJ, "tagging", W, "s3:PutObjectTagging", not_implemented),
    ("CopyObject", "PUT", OBJ, "x-amz-copy-source", W, "s3:PutObject", copying.copy_object),
    ("PutObject", "PUT", OBJ, "", W, "s3:PutObject", objects.put_object),
    ("AbortMultipartUpload", "DELETE", OBJ, "uploadId", W, "s3:AbortMultipartUpload", multipart.abort_upload),
    ("DeleteObjectTagging", "DELETE", OBJ, "tagging", W, "s3:DeleteObjectTagging", not_implemented),
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
