"""What requests ask and answers tell about encryption at rest. Pure.

Sources: Amazon S3 API Reference, PutObject, CopyObject, UploadPart, GetObject; Amazon S3 User Guide,
"Specifying server-side encryption with customer-provided keys (SSE-C)". An error about a customer's
key names `x-amz-server-side-encryption` and no value, as S3's do: the key must not be told again.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from proxy.errors import (
    InvalidArgument,
    InvalidEncryptionAlgorithmError,
    NotImplementedByUs,
)

AES256, KMS, DSSE = "AES256", "aws:kms", "aws:kms:dsse"
CUSTOMER = "customer"
"""The mode of what a client's own key seals (SSE-C); clients know it by other headers than the rest."""
KEY_BYTES = 32

MANAGED_HEADER = "x-amz-server-side-encryption"
CUSTOMER_HEADERS = tuple(f"{MANAGED_HEADER}-customer-{name}" for name in ("algorithm", "key", "key-md5"))
SOURCE_HEADERS = tuple(f"x-amz-copy-source-{name.removeprefix('x-amz-')}" for name in CUSTOMER_HEADERS)
"""Algorithm, key and MD5 of the key to what is written or read, and of that to a copy's source."""
_KMS_KEY, _CONTEXT = f"{MANAGED_HEADER}-aws-kms-key-id", f"{MANAGED_HEADER}-context"
_BUCKET_KEY = f"{MANAGED_HEADER}-bucket-key-enabled"
_MANAGED = (MANAGED_HEADER, _KMS_KEY, _CONTEXT, _BUCKET_KEY)
_KEY, _SOURCE_KEY = CUSTOMER_HEADERS[1], SOURCE_HEADERS[1]

_SAYS = "Requests specifying Server Side Encryption with Customer provided keys must"
_NO_ALGORITHM = f"{_SAYS} provide a valid encryption algorithm."
_NO_KEY = f"{_SAYS} provide an appropriate secret key."
_NO_MD5 = f"{_SAYS} provide the client calculated MD5 of the secret key."
_WRONG_MD5 = "The calculated MD5 hash of the key did not match the hash that was provided."
_WRONG_SIZE = "The secret key was invalid for the specified algorithm."
_BOTH = (
    "Server Side Encryption with Customer provided key is incompatible with the encryption method specified"
)
_UNKNOWN = "The encryption method specified is not supported"
_NO_KMS = f"Server Side Encryption with AWS KMS managed key requires HTTP header {MANAGED_HEADER} : {KMS}"


@dataclass(frozen=True, slots=True)
class CustomerKey:
    """A client's own key (SSE-C), and its MD5 in base64, by which both sides name it."""

    key: bytes = field(repr=False)
    md5: str

    @classmethod
    def of(cls, key: bytes) -> CustomerKey:
        return cls(key, base64.b64encode(hashlib.md5(key, usedforsecurity=False).digest()).decode("ascii"))


@dataclass(frozen=True, slots=True)
class Asked:
    """How a write wants its object encrypted. `mode` is "" (as the bucket has it), AES256 or a KMS's;
    `kms_key_id` is "" for the bucket's own; with a `customer` key there is neither."""

    mode: str = ""
    kms_key_id: str = ""
    customer: CustomerKey | None = None


def asked_encryption(headers: Mapping[str, str]) -> Asked:
    """What the headers of a write ask for.

    Raises InvalidArgument, InvalidEncryptionAlgorithmError, and NotImplemented for an encryption
    context or a bucket key of a KMS, which nobody would honour.
    """
    mode = headers.get(MANAGED_HEADER)
    if any(name in headers for name in CUSTOMER_HEADERS):
        for name in _MANAGED:
            if name in headers:
                raise _wrong(_BOTH, headers[name])
        return Asked(customer=customer_key(headers))
    if mode is not None and mode not in (AES256, KMS, DSSE):
        raise _wrong(_UNKNOWN, mode)
    if _KMS_KEY in headers and mode not in (KMS, DSSE):
        raise _wrong(_NO_KMS, mode or "null")
    if _CONTEXT in headers or headers.get(_BUCKET_KEY, "false").lower() != "false":
        raise NotImplementedByUs(fields={"Header": _CONTEXT if _CONTEXT in headers else _BUCKET_KEY})
    return Asked(mode or "", headers.get(_KMS_KEY, ""))


def customer_key(headers: Mapping[str, str], names: tuple[str, ...] = CUSTOMER_HEADERS) -> CustomerKey | None:
    """The client's own key, None if there is none; with SOURCE_HEADERS the key to a copy's source.

    Raises InvalidArgument, InvalidEncryptionAlgorithmError.
    """
    algorithm, text, md5 = map(headers.get, names)
    if algorithm is None:
        if text is not None or md5 is not None:
            raise _wrong(_NO_ALGORITHM)
        return None
    if algorithm != AES256:
        raise InvalidEncryptionAlgorithmError(fields=_argument(algorithm))
    if text is None:
        raise _wrong(_NO_KEY)
    if md5 is None:
        raise _wrong(_NO_MD5)
    try:
        found = CustomerKey.of(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        raise _wrong(_WRONG_SIZE) from None
    if md5 != found.md5:
        raise _wrong(_WRONG_MD5)
    if len(found.key) != KEY_BYTES:
        raise _wrong(_WRONG_SIZE)
    return found


_WRITES = frozenset({"PutObject", "PostObject", "CopyObject", "CreateMultipartUpload"})
_COPIES = frozenset({"CopyObject", "UploadPartCopy"})
_WITH_KEYS = frozenset(
    {
        *("UploadPart", "CompleteMultipartUpload", "ListParts", "SelectObjectContent"),
        *("GetObject", "HeadObject", "GetObjectAttributes"),
        *_WRITES,
        *_COPIES,
    }
)
_TAKEN_BY = {
    **dict.fromkeys(_MANAGED, _WRITES),
    **dict.fromkeys(CUSTOMER_HEADERS, _WITH_KEYS),
    **dict.fromkeys(SOURCE_HEADERS, _COPIES),
}
"""Header -> the operations that it means something to."""


def check_taken(header: str, operation: str) -> None:
    """Raise NotImplemented for an encryption header that S3 does not know, InvalidArgument for one that
    this operation does not take: the encryption of what exists cannot be asked for."""
    takes = _TAKEN_BY.get(header)
    if takes is None:
        raise NotImplementedByUs(fields={"Header": header})
    if operation not in takes:
        raise InvalidArgument(
            f"{header} header is not supported for this operation.", fields={"ArgumentName": header}
        )


def is_mentioned(headers: Mapping[str, str]) -> bool:
    """Whether a request says anything about encryption that could be done."""
    return MANAGED_HEADER in headers or CUSTOMER_HEADERS[0] in headers or SOURCE_HEADERS[0] in headers


def brings_key(headers: Mapping[str, str]) -> bool:
    """Whether a customer's key is in the headers, for which the connection must be secure."""
    return _KEY in headers or _SOURCE_KEY in headers


def without_keys(text: str, headers: Mapping[str, str]) -> str:
    """A text for the client or a log in which the customer's keys of a request do not stand."""
    for value in filter(None, map(headers.get, (_KEY, _SOURCE_KEY))):
        for written in (value, " ".join(value.split())):  # (as it came, and as it is signed)
            text = text.replace(written, "***")
    return text


def is_key(name: str) -> bool:
    """Whether a header, or a form's field, of that name holds a customer's key."""
    return name in (_KEY, _SOURCE_KEY)


def tell(mode: str, key: str) -> dict[str, str]:
    """The headers by which an answer tells how its object is encrypted.

    `mode` is "" (it is not), AES256, aws:kms or CUSTOMER; `key` the KMS key's id or the MD5 of the
    customer's.
    """
    if mode == CUSTOMER:
        return {CUSTOMER_HEADERS[0]: AES256, f"{_KEY}-MD5": key}
    told = {MANAGED_HEADER: mode} if mode else {}
    if mode == KMS and key:
        told[_KMS_KEY] = key
    return told


def _wrong(message: str, value: str = "null") -> InvalidArgument:
    return InvalidArgument(message, fields=_argument(value))


def _argument(value: str) -> dict[str, str]:
    return {"ArgumentName": MANAGED_HEADER, "ArgumentValue": value}
