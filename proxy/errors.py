"""Every error that the gateway can answer, one class per S3 error code.

Source: Amazon S3 API Reference, "Error responses". Everything below the gateway raises
these; `gateway.py` alone turns them into an answer. This module imports nothing of ours.
"""

from __future__ import annotations

from collections.abc import Mapping


class S3Error(Exception):
    """An error with an S3 code and an HTTP status.

    `message` is for the client; `fields` become elements of the error document;
    `headers` are added to the answer.
    """

    code = "InternalError"
    status = 500
    text = "We encountered an internal error. Please try again."

    def __init__(
        self,
        message: str | None = None,
        *,
        fields: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.message = message or self.text
        self.fields: dict[str, str] = dict(fields or {})
        self.headers: dict[str, str] = dict(headers or {})
        super().__init__(f"{self.code}: {self.message}")


class InternalError(S3Error):
    """Something that we did not foresee; the log has the traceback."""


# --- 304: not an error to the client, but the way out of a conditional read -----------


class NotModified(S3Error):
    code, status, text = "NotModified", 304, "Not Modified"


# --- 400 ------------------------------------------------------------------------------


class AuthorizationHeaderMalformed(S3Error):
    code, status = "AuthorizationHeaderMalformed", 400
    text = "The authorization header that you provided is not valid."


class AuthorizationQueryParametersError(S3Error):
    code, status = "AuthorizationQueryParametersError", 400
    text = "The authorization query parameters that you provided are not valid."


class BadRequest(S3Error):
    code, status, text = "BadRequest", 400, "Bad Request"


class BadDigest(S3Error):
    code, status = "BadDigest", 400
    text = "The Content-MD5 or checksum value that you specified did not match what the server received."


class EntityTooLarge(S3Error):
    code, status = "EntityTooLarge", 400
    text = "Your proposed upload exceeds the maximum allowed object size."


class EntityTooSmall(S3Error):
    code, status = "EntityTooSmall", 400
    text = "Your proposed upload is smaller than the minimum allowed object size."


class IllegalVersioningConfiguration(S3Error):
    code, status = "IllegalVersioningConfigurationException", 400
    text = "The versioning configuration specified in the request is invalid."


class IncompleteBody(S3Error):
    code, status = "IncompleteBody", 400
    text = "You did not provide the number of bytes specified by the Content-Length HTTP header."


class InvalidArgument(S3Error):
    code, status, text = "InvalidArgument", 400, "Invalid Argument"


class InvalidBucketAclWithObjectOwnership(S3Error):
    code, status = "InvalidBucketAclWithObjectOwnership", 400
    text = "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"


class InvalidBucketName(S3Error):
    code, status, text = "InvalidBucketName", 400, "The specified bucket is not valid."


class InvalidDigest(S3Error):
    code, status, text = "InvalidDigest", 400, "The Content-MD5 or checksum that you specified is not valid."


class InvalidBucketState(S3Error):
    code, status = "InvalidBucketState", 409
    text = "The request is not valid for the current state of the bucket."


class InvalidEncryptionAlgorithmError(S3Error):
    code, status = "InvalidEncryptionAlgorithmError", 400
    text = "The Encryption request you specified is not valid. Supported value: AES256."


class InvalidLocationConstraint(S3Error):
    code, status = "InvalidLocationConstraint", 400
    text = "The specified location constraint is not valid."


class InvalidPart(S3Error):
    code, status = "InvalidPart", 400
    text = "One or more of the specified parts could not be found, or its entity tag did not match."


class InvalidPartOrder(S3Error):
    code, status = "InvalidPartOrder", 400
    text = "The list of parts was not in ascending order."


class InvalidRedirectLocation(S3Error):
    code, status = "InvalidRedirectLocation", 400
    text = "The website redirect location must have a prefix of 'http://' or 'https://' or '/'."


class InvalidPolicyDocument(S3Error):
    code, status = "InvalidPolicyDocument", 400
    text = "The content of the form does not meet the conditions specified in the policy document."


class InvalidRequest(S3Error):
    code, status, text = "InvalidRequest", 400, "Invalid Request"


class InvalidRetentionPeriod(S3Error):
    code, status = "InvalidRetentionPeriod", 400
    text = "The retention period must be a positive number of days or years that is not too large."


class InvalidStorageClass(S3Error):
    code, status, text = "InvalidStorageClass", 400, "The storage class you specified is not valid."


class InvalidTag(S3Error):
    code, status, text = "InvalidTag", 400, "The tag provided was not a valid tag."


class InvalidURI(S3Error):
    code, status, text = "InvalidURI", 400, "Couldn't parse the specified URI."


class KeyTooLongError(S3Error):
    code, status, text = "KeyTooLongError", 400, "Your key is too long."


class MalformedACLError(S3Error):
    code, status = "MalformedACLError", 400
    text = "The XML that you provided was not well formed or did not validate against our published schema."


class MalformedPOSTRequest(S3Error):
    code, status = "MalformedPOSTRequest", 400
    text = "The body of your POST request is not well-formed multipart/form-data."


class MalformedPolicy(S3Error):
    code, status, text = "MalformedPolicy", 400, "The policy is not valid."


class MalformedTrailerError(S3Error):
    code, status = "MalformedTrailerError", 400
    text = "The request contained trailing data that was not well-formed or did not match what was announced."


class MalformedXML(S3Error):
    code, status = "MalformedXML", 400
    text = "The XML you provided was not well-formed or did not validate against our published schema."


class MaxMessageLengthExceeded(S3Error):
    code, status, text = "MaxMessageLengthExceeded", 400, "Your request was too big."


class MaxPostPreDataLengthExceeded(S3Error):
    code, status = "MaxPostPreDataLengthExceeded", 400
    text = "Your POST request fields preceding the upload file were too large."


class MetadataTooLarge(S3Error):
    code, status = "MetadataTooLarge", 400
    text = "Your metadata headers exceed the maximum allowed metadata size."


class MissingRequestBodyError(S3Error):
    code, status, text = "MissingRequestBodyError", 400, "Request body is empty."


class MissingSecurityHeader(S3Error):
    code, status, text = "MissingSecurityHeader", 400, "Your request was missing a required header."


class RequestHeaderSectionTooLarge(S3Error):
    code, status = "RequestHeaderSectionTooLarge", 400
    text = "Your request header section exceeds the maximum allowed size."


class RequestTimeout(S3Error):
    code, status = "RequestTimeout", 400
    text = "Your socket connection to the server was not read from or written to within the timeout period."


class UnresolvableGrantByEmailAddress(S3Error):
    code, status = "UnresolvableGrantByEmailAddress", 400
    text = "The email address you provided does not match any account on record."


class XAmzContentChecksumMismatch(S3Error):
    code, status = "XAmzContentChecksumMismatch", 400
    text = "The provided checksum does not match what was computed."


class XAmzContentSHA256Mismatch(S3Error):
    code, status = "XAmzContentSHA256Mismatch", 400
    text = "The provided 'x-amz-content-sha256' header does not match what was computed."


# --- 403 ------------------------------------------------------------------------------


class AccessDenied(S3Error):
    code, status, text = "AccessDenied", 403, "Access Denied"


class AccessForbidden(S3Error):
    """A page of another origin may not do this."""

    code, status, text = "AccessForbidden", 403, "Access Forbidden"


class AccessControlListNotSupported(S3Error):
    code, status, text = "AccessControlListNotSupported", 400, "The bucket does not allow ACLs."


class ObjectLocked(AccessDenied):
    """A retention or a legal hold keeps this version."""

    text = "Access Denied because object protected by object lock."


class InvalidAccessKeyId(S3Error):
    code, status = "InvalidAccessKeyId", 403
    text = "The access key ID that you provided does not exist in our records."


class RequestTimeTooSkewed(S3Error):
    code, status = "RequestTimeTooSkewed", 403
    text = "The difference between the request time and the server's time is too large."


class SignatureDoesNotMatch(S3Error):
    code, status = "SignatureDoesNotMatch", 403
    text = (
        "The request signature that the server calculated does not match the signature that you "
        "provided. Check your key and signing method."
    )


# --- 404, 405, 409, 411, 412, 416 -----------------------------------------------------


class NoSuchBucket(S3Error):
    code, status, text = "NoSuchBucket", 404, "The specified bucket does not exist."


class NoSuchKey(S3Error):
    code, status, text = "NoSuchKey", 404, "The specified key does not exist."


class NoSuchVersion(S3Error):
    code, status, text = "NoSuchVersion", 404, "The specified version does not exist."


class NoSuchUpload(S3Error):
    code, status = "NoSuchUpload", 404
    text = (
        "The specified multipart upload does not exist. The upload ID may be invalid, or the upload "
        "may have been aborted or completed."
    )


class MethodNotAllowed(S3Error):
    code, status = "MethodNotAllowed", 405
    text = "The specified method is not allowed against this resource."


class BucketAlreadyExists(S3Error):
    code, status = "BucketAlreadyExists", 409
    text = "The requested bucket name is not available. Select a different name and try again."


class BucketAlreadyOwnedByYou(S3Error):
    code, status = "BucketAlreadyOwnedByYou", 409
    text = "The bucket that you tried to create already exists, and you own it."


class BucketNotEmpty(S3Error):
    code, status, text = "BucketNotEmpty", 409, "The bucket you tried to delete is not empty."


class ConditionalRequestConflict(S3Error):
    code, status = "ConditionalRequestConflict", 409
    text = "A conflicting operation occurred. Retry the upload."


class OperationAborted(S3Error):
    code, status = "OperationAborted", 409
    text = "A conflicting conditional action is currently in progress against this resource. Try again."


class MissingContentLength(S3Error):
    code, status = "MissingContentLength", 411
    text = "You must provide the Content-Length HTTP header."


class PreconditionFailed(S3Error):
    code, status = "PreconditionFailed", 412
    text = "At least one of the preconditions that you specified did not hold."


class InvalidRange(S3Error):
    code, status, text = "InvalidRange", 416, "The requested range cannot be satisfied."


class InvalidPartNumber(S3Error):
    code, status, text = "InvalidPartNumber", 416, "The requested partnumber is not satisfiable."


# --- 501, 503 -------------------------------------------------------------------------


class NotImplementedByUs(S3Error):
    code, status = "NotImplemented", 501
    text = "A header or query that you provided implies functionality that is not implemented."


class SlowDown(S3Error):
    code, status, text = "SlowDown", 503, "Please reduce your request rate."

    def __init__(self, message: str | None = None, *, retry_after: int = 2) -> None:
        super().__init__(message, headers={"Retry-After": str(retry_after)})


class ServiceUnavailable(S3Error):
    code, status, text = "ServiceUnavailable", 503, "Service is unable to handle request."


class BackendUnavailable(ServiceUnavailable):
    """A backend is down, is not the place that we know, or does not answer in time."""

    text = "The storage behind this bucket cannot be reached. Try again."


class StorageFull(ServiceUnavailable):
    """The disk is full; nothing of the request was kept."""

    text = "The storage behind this bucket is full. Nothing was written."
