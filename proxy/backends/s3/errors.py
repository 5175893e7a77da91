"""What a service answers and what happens on the way to it, as errors of ours.

Clients of the gateway must never read a fault of the service, of the network or of our own
credentials there as a fact about their bucket: whatever is not certain is BackendUnavailable.
Source: Amazon S3 API Reference, "Error responses".
"""

from __future__ import annotations

from collections.abc import Mapping

from proxy import errors
from proxy.errors import BackendUnavailable, MalformedXML, NotImplementedByUs, S3Error, SlowDown, StorageFull
from proxy.wire.xml.parsing import parse

MAX_RETRY_AFTER = 60
"""Seconds; what a service asks for beyond it is not believed."""


class Unreachable(BackendUnavailable):
    """There is no connection; nothing of the request arrived."""


class Broken(BackendUnavailable):
    """The connection broke or fell silent: whether the request had an effect is not known."""


class ServiceFault(BackendUnavailable):
    """The service answered that it has a fault (5xx), or something that is no answer of S3."""


class BucketMissing(BackendUnavailable):
    """The service is sure that the real bucket is not there."""


class Refused(BackendUnavailable):
    """The service does not let the gateway do this; `service_code` is its own word for why."""

    def __init__(self, message: str, service_code: str) -> None:
        super().__init__(message)
        self.service_code = service_code


FAULTS = (Unreachable, Broken, ServiceFault)
"""What says that the service is ill, and may pass."""

_PASSED_ON: Mapping[str, type[S3Error]] = {
    kind.code: kind
    for kind in (
        errors.BadDigest,
        errors.BucketAlreadyExists,
        errors.BucketAlreadyOwnedByYou,
        errors.BucketNotEmpty,
        errors.ConditionalRequestConflict,
        errors.EntityTooLarge,
        errors.EntityTooSmall,
        errors.InvalidArgument,
        errors.InvalidBucketName,
        errors.InvalidBucketState,
        errors.InvalidDigest,
        errors.InvalidPart,
        errors.InvalidPartNumber,
        errors.InvalidPartOrder,
        errors.InvalidRange,
        errors.InvalidRequest,
        errors.InvalidRetentionPeriod,
        errors.InvalidStorageClass,
        errors.InvalidTag,
        errors.KeyTooLongError,
        errors.MetadataTooLarge,
        errors.MethodNotAllowed,
        errors.NoSuchKey,
        errors.NoSuchUpload,
        errors.NoSuchVersion,
        errors.NotModified,
        errors.OperationAborted,
        errors.PreconditionFailed,
    )
}
"""The service's code -> the error that means the same here."""

_SAME_AS: Mapping[str, str] = {
    "InvalidTagError": "InvalidTag",
    "XAmzContentChecksumMismatch": "BadDigest",
    "MissingContentLength": "InvalidRequest",
}
_BUSY = frozenset(
    {"SlowDown", "RequestLimitExceeded", "ThrottlingException", "Throttling", "TooManyRequests"}
)
_FULL = frozenset({"InsufficientStorage", "QuotaExceeded", "XMinioStorageFull"})
_FAULTY = frozenset({"InternalError", "ServiceUnavailable", "RequestTimeout", "IncompleteBody"})
"""(What we send is whole: if less arrives, it was lost on the way, and no client can mend that.)"""
_BY_STATUS: Mapping[int, str] = {
    304: "NotModified",
    404: "NoSuchKey",
    405: "MethodNotAllowed",
    409: "OperationAborted",
    412: "PreconditionFailed",
    416: "InvalidRange",
    429: "SlowDown",
    501: "NotImplemented",
    507: "InsufficientStorage",
}
"""For answers without a document: those to HEAD, and what proxies say."""
_ABOUT_THE_OBJECT = frozenset({404, 405, 409, 412, 416})
"""What only S3 itself can know; but for HEAD it says so in a document, and a proxy's page is none."""

_ROOT_WITHIN = 1024
"""Bytes of a document within which its root begins."""
_TOLD = ("x-amz-delete-marker", "x-amz-version-id", "last-modified", "allow")
"""Headers that belong to the error."""


def of_answer(
    backend: str, bucket: str, status: int, headers: Mapping[str, str], document: bytes, method: str = "GET"
) -> S3Error:
    """The error that an answer means; `document` is empty for HEAD."""
    code, message = _read(document)
    if not code and method != "HEAD" and status in _ABOUT_THE_OBJECT:
        return unreadable(backend)
    asked = retry_after(headers)
    bare = "SlowDown" if status == 503 and asked else _BY_STATUS.get(status, "")
    error = of_code(backend, bucket, code or bare, message, status)
    if isinstance(error, SlowDown):
        error.headers["Retry-After"] = str(asked or error.headers["Retry-After"])
    else:
        error.headers.update({name: headers[name] for name in _TOLD if name in headers})
    return error


def of_code(backend: str, bucket: str, code: str, message: str = "", status: int = 0) -> S3Error:
    """The error that a service's code means; without a `status` it is about one of several things."""
    code = _SAME_AS.get(code, code)
    if code == "NoSuchBucket":
        return missing(backend, bucket)
    if code in _BUSY:
        return SlowDown(f"The storage {backend!r} asks for fewer requests.")
    if code in _FULL:
        return StorageFull(f"The storage {backend!r} is full. Nothing was written.")
    if code == "NotImplemented":
        return NotImplementedByUs(f"The storage {backend!r} cannot do this: {message or code}.")
    if code in _PASSED_ON:
        return _PASSED_ON[code](message or None)
    said = f"{status or ''} {code}".strip()
    if status >= 500 or code in _FAULTY:
        return ServiceFault(f"The storage {backend!r} has a fault ({said}). Try again.")
    return Refused(f"The storage {backend!r} refused what the gateway asked ({said}).", code)


def missing(backend: str, bucket: str) -> BucketMissing:
    """The real bucket is not there."""
    return BucketMissing(f"The bucket {bucket!r} on the storage {backend!r} is not there.")


def unreadable(backend: str) -> ServiceFault:
    """The answer is not what S3 answers."""
    return ServiceFault(f"The storage {backend!r} answered with something that is not S3.")


def retry_after(headers: Mapping[str, str]) -> int:
    """Seconds that the service asks to wait, at most MAX_RETRY_AFTER; 0 if it does not say."""
    text = headers.get("retry-after", "")
    return min(int(text), MAX_RETRY_AFTER) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def is_error(document: bytes) -> bool:
    """Whether it is the error that a service sends with status 200, once it had begun to answer.

    Source: Amazon S3 API Reference, CopyObject and CompleteMultipartUpload.
    """
    return b"<Error" in document[:_ROOT_WITHIN] and any(_read(document))


def _read(document: bytes) -> tuple[str, str]:
    """(code, message), empty if it is no error document."""
    try:
        root = parse(document, "Error")
    except MalformedXML:
        return "", ""
    texts = {child.name: child.text.strip() for child in root.children}
    return texts.get("Code", ""), texts.get("Message", "")
