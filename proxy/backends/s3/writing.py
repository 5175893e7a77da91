"""Putting objects: at once, streamed, in parts where the length is not known, or copied by the service."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from hashlib import md5

from proxy.backends.base import Body, SealedBody
from proxy.backends.bodies import composite_checksums
from proxy.backends.s3 import facts as noted
from proxy.backends.s3.client import Client
from proxy.backends.s3.copying import Copier
from proxy.backends.s3.guarding import Guards
from proxy.backends.s3.habits import Habits
from proxy.backends.s3.intake import HeldBack, Plain, Sealed, Source, at_hand, in_parts
from proxy.backends.s3.places import At, Places, refuse_reserved
from proxy.backends.s3.showing import Shown, info_of, sent_headers
from proxy.backends.s3.stamps import Stamp, of_info
from proxy.backends.s3.stamps import refuse_reserved as refuse_reserved_metadata
from proxy.backends.s3.stored import Stored
from proxy.backends.s3.wishes import Wish
from proxy.backends.seals import Encryption
from proxy.backends.values import (
    NULL_VERSION,
    Clock,
    NewObject,
    ObjectInfo,
    PartRequest,
    Precondition,
)
from proxy.errors import NotImplementedByUs, S3Error

MIB = 1024 * 1024
MOST_AT_ONCE = 5 * 1024 * MIB
"""Bytes of one PUT. Source: Amazon S3 User Guide, "Amazon S3 multipart upload limits"."""

_PART_BYTES = 16 * MIB
_PARTS_OF_A_SIZE = 1000


class Writer:
    """Puts of one backend.

    `encryption`: headers that every write has for the service; `told`: what it will say of it.
    """

    def __init__(
        self, client: Client, places: Places, guards: Guards, copier: Copier, habits: Habits,
        now: Clock, encryption: Mapping[str, str], told: Encryption,
    ) -> None:  # fmt: skip
        self._client = client
        self._places = places
        self._guards = guards
        self._copier = copier
        self._now = now
        self._encryption = encryption
        self._told = told
        self._habits = habits

    def put(self, at: At, new: NewObject, body: Body | SealedBody, when: Precondition) -> ObjectInfo:
        """See `Backend.put`."""
        refuse_reserved(new.key)
        refuse_reserved_metadata(new.metadata)
        self._refuse_unkept(at, new)
        self._guards.refuse_inexact(at, new.key)
        stale = () if new.carried else composite_checksums(body)
        guard = self._guards.of_write(at, new.key, when)
        wish = Wish(at, new, self._now(), self._encryption, guard, stale)
        self._places.note_stamped(at)
        try:
            copied = self._copied(wish, body)
            return self._taken(wish, body) if copied is None else copied
        except S3Error as error:
            raise guard.judged(error) from None

    def _refuse_unkept(self, at: At, new: NewObject) -> None:
        named = new.version_id != NULL_VERSION
        in_line = new.carried is not None and not new.newest
        if named and (in_line or not at.versioned):
            raise NotImplementedByUs(
                f"The storage {self._client.name!r} gives version ids itself and cannot keep this one."
            )

    # -- without moving bytes ------------------------------------------------------------------
    def _copied(self, wish: Wish, body: Body | SealedBody) -> ObjectInfo | None:
        """None where the service cannot copy it; then the bytes go through here."""
        source = self._copier.source(body, wish.new.carried)
        if source is None:
            return None
        sealed = body if isinstance(body, SealedBody) else None
        found = sealed.plain if sealed else source.plain
        wish.judge(found)
        info = wish.info(found)
        if sealed is not None:
            info = wish.info(found, sealed.seal(info))
        made = self._copier.copy(
            wish.at.bucket, info.key, source, wish.headers(of_info(info, None)), wish.guard
        )
        if made is None:
            return None
        return self._noted(wish, info, source.pinned.size, Stored.of(made.facts, self._now(), made.etag))

    # -- byte by byte --------------------------------------------------------------------------
    def _taken(self, wish: Wish, body: Body | SealedBody) -> ObjectInfo:
        sealed = body if isinstance(body, SealedBody) else None
        source: Source
        if isinstance(body, SealedBody):
            source = Sealed(body, wish.judge)
        else:
            source = Plain(body, wish.stale, wish.judge)
        taken = at_hand(source)
        if isinstance(taken, bytes):
            return self._sent(wish, source, sealed, taken)
        stamp = wish.ahead(sealed.wrap_ahead if sealed else "")
        headers = wish.headers(stamp)
        if source.length is not None and source.length <= MOST_AT_ONCE:
            payload = HeldBack(taken, source.length)
            facts = self._client.put(wish.at.bucket, wish.new.key, payload, headers)
            size, stored = source.length, Stored.of(facts, self._now())
            if sealed is None:
                self._habits.confirm(wish.at.bucket, source.facts.etag, stored.etag)
        else:
            size, stored = self._in_parts(wish, headers, taken, source.length)
        return self._noted(wish, self._known(wish, source, sealed), size, stored)

    def _known(self, wish: Wish, source: Source, sealed: SealedBody | None) -> ObjectInfo:
        info = wish.info(source.facts)
        return info if sealed is None else wish.info(source.facts, sealed.seal(info))

    def _sent(self, wish: Wish, source: Source, sealed: SealedBody | None, data: bytes) -> ObjectInfo:
        """All bytes are there, so the object can say everything of itself; a fault is tried again."""
        info = self._known(wish, source, sealed)
        digest = md5(data, usedforsecurity=False)
        told = digest.hexdigest() if self._habits.tells_md5(wish.at.bucket) else None
        headers = wish.headers(of_info(info, told))
        headers["content-md5"] = b64encode(digest.digest()).decode()
        facts = self._client.put(wish.at.bucket, wish.new.key, data, headers)
        self._habits.learn(wish.at.bucket, facts.etag == digest.hexdigest())
        return self._noted(wish, info, len(data), Stored.of(facts, self._now()))

    def _in_parts(
        self, wish: Wish, headers: Mapping[str, str], pieces: Iterable[bytes], length: int | None
    ) -> tuple[int, Stored]:
        client, bucket, key = self._client, wish.at.bucket, wish.new.key
        begun = {name: value for name, value in headers.items() if name not in wish.guard.headers}
        upload_id = client.create_upload(bucket, key, begun)
        parts: list[PartRequest] = []
        size = 0
        try:
            for number, part in enumerate(in_parts(pieces, _part_sizes(length)), 1):
                facts = client.upload_part(bucket, key, upload_id, number, part)
                parts.append(PartRequest(number, facts.etag))
                size += len(part)
            made = client.complete_upload(bucket, key, upload_id, parts, wish.guard.headers)
        except BaseException:
            self._abort(bucket, key, upload_id)
            raise
        return size, Stored.of(made.facts, self._now(), made.etag)

    def _abort(self, bucket: str, key: str, upload_id: str) -> None:
        try:
            self._client.abort_upload(bucket, key, upload_id)
        except S3Error:
            return  # the error that led here is the one to tell

    # -- afterwards ----------------------------------------------------------------------------
    def _noted(self, wish: Wish, info: ObjectInfo, size: int, stored: Stored) -> ObjectInfo:
        """The row is written, and the object's facts are what a look at it will say."""
        at, new = wish.at, wish.new
        stamp = of_info(info, stored.etag)
        version_id = stored.version_id if at.versioned else NULL_VERSION
        ordinal = noted.note(
            at.place, new.key, version_id, stamp, backend_etag=stored.etag, written=stored.written
        )
        return info_of(
            shown_of(new, size, stored, version_id, stamp, self._told),
            stamp,
            ordinal if at.versioned else stored.written,
        )


def shown_of(
    new: NewObject, size: int, stored: Stored, version_id: str, stamp: Stamp, asked: Encryption
) -> Shown:
    """What a look at a new object would show."""
    return Shown(
        key=new.key,
        size=size,
        etag=stored.etag,
        modified=stored.written,
        version_id=version_id,
        stamp=stamp,
        headers=sent_headers(new.headers, {}),
        metadata=new.metadata,
        tags=new.tags,
        lock=new.lock,
        encryption=stored.encryption(asked),
    )


def _part_sizes(length: int | None) -> Iterator[int]:
    """Sizes of parts that get along with 10,000 of them; they grow while the end is not known."""
    size = _PART_BYTES if length is None else max(_PART_BYTES, -(-length // 10_000))
    while True:
        for _ in range(_PARTS_OF_A_SIZE):
            yield size
        size = size if length is not None else size * 2
