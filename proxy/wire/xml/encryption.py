"""The encryption that a bucket's new objects get, as a document.

Source: Amazon S3 API Reference, GetBucketEncryption, PutBucketEncryption, ServerSideEncryptionRule.
"""

from __future__ import annotations

from dataclasses import dataclass

from proxy.errors import InvalidArgument, MalformedXML
from proxy.wire.encryption import AES256, DSSE, KMS
from proxy.wire.xml.document import document, element, flag, optional
from proxy.wire.xml.parsing import Node, parse

_ROOT, _DEFAULT, _BLOCKED = (
    "ServerSideEncryptionConfiguration",
    "ApplyServerSideEncryptionByDefault",
    "BlockedEncryptionTypes",
)
_NO_KEY_FOR_IT = (
    "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse"
)


@dataclass(frozen=True, slots=True)
class EncryptionRule:
    """What a bucket is to do. `mode` is "" where the rule says nothing of it, `kms_key_id` "" for the
    service's own key; `blocks` are the kinds of encryption that clients may not use."""

    mode: str = ""
    kms_key_id: str = ""
    bucket_key: bool = False
    blocks: tuple[str, ...] = ()


def bucket_encryption(mode: str, kms_key_id: str) -> bytes:
    """ServerSideEncryptionConfiguration of a bucket that encrypts by `mode`."""
    default = element("SSEAlgorithm", mode) + optional("KMSMasterKeyID", kms_key_id)
    return document(
        _ROOT, f"<Rule><{_DEFAULT}>{default}</{_DEFAULT}>{flag('BucketKeyEnabled', False)}</Rule>"
    )


def read_bucket_encryption(content: bytes) -> EncryptionRule:
    """Raises MalformedXML, and InvalidArgument for a key that the algorithm has no use for."""
    (rule,) = parse(content, _ROOT).all_of("Rule", 1)
    fields = rule.only(_DEFAULT, "BucketKeyEnabled", _BLOCKED)
    if not fields:
        raise MalformedXML()
    mode, kms_key_id = _default(fields[_DEFAULT]) if _DEFAULT in fields else ("", "")
    blocked = fields[_BLOCKED].all_of("EncryptionType", 2) if _BLOCKED in fields else []
    blocks = {_one_of(node, "NONE", "SSE-C") for node in blocked} - {"NONE"}
    bucket_key = (
        "BucketKeyEnabled" in fields and _one_of(fields["BucketKeyEnabled"], "true", "false") == "true"
    )
    return EncryptionRule(mode, kms_key_id, bucket_key, tuple(blocks))


def _default(node: Node) -> tuple[str, str]:
    fields = node.only("SSEAlgorithm", "KMSMasterKeyID")
    if "SSEAlgorithm" not in fields:
        raise MalformedXML()
    mode = _one_of(fields["SSEAlgorithm"], AES256, KMS, DSSE)
    kms_key_id = fields["KMSMasterKeyID"].text.strip() if "KMSMasterKeyID" in fields else ""
    if kms_key_id and mode == AES256:
        raise InvalidArgument(_NO_KEY_FOR_IT, fields={"ArgumentName": _DEFAULT})
    return mode, kms_key_id


def _one_of(node: Node, *known: str) -> str:
    text = node.text.strip()
    if text not in known:
        raise MalformedXML()
    return text
