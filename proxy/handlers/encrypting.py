"""What a request says about encryption, held against what its bucket does and how its object is sealed.

Each function is asked before a byte of the body is taken.
"""

from __future__ import annotations

from proxy.backends.base import ObjectReader
from proxy.backends.seals import Encryption
from proxy.backends.values import UploadInfo
from proxy.errors import AccessDenied, InvalidRequest, NotImplementedByUs
from proxy.handlers.call import Call
from proxy.wire import encryption
from proxy.wire.encryption import CUSTOMER, CustomerKey
from proxy.wire.forwarded import is_loopback

_IN_CLEAR = (
    "Requests specifying Server Side Encryption with Customer provided keys must be made over a secure "
    "connection."
)
_NEEDED = (
    "The object was stored using a form of Server Side Encryption. The correct parameters must be provided "
    "to retrieve the object."
)
_NOT_APPLICABLE = "The encryption parameters are not applicable to this object."
_OTHER_KEY = (
    "Requests specifying Server Side Encryption with Customer provided keys must provide the correct "
    "secret key."
)
_PARTS_TOO = (
    "The multipart upload initiate requested encryption. Subsequent part requests must include the "
    "appropriate encryption parameters."
)
_OTHER_KEY_OF_UPLOAD = "The provided encryption parameters did not match the ones used originally."

_CONFIGURED_BY = {
    encryption.AES256: "aes256-gcm-proxy or sse-s3",
    encryption.KMS: "sse-kms with that kms_key_id",
}
"""What clients ask for -> the `encryption.mode` of a backend that does it."""


def check_asked(call: Call) -> None:
    """All that can be said of a request's headers before its body is asked for; its handler asks again.

    Raises what `key_of_new` and `key_of_read` do.
    """
    if encryption.MANAGED_HEADER in call.request.headers:
        key_of_new(call)
    for of_source in (False, True):
        key_of_read(call, of_source=of_source)


def key_of_new(call: Call) -> CustomerKey | None:
    """The key that is to seal what a request writes; None if the bucket's own encryption, if any, does.

    Raises what `asked_encryption` does, NotImplemented for encryption that the backend does not do, and
    InvalidRequest for a key that came in clear.
    """
    _check_secure(call)
    asked = encryption.asked_encryption(call.request.headers)
    if asked.mode:
        own = call.store.encryption.key if asked.mode == encryption.KMS else ""
        require_done(call, Encryption(asked.mode, asked.kms_key_id or own))
    return asked.customer


def require_done(call: Call, wanted: Encryption) -> None:
    """Raise NotImplemented, naming the backend and what it lacks, unless the bucket encrypts just so."""
    if wanted == call.store.encryption:
        return
    told = f"The storage {call.here.route.backend!r} behind this bucket does not encrypt with {wanted.mode}"
    if wanted.key:
        told += f" and the key {wanted.key}"
    mode = _CONFIGURED_BY.get(wanted.mode)
    advice = f"; its encryption.mode would have to be {mode}." if mode else "."
    raise NotImplementedByUs(told + advice)


def key_of_read(call: Call, *, of_source: bool = False) -> CustomerKey | None:
    """The client's key to what a request reads or goes on with; `of_source` is that of a copy's source.

    Raises what `customer_key` does, and InvalidRequest for a key that came in clear.
    """
    _check_secure(call)
    names = encryption.SOURCE_HEADERS if of_source else encryption.CUSTOMER_HEADERS
    return encryption.customer_key(call.request.headers, names)


def _check_secure(call: Call) -> None:
    request = call.request
    if not encryption.brings_key(request.headers):
        return
    if not (request.scheme == "https" or call.keys_in_clear or is_loopback(request.client)):
        raise InvalidRequest(_IN_CLEAR)


def check_key(sealed: Encryption, key: CustomerKey | None) -> None:
    """Whether this is what is needed to read an object: its key, or none.

    Raises InvalidRequest without the key, or with one that there is no use for, AccessDenied for another.
    """
    if sealed.mode != CUSTOMER:
        if key is not None:
            raise InvalidRequest(_NOT_APPLICABLE)
    elif key is None:
        raise InvalidRequest(_NEEDED)
    elif key.md5 != sealed.key:
        raise AccessDenied(_OTHER_KEY)


def unlock(reader: ObjectReader, key: CustomerKey | None) -> None:
    """Make an open object readable. Raises as `check_key` does."""
    check_key(reader.info.encryption, key)
    if key is not None:
        reader.unlock(key.key)


def key_of_part(call: Call, upload: UploadInfo) -> CustomerKey | None:
    """The key of an upload, which comes with each of its parts.

    Raises what `key_of_read` does, and InvalidRequest if it is missing, unexpected or another.
    """
    key = key_of_read(call)
    if (upload.encryption.mode == CUSTOMER) != (key is not None):
        raise InvalidRequest(_PARTS_TOO)
    return _checked(upload, key)


def key_of_completion(call: Call, upload: UploadInfo) -> CustomerKey | None:
    """As `key_of_part`, but it may be left away."""
    key = key_of_read(call)
    if key is not None and upload.encryption.mode != CUSTOMER:
        raise InvalidRequest(_NOT_APPLICABLE)
    return _checked(upload, key)


def _checked(upload: UploadInfo, key: CustomerKey | None) -> CustomerKey | None:
    if key is not None and key.md5 != upload.encryption.key:
        raise InvalidRequest(_OTHER_KEY_OF_UPLOAD)
    return key


def of_new(call: Call, customer_key: bytes | None) -> Encryption:
    """How what is written with that key, or without one, is sealed."""
    if customer_key is None:
        return call.store.encryption
    return Encryption(CUSTOMER, CustomerKey.of(customer_key).md5)


def told(sealed: Encryption) -> dict[str, str]:
    """The headers of an answer about an object, or an upload, that is sealed like that."""
    return encryption.tell(sealed.mode, sealed.key)
