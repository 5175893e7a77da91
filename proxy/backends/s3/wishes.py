"""A put before it is done: what is sent with it, and what will be known of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from proxy.backends.bodies import refuse_other_bytes
from proxy.backends.s3.guarding import UNGUARDED, Guard
from proxy.backends.s3.places import At
from proxy.backends.s3.showing import lock_headers, sent_headers
from proxy.backends.s3.stamps import Stamp, of_info, stamped
from proxy.backends.seals import UNENCRYPTED, PlainFacts, Seal
from proxy.backends.values import UNLOCKED, Lock, NewObject, ObjectInfo
from proxy.wire.dates import iso_ms
from proxy.wire.encoding import encode


def headers_of(
    headers: Mapping[str, str],
    metadata: Mapping[str, str],
    tags: Mapping[str, str],
    lock: Lock,
    stamp: Stamp,
) -> dict[str, str]:
    """What a write says of its object. Raises MetadataTooLarge."""
    said = sent_headers(headers, stamped(metadata, stamp))
    if tags:
        said["x-amz-tagging"] = "&".join(f"{encode(name)}={encode(value)}" for name, value in tags.items())
    if lock != UNLOCKED:
        said.update(lock_headers(lock, iso_ms(lock.until)))
    return said


@dataclass(frozen=True, slots=True)
class Wish:
    """One put at a place. `stale`: checksums of a source that do not fit an object that is put whole.

    `now` is when it was asked for, in milliseconds; `encryption` are headers for the service.
    """

    at: At
    new: NewObject
    now: int
    encryption: Mapping[str, str]
    guard: Guard = UNGUARDED
    stale: tuple[str, ...] = ()

    def headers(self, stamp: Stamp) -> dict[str, str]:
        """All that goes out with the bytes. Raises MetadataTooLarge."""
        new = self.new
        said = headers_of(new.headers, new.metadata, new.tags, new.lock, stamp)
        return {**said, **self.encryption, **self.guard.headers}

    def judge(self, found: PlainFacts) -> None:
        """Raises BadDigest for other bytes than those that are carried."""
        if self.new.carried is not None:
            refuse_other_bytes(found, self.new.carried.size, self.new.carried.etag)

    def info(self, found: PlainFacts, seal: Seal | None = None) -> ObjectInfo:
        """The object's facts as far as they do not come from the service."""
        new = self.new
        kind = "FULL_OBJECT" if self.stale else new.checksum_type
        said = new.carried or ObjectInfo(
            new.key, found.size, found.etag, self.now,
            checksums=found.checksums, checksum_type=kind if found.checksums else "",
        )  # fmt: skip
        return replace(
            said,
            key=new.key,
            headers=new.headers,
            metadata=new.metadata,
            tags=new.tags,
            owner_id=new.owner_id,
            version_id=new.version_id,
            lock=new.lock,
            acl=new.acl,
            seal=seal,
            encryption=UNENCRYPTED,
        )

    def ahead(self, wrap: str = "") -> Stamp:
        """What is known before the bytes are."""
        seal = Seal(wrap) if wrap else None
        carried = self.new.carried
        if carried is not None:
            info = self.info(PlainFacts(carried.size, carried.etag), seal)
            return replace(of_info(info, None), late=seal is not None)
        return Stamp(modified=self.now, owner_id=self.new.owner_id, acl=self.new.acl, seal=seal, late=True)
