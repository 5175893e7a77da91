"""A backend in memory, for tests: the same contract, the plainest code."""

from __future__ import annotations

import builtins
import hashlib
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import TypeVar

from proxy.backends.base import Body, ObjectReader, ReaderBody
from proxy.backends.multipart import COMPLETION_MS, check_part_number, plan_completion
from proxy.backends.values import (
    ALWAYS,
    CURRENT,
    NULL_VERSION,
    PIECE_BYTES,
    STORAGE_CLASS,
    Clock,
    Deletion,
    Finding,
    Listing,
    NewObject,
    ObjectInfo,
    PartInfo,
    PartRequest,
    Place,
    Precondition,
    UploadInfo,
    UploadListing,
    Usage,
)
from proxy.errors import (
    BackendUnavailable,
    BadDigest,
    BucketNotEmpty,
    IncompleteBody,
    InvalidPart,
    NoSuchBucket,
    NoSuchKey,
    NoSuchUpload,
    S3Error,
)
from proxy.wire.checksums import compute

T = TypeVar("T")


class MemoryReader(AbstractContextManager["MemoryReader"]):
    """An open object: a snapshot, so nothing can happen to it."""

    def __init__(self, info: ObjectInfo, data: bytes) -> None:
        self.info = info
        self.data = data

    def read(self, start: int, end: int) -> Iterator[bytes]:
        for at in range(start, min(end, len(self.data)), PIECE_BYTES):
            yield self.data[at : min(at + PIECE_BYTES, end)]

    def close(self) -> None:
        return None

    def __exit__(self, *unused: object) -> None:
        return None


@dataclass(slots=True)
class _Upload:
    info: UploadInfo
    finished: int | None = None
    parts: dict[int, tuple[PartInfo, bytes]] = field(default_factory=dict)


@dataclass(slots=True)
class _Place:
    seq: int = 0
    objects: dict[str, tuple[ObjectInfo, bytes]] = field(default_factory=dict)
    uploads: dict[str, _Upload] = field(default_factory=dict)
    marks: dict[str, str] = field(default_factory=dict)


class MemoryBackend:
    """See `proxy.backends.base.Backend`. One lock around everything but the reading of bodies."""

    confirms_copies = False
    keeps_uploads = True

    def __init__(self, name: str, now: Clock) -> None:
        self.name = name
        self.place_id = ""
        self._now = now
        self._lock = threading.RLock()
        self._places: dict[Place, _Place] = {}

    # -- the physical place and the buckets on it ----------------------------------------
    def prepare(self, known_id: str | None) -> str:
        if known_id is not None and known_id != self.place_id:
            raise BackendUnavailable()
        self.place_id = self.place_id or uuid.uuid4().hex
        return self.place_id

    def check(self) -> None:
        if not self.place_id:
            raise BackendUnavailable()

    def check_store(self, *, deep: bool) -> Iterator[Finding]:
        return iter(())

    def create_bucket(self, place: Place) -> None:
        self.check()
        with self._lock:
            self._places.setdefault(place, _Place())

    def delete_bucket(self, place: Place, *, force: bool = False, unserved: bool = False) -> None:
        with self._lock:
            if place in self._places and not force and not self.usage(place).empty:
                raise BucketNotEmpty(fields={"BucketName": place.bucket})
            self._places.pop(place, None)

    def places(self, bucket: str) -> tuple[Place, ...]:
        self.check()
        with self._lock:
            return tuple(place for place in self._places if place.bucket == bucket)

    def _at(self, place: Place) -> _Place:
        self.check()
        found = self._places.get(place)
        if found is None:
            raise NoSuchBucket(fields={"BucketName": place.bucket})
        return found

    def usage(self, place: Place) -> Usage:
        with self._lock:
            at = self._at(place)
            uploads = sum(upload.finished is None for upload in at.uploads.values())
            return Usage(len(at.objects), 0, uploads, sum(info.size for info, _ in at.objects.values()))

    def head_seq(self, place: Place) -> int:
        with self._lock:
            return self._at(place).seq

    def mark(self, place: Place, name: str, text: str | None) -> None:
        with self._lock:
            marks = self._at(place).marks
            marks.pop(name, None)
            if text is not None:
                marks[name] = text

    def marked(self, place: Place, name: str) -> str | None:
        with self._lock:
            return self._at(place).marks.get(name)

    # -- objects -------------------------------------------------------------------------
    def put(self, place: Place, new: NewObject, body: Body, when: Precondition = ALWAYS) -> ObjectInfo:
        with self._lock:
            self._at(place)
        data, md5, sums = _taken(body)
        carried = new.carried
        if carried is not None:
            _refuse_other_bytes(data, md5, carried.size, carried.etag)
        kind = new.checksum_type if sums else ""
        said = carried or ObjectInfo(new.key, len(data), md5, self._now(), checksums=sums, checksum_type=kind)
        info = replace(
            said,
            key=new.key,
            headers=new.headers,
            metadata=new.metadata,
            tags=new.tags,
            owner_id=new.owner_id,
        )
        with self._lock:
            return self._store(self._at(place), info, data, when)

    def _store(self, at: _Place, info: ObjectInfo, data: bytes, when: Precondition) -> ObjectInfo:
        old = at.objects.get(info.key)
        when.check(old[0] if old else None)
        at.seq += 1
        info = replace(info, seq=at.seq)
        at.objects[info.key] = (info, data)
        return info

    def can_link(self, reader: ObjectReader) -> bool:
        return False

    def open(self, place: Place, key: str, version: str = CURRENT) -> MemoryReader:
        with self._lock:
            found = self._at(place).objects.get(key)
        if found is None:
            raise NoSuchKey(fields={"Key": key})
        return MemoryReader(*found)

    def head(self, place: Place, key: str, version: str = CURRENT) -> ObjectInfo:
        return self.open(place, key).info

    def delete(self, place: Place, deletions: Sequence[Deletion]) -> Sequence[ObjectInfo | S3Error | None]:
        done: builtins.list[ObjectInfo | S3Error | None] = []
        for one in deletions:
            try:
                done.append(self._delete(place, one.key, one.when))
            except S3Error as error:
                done.append(error)
        return done

    def _delete(self, place: Place, key: str, when: Precondition) -> ObjectInfo | None:
        with self._lock:
            at = self._at(place)
            old = at.objects.get(key)
            when.check(old[0] if old else None)
            if old is None:
                return None
            at.seq += 1
            del at.objects[key]
            return old[0]

    def list(
        self, place: Place, *, prefix: str = "", delimiter: str = "", after: str = "", limit: int = 1000
    ) -> Listing:
        with self._lock:
            infos = [info for info, _ in self._at(place).objects.values()]
        infos.sort(key=lambda info: info.key.encode())
        entries = _rolled_up(infos, lambda info: info.key, prefix, delimiter, after)
        page = entries[: max(limit, 0)]
        objects = tuple(
            replace(entry, headers=_shown(entry), metadata={}, tags={}, parts=())
            for entry in page
            if isinstance(entry, ObjectInfo)
        )
        last = page[-1] if page and len(entries) > len(page) else None
        return Listing(
            objects,
            tuple(entry for entry in page if isinstance(entry, str)),
            last.key if isinstance(last, ObjectInfo) else last,
        )

    # -- multipart uploads ---------------------------------------------------------------
    def create_upload(self, place: Place, upload: UploadInfo) -> None:
        finished = upload.completed.last_modified if upload.completed else None
        with self._lock:
            self._at(place).uploads.setdefault(upload.upload_id, _Upload(upload, finished))

    def _found(self, place: Place, upload_id: str) -> _Upload:
        upload = self._at(place).uploads.get(upload_id)
        if upload is None or self._expired(upload):
            raise NoSuchUpload(fields={"UploadId": upload_id})
        return upload

    def _expired(self, upload: _Upload) -> bool:
        return upload.finished is not None and upload.finished <= self._now() - COMPLETION_MS

    def _open_upload(self, place: Place, upload_id: str) -> _Upload:
        upload = self._found(place, upload_id)
        if upload.finished is not None:
            raise NoSuchUpload(fields={"UploadId": upload_id})
        return upload

    def head_upload(self, place: Place, upload_id: str) -> UploadInfo:
        with self._lock:
            return self._found(place, upload_id).info

    def put_part(
        self, place: Place, upload_id: str, number: int, body: Body, carried: PartInfo | None = None
    ) -> PartInfo:
        check_part_number(number)
        with self._lock:
            upload = self._open_upload(place, upload_id).info
        data, md5, sums = _taken(body)
        name = upload.checksum_algorithm.lower()
        if name and name not in sums:
            sums = {**sums, name: compute(name, data)}
        part = PartInfo(number, len(data), md5, self._now(), sums)
        if carried is not None:
            _refuse_other_bytes(data, md5, carried.size, carried.etag)
            part = replace(carried, number=number)
        with self._lock:
            self._open_upload(place, upload_id).parts[number] = (part, data)
        return part

    def open_part(self, place: Place, upload_id: str, number: int) -> MemoryReader:
        with self._lock:
            upload = self._open_upload(place, upload_id)
            if number not in upload.parts:
                raise InvalidPart(fields={"UploadId": upload_id, "PartNumber": str(number)})
            part, data = upload.parts[number]
        info = ObjectInfo(upload.info.key, part.size, part.etag, part.last_modified, checksums=part.checksums)
        return MemoryReader(info, data)

    def complete_upload(
        self,
        place: Place,
        upload_id: str,
        parts: Iterable[PartRequest],
        when: Precondition = ALWAYS,
        *,
        version_id: str = NULL_VERSION,
        checksums: Mapping[str, str] | None = None,
        carried: ObjectInfo | None = None,
    ) -> ObjectInfo:
        with self._lock:
            upload = self._found(place, upload_id)
            info = upload.info
            if info.completed is not None:
                return info.completed
            have = {number: part for number, (part, _) in upload.parts.items()}
            plan = plan_completion(info, have, parts, expected=checksums, carried=carried)
            said = carried or ObjectInfo(
                info.key, plan.size, plan.etag, self._now(), checksums=plan.checksums,
                checksum_type=plan.checksum_type,
                parts=tuple(replace(part, number=index) for index, part in enumerate(plan.parts, 1)),
            )  # fmt: skip
            said = replace(
                said, key=info.key, headers=info.headers, metadata=info.metadata, tags=info.tags,
                owner_id=info.owner_id,
            )  # fmt: skip
            data = b"".join(upload.parts[part.number][1] for part in plan.parts)
            done = self._store(self._at(place), said, data, when)
            upload.info, upload.finished = replace(info, completed=done), self._now()
            upload.parts.clear()
            return done

    def abort_upload(self, place: Place, upload_id: str) -> None:
        with self._lock:
            self._open_upload(place, upload_id)
            del self._at(place).uploads[upload_id]

    def list_parts(
        self, place: Place, upload_id: str, *, after: int = 0, limit: int = 1000
    ) -> tuple[tuple[PartInfo, ...], bool]:
        with self._lock:
            parts = self._open_upload(place, upload_id).parts
            found = [parts[number][0] for number in sorted(parts) if number > after]
        return tuple(found[:limit]), len(found) > limit

    def list_uploads(
        self,
        place: Place,
        *,
        prefix: str = "",
        delimiter: str = "",
        after: tuple[str, str] = ("", ""),
        limit: int = 1000,
        finished: bool = False,
    ) -> UploadListing:
        with self._lock:
            uploads = self._at(place).uploads
            shown = [
                upload.info
                for upload in uploads.values()
                if upload.finished is None or (finished and not self._expired(upload))
            ]
            marker = uploads.get(after[1])
        shown.sort(key=_upload_order)
        key, upload_id = after
        if upload_id and not (delimiter and key.startswith(prefix) and delimiter in key[len(prefix) :]):
            position = _upload_order(marker.info) if marker else (key.encode(), -1, "")
            shown = [info for info in shown if _upload_order(info) > position]
            key = ""
        entries = _rolled_up(shown, lambda info: info.key, prefix, delimiter, key)
        page = entries[: max(limit, 0)]
        last = page[-1] if page and len(entries) > len(page) else None
        return UploadListing(
            tuple(entry for entry in page if isinstance(entry, UploadInfo)),
            tuple(entry for entry in page if isinstance(entry, str)),
            (last.key, last.upload_id) if isinstance(last, UploadInfo) else (last, "") if last else None,
        )


def _shown(info: ObjectInfo) -> Mapping[str, str]:
    return {name: value for name, value in info.headers.items() if name == STORAGE_CLASS}


def _upload_order(info: UploadInfo) -> tuple[bytes, int, str]:
    return info.key.encode(), info.initiated, info.upload_id


def _rolled_up(
    items: Iterable[T], key_of: Callable[[T], str], prefix: str, delimiter: str, after: str
) -> builtins.list[T | str]:
    """What a listing shows after `after`, in order: items, and common prefixes as text."""
    entries: list[T | str] = []
    for item in items:
        key = key_of(item)
        at = key.find(delimiter, len(prefix)) if delimiter else -1
        shown = key if at < 0 else key[: at + len(delimiter)]
        if not key.startswith(prefix) or shown.encode() <= after.encode():
            continue
        if at < 0:
            entries.append(item)
        elif shown not in entries[-1:]:
            entries.append(shown)
    return entries


def _taken(body: Body) -> tuple[bytes, str, dict[str, str]]:
    """The bytes, their MD5 and checksums that fit an object that is put whole."""
    data = b"".join(body)
    if body.length is not None and body.length != len(data):
        raise IncompleteBody()
    sums = dict(body.checksums)
    if isinstance(body, ReaderBody):
        sums = {name: compute(name, data) if "-" in value else value for name, value in sums.items()}
    return data, hashlib.md5(data, usedforsecurity=False).hexdigest(), sums


def _refuse_other_bytes(data: bytes, md5: str, size: int, etag: str) -> None:
    if len(data) != size or ("-" not in etag and md5 != etag):
        raise BadDigest("The bytes are not those of the object that they are a copy of.")
