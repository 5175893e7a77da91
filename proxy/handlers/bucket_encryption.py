"""How a bucket's new objects are encrypted: its backend's configuration, which clients can read.

What they put is accepted if it is so already, and refused if it would be a change.
"""

from __future__ import annotations

from proxy.absences import ServerSideEncryptionConfigurationNotFoundError
from proxy.backends.seals import Encryption
from proxy.errors import NotImplementedByUs
from proxy.handlers.call import Answer, Call, document
from proxy.handlers.encrypting import require_done
from proxy.wire import xml
from proxy.wire.encryption import AES256


def get_encryption(call: Call) -> Answer:
    """Raises ServerSideEncryptionConfigurationNotFoundError where objects are stored as they come."""
    now = call.store.encryption
    if not now.mode:
        raise ServerSideEncryptionConfigurationNotFoundError(fields={"BucketName": call.here.name})
    return document(xml.bucket_encryption(now.mode, now.key))


def put_encryption(call: Call) -> Answer:
    """Raises MalformedXML, InvalidArgument, and NotImplemented for what is not so already."""
    rule = xml.read_bucket_encryption(call.document())
    for element, asked in (("BucketKeyEnabled", rule.bucket_key), ("BlockedEncryptionTypes", rule.blocks)):
        if asked:
            raise NotImplementedByUs(fields={"Element": element})
    if rule.mode:
        require_done(call, Encryption(rule.mode, rule.kms_key_id))
    return Answer(200)


def delete_encryption(call: Call) -> Answer:
    """Back to what S3 does by itself: nothing to do where objects are encrypted so, or not at all.

    Raises NotImplemented where a KMS encrypts.
    """
    if call.store.encryption.mode not in ("", AES256):
        require_done(call, Encryption(AES256))
    return Answer(204)
