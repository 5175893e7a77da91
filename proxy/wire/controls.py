"""The documents of public access blocks, ownership controls and policy status. Pure.

Source: Amazon S3 API Reference, PutPublicAccessBlock, PutBucketOwnershipControls,
GetBucketPolicyStatus.
"""

from __future__ import annotations

from collections.abc import Sequence

from proxy.errors import MalformedXML
from proxy.wire.xml.document import document, element, flag
from proxy.wire.xml.parsing import parse

OWNERSHIPS = ("BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter")
_WORDS = {"true": True, "false": False}


def read_public_access_block(content: bytes, switches: Sequence[str]) -> tuple[str, ...]:
    """The switches that are on; one that is not named is off. Raises MalformedXML."""
    found = parse(content, "PublicAccessBlockConfiguration").only(*switches)
    if any(node.text.strip().lower() not in _WORDS for node in found.values()):
        raise MalformedXML()
    return tuple(name for name in switches if name in found and _WORDS[found[name].text.strip().lower()])


def write_public_access_block(on: Sequence[str], switches: Sequence[str]) -> bytes:
    return document("PublicAccessBlockConfiguration", *[flag(name, name in on) for name in switches])


def read_ownership_controls(content: bytes) -> str:
    """The object ownership of the one rule. Raises MalformedXML."""
    (rule,) = parse(content, "OwnershipControls").all_of("Rule", 1)
    found = rule.only("ObjectOwnership").get("ObjectOwnership")
    text = found.text.strip() if found else ""
    if text not in OWNERSHIPS:
        raise MalformedXML()
    return text


def write_ownership_controls(ownership: str) -> bytes:
    return document("OwnershipControls", f"<Rule>{element('ObjectOwnership', ownership)}</Rule>")


def write_policy_status(public: bool) -> bytes:
    return document("PolicyStatus", flag("IsPublic", public))
