"""The errors that say that a bucket or an object has no such configuration.

Source: Amazon S3 API Reference, the errors of each Get action.
"""

from __future__ import annotations

from proxy.errors import S3Error


class NoSuchTagSet(S3Error):
    code, status, text = "NoSuchTagSet", 404, "The TagSet does not exist"


class NoSuchCORSConfiguration(S3Error):
    code, status, text = "NoSuchCORSConfiguration", 404, "The CORS configuration does not exist"


class NoSuchBucketPolicy(S3Error):
    code, status, text = "NoSuchBucketPolicy", 404, "The bucket policy does not exist"


class NoSuchPublicAccessBlockConfiguration(S3Error):
    code, status = "NoSuchPublicAccessBlockConfiguration", 404
    text = "The public access block configuration was not found"


class OwnershipControlsNotFoundError(S3Error):
    code, status = "OwnershipControlsNotFoundError", 404
    text = "The bucket ownership controls were not found"


class ObjectLockConfigurationNotFoundError(S3Error):
    code, status = "ObjectLockConfigurationNotFoundError", 404
    text = "Object Lock configuration does not exist for this bucket"


class NoSuchObjectLockConfiguration(S3Error):
    code, status = "NoSuchObjectLockConfiguration", 404
    text = "The specified object does not have a ObjectLock configuration"


class ServerSideEncryptionConfigurationNotFoundError(S3Error):
    code, status = "ServerSideEncryptionConfigurationNotFoundError", 404
    text = "The server side encryption configuration was not found"


class NoSuchConfiguration(S3Error):
    code, status, text = "NoSuchConfiguration", 404, "The specified configuration does not exist."


class NoSuchLifecycleConfiguration(S3Error):
    code, status = "NoSuchLifecycleConfiguration", 404
    text = "The lifecycle configuration does not exist"


class ReplicationConfigurationNotFoundError(S3Error):
    code, status = "ReplicationConfigurationNotFoundError", 404
    text = "The replication configuration was not found"


class NoSuchWebsiteConfiguration(S3Error):
    code, status = "NoSuchWebsiteConfiguration", 404
    text = "The specified bucket does not have a website configuration"
