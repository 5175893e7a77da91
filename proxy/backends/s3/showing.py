"""What a service shows of a version and what the version says of itself, as the facts of an object. Pure.

Times of the service are taken in whole seconds everywhere: answers about one object tell no more, so
that listings, which may, say the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from proxy.backends.s3.answers import Facts, Listed
from proxy.backends.s3.facts import Known
from proxy.backends.s3.stamps import Stamp, of_metadata, shown
from proxy.backends.seals import UNENCRYPTED, Encryption
from proxy.backends.values import NULL_VERSION, STORAGE_CLASS, UNLOCKED, Lock, ObjectInfo
from proxy.wire.dates import parse_iso_ms
from proxy.wire.headers import DEFAULT_CONTENT_TYPE

_KEPT = (
    "content-type",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "expires",
    "x-amz-website-redirect-location",
)
_USUAL_CLASS = "STANDARD"
_EMPTY = hashlib.md5(b"", usedforsecurity=False).hexdigest()
"""The ETag of an object without bytes, which SeaweedFS leaves away in listings."""
_LOCK_MODE = "x-amz-object-lock-mode"
_LOCK_UNTIL = "x-amz-object-lock-retain-until-date"
_LOCK_HOLD = "x-amz-object-lock-legal-hold"
_ENCRYPTED = "x-amz-server-side-encryption"
_ENCRYPTED_KEY = "x-amz-server-side-encryption-aws-kms-key-id"


@dataclass(frozen=True, slots=True)
class Shown:
    """One version or delete marker as the service shows it. `modified`: milliseconds, whole seconds.

    `stamp` is what its metadata says; a listing does not tell (None).
    """

    key: str
    size: int
    etag: str
    modified: int
    version_id: str = NULL_VERSION
    latest: bool = True
    marker: bool = False
    stamp: Stamp | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    lock: Lock = UNLOCKED
    encryption: Encryption = UNENCRYPTED

    @classmethod
    def in_answer(cls, key: str, facts: Facts, *, latest: bool = True) -> Shown:
        """By the head of an answer to GET or HEAD."""
        return cls(
            key=key,
            size=facts.whole_size,
            etag=facts.etag,
            modified=_second(facts.last_modified),
            version_id=facts.version_id or NULL_VERSION,
            latest=latest,
            stamp=of_metadata(facts.metadata),
            headers=_headers(facts.headers),
            metadata=shown(facts.metadata),
            lock=_lock(facts.headers),
            encryption=encryption_of(facts),
        )

    @classmethod
    def in_listing(cls, listed: Listed) -> Shown:
        """By a row of a listing of objects or versions."""
        unusual = listed.storage_class not in ("", _USUAL_CLASS)
        return cls(
            key=listed.key,
            size=listed.size,
            etag=listed.etag or ("" if listed.size or listed.marker else _EMPTY),
            modified=_second(listed.last_modified),
            version_id=listed.version_id or NULL_VERSION,
            latest=listed.latest,
            marker=listed.marker,
            headers={STORAGE_CLASS: listed.storage_class} if unusual else {},
        )


def tagged(facts: Facts) -> bool:
    """Whether an object has tags, as far as the service says; where it does not, it may."""
    return facts.headers.get("x-amz-tagging-count", "0") != "0"


def info_of(seen: Shown, stamp: Stamp, ordinal: int) -> ObjectInfo:
    """The facts of an object; the stamp is complete."""
    said = seen.etag if stamp.etag is None else stamp.etag
    return ObjectInfo(
        key=seen.key,
        size=seen.size if stamp.size is None else stamp.size,
        etag="" if seen.marker else said,
        last_modified=seen.modified if stamp.modified is None else stamp.modified,
        seq=seen.modified,
        headers=seen.headers,
        metadata=seen.metadata,
        tags=seen.tags,
        owner_id=stamp.owner_id,
        checksums=stamp.checksums,
        checksum_type=stamp.checksum_type,
        parts=stamp.parts,
        version_id=seen.version_id,
        ordinal=ordinal,
        marker=seen.marker,
        latest=seen.latest,
        lock=seen.lock,
        acl=stamp.acl,
        seal=stamp.seal,
        encryption=seen.encryption,
    )


def listed(info: ObjectInfo) -> ObjectInfo:
    """As listings show it: what takes no further question."""
    kept = {name: value for name, value in info.headers.items() if name == STORAGE_CLASS}
    return replace(info, headers=kept, metadata={}, tags={}, parts=(), lock=UNLOCKED, acl="")


def settled(stamp: Stamp | None, known: Known | None) -> Stamp | None:
    """The stamp to go by, None if it must be asked for: the object's own, completed by a row that holds.

    What an object says goes before what was noted of it; a listing has only the row to go by.
    """
    if stamp is None:
        return None if known is None else known.stamp
    return known.stamp if stamp.late and known is not None else stamp


def needs_description(stamp: Stamp) -> bool:
    """Whether it is a sealed object whose plaintext the stamp does not tell of."""
    return stamp.seal is not None and (stamp.size is None or stamp.etag is None or not stamp.seal.segments)


# -- toward the service ----------------------------------------------------------------------


def sent_headers(headers: Mapping[str, str], metadata: Mapping[str, str]) -> dict[str, str]:
    """What a write says of an object: its standard headers and its metadata."""
    said = {"content-type": DEFAULT_CONTENT_TYPE, **headers}
    said.update((f"x-amz-meta-{name}", value) for name, value in metadata.items())
    return said


def lock_headers(lock: Lock, iso_until: str) -> dict[str, str]:
    """`iso_until` is `lock.until` in ISO 8601."""
    said = {_LOCK_MODE: lock.mode, _LOCK_UNTIL: iso_until} if lock.mode else {}
    return {**said, _LOCK_HOLD: "ON"} if lock.hold else said


def encryption_of(facts: Facts) -> Encryption:
    """What the service says of its own encryption."""
    mode = facts.headers.get(_ENCRYPTED, "")
    return Encryption(mode, facts.headers.get(_ENCRYPTED_KEY, "")) if mode else UNENCRYPTED


def encryption_headers(mode: str, kms_key_id: str | None) -> dict[str, str]:
    """What asks a service to encrypt by itself; nothing for modes that are none of its business."""
    if mode == "sse-s3":
        return {_ENCRYPTED: "AES256"}
    if mode == "sse-kms":
        key = {_ENCRYPTED_KEY: kms_key_id} if kms_key_id else {}
        return {_ENCRYPTED: "aws:kms", **key}
    return {}


def encryption_told(mode: str, kms_key_id: str | None) -> Encryption:
    """What a service will say of what it was asked to encrypt."""
    asked = encryption_headers(mode, kms_key_id)
    return Encryption(asked[_ENCRYPTED], asked.get(_ENCRYPTED_KEY, "")) if asked else UNENCRYPTED


def _headers(headers: Mapping[str, str]) -> dict[str, str]:
    kept = {name: headers[name] for name in _KEPT if headers.get(name)}
    if headers.get(STORAGE_CLASS, _USUAL_CLASS) != _USUAL_CLASS:
        kept[STORAGE_CLASS] = headers[STORAGE_CLASS]
    return kept


def _lock(headers: Mapping[str, str]) -> Lock:
    mode = headers.get(_LOCK_MODE, "")
    until = parse_iso_ms(headers.get(_LOCK_UNTIL, "")) or 0
    return Lock(mode, until if mode else 0, headers.get(_LOCK_HOLD, "") == "ON")


def _second(ms: int) -> int:
    return ms // 1000 * 1000
