"""See the package."""

from __future__ import annotations

import builtins
import threading
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from proxy.backends.base import Body, ObjectReader
from proxy.backends.memory.bodies import MemoryReader, refuse_other_bytes, taken
from proxy.backends.memory.listing import objects_page, uploads_page, versions_page
from proxy.backends.memory.place import MemoryPlace, Upload
from proxy.backends.multipart import COMPLETION_MS, check_part_number, finished_as, plan_completion
from proxy.backends.rules import amended, refuse_marker
from proxy.backends.values import (
    ALWAYS,
    CURRENT,
    NULL_VERSION,
    UNLOCKED,
    Amendment,
    Clock,
    Deletion,
    Finding,
    Listing,
    Lock,
    NewObject,
    ObjectInfo,
    PartInfo,
    PartRequest,
    Place,
    Precondition,
    UploadInfo,
    UploadListing,
    Usage,
    VersionListing,
)
from proxy.errors import (
    BackendUnavailable,
    BucketNotEmpty,
    InvalidPart,
    NoSuchBucket,
    NoSuchUpload,
    NotImplementedByUs,
    ObjectLocked,
    S3Error,
)
from proxy.wire.checksums import compute


class MemoryBackend:
    """See `proxy.backends.base.Backend`. One lock around everything but the reading of bodies.

    Without `keeps_versions` it takes no version id but NULL_VERSION and no delete marker, without
    `keeps_locks` no locks (NotImplementedByUs): as some services that a bucket may move to.
    """

    confirms_copies = False
    keeps_uploads = True

    def __init__(
        self, name: str, now: Clock, *, keeps_versions: bool = True, keeps_locks: bool = True
    ) -> None:
        self.keeps_versions = keeps_versions
        self.keeps_locks = keeps_locks
        self.name = name
        self.place_id = ""
        self._now = now
        self._lock = threading.RLock()
        self._places: dict[Place, MemoryPlace] = {}

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
            self._places.setdefault(place, MemoryPlace())

    def delete_bucket(
        self, place: Place, *, uploads: bool = False, force: bool = False, unserved: bool = False
    ) -> None:
        with self._lock:
            if place not in self._places:
                return
            held = self.usage(place)
            if not force and (held.keys or held.versions or (held.uploads and not uploads)):
                raise BucketNotEmpty(fields={"BucketName": place.bucket})
            if held.locked and not unserved:
                raise ObjectLocked(fields={"BucketName": place.bucket})
            del self._places[place]

    def places(self, bucket: str) -> tuple[Place, ...]:
        self.check()
        with self._lock:
            return tuple(place for place in self._places if place.bucket == bucket)

    def _at(self, place: Place) -> MemoryPlace:
        self.check()
        found = self._places.get(place)
        if found is None:
            raise NoSuchBucket(fields={"BucketName": place.bucket})
        return found

    def is_at_hand(self, place: Place) -> bool:
        return False

    def usage(self, place: Place) -> Usage:
        with self._lock:
            at = self._at(place)
            live = [info.size for info in at.live()]
            every = [info.size for info in at.all()]
            return Usage(
                keys=len(live),
                versions=len(every) - len(live),
                uploads=sum(upload.finished is None for upload in at.uploads.values()),
                size=sum(live),
                versions_size=sum(every) - sum(live),
                locked=sum(info.lock.binds(self._now()) for info in at.all()),
            )

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
            self._refuse_unkept(new.version_id, new.lock)
        data, md5, sums = taken(body)
        carried = new.carried
        if carried is not None:
            refuse_other_bytes(data, md5, carried.size, carried.etag)
        kind = new.checksum_type if sums else ""
        said = carried or ObjectInfo(new.key, len(data), md5, self._now(), checksums=sums, checksum_type=kind)
        info = replace(
            said,
            key=new.key,
            headers=new.headers,
            metadata=new.metadata,
            tags=new.tags,
            owner_id=new.owner_id,
            version_id=new.version_id,
            lock=new.lock,
            acl=new.acl,
        )
        with self._lock:
            return self._at(place).put(info, data, when, self._now(), carried=carried is not None)

    def _refuse_unkept(self, version_id: str, lock: Lock = UNLOCKED, *, marker: bool = False) -> None:
        if not self.keeps_versions and (marker or version_id != NULL_VERSION):
            raise NotImplementedByUs("This storage keeps no versions.")
        if not self.keeps_locks and lock != UNLOCKED:
            raise NotImplementedByUs("This storage keeps no locks.")

    def can_link(self, reader: ObjectReader) -> bool:
        return False

    def open(self, place: Place, key: str, version: str = CURRENT) -> MemoryReader:
        with self._lock:
            info, data = self._at(place).find(key, version)
        return MemoryReader(refuse_marker(info), data)

    def head(self, place: Place, key: str, version: str = CURRENT) -> ObjectInfo:
        return self.open(place, key, version).info

    def delete(self, place: Place, deletions: Sequence[Deletion]) -> Sequence[ObjectInfo | S3Error | None]:
        done: builtins.list[ObjectInfo | S3Error | None] = []
        with self._lock:
            at = self._at(place)
            for one in deletions:
                try:
                    self._refuse_unkept(NULL_VERSION, marker=one.marker)
                    done.append(at.delete(one, self._now()))
                except S3Error as error:
                    done.append(error)
        return done

    def amend(self, place: Place, key: str, version: str, change: Amendment) -> ObjectInfo:
        with self._lock:
            at = self._at(place)
            info, data = at.find(key, version)
            lock = amended(refuse_marker(info).lock, change, self._now())
            self._refuse_unkept(NULL_VERSION, lock)
            if change.tags is not None or change.acl is not None:
                at.seq += 1
                info = replace(info, seq=at.seq)
            info = replace(
                info,
                lock=lock,
                tags=info.tags if change.tags is None else change.tags,
                acl=info.acl if change.acl is None else change.acl,
            )
            at.amend(info, data)
            return info

    def list(
        self, place: Place, *, prefix: str = "", delimiter: str = "", after: str = "", limit: int = 1000
    ) -> Listing:
        with self._lock:
            return objects_page(self._at(place).live(), prefix, delimiter, after, limit)

    def list_versions(
        self,
        place: Place,
        *,
        prefix: str = "",
        delimiter: str = "",
        after: tuple[str, str] = ("", ""),
        limit: int = 1000,
    ) -> VersionListing:
        with self._lock:
            return versions_page(self._at(place).all(), prefix, delimiter, after, limit)

    # -- multipart uploads ---------------------------------------------------------------
    def create_upload(self, place: Place, upload: UploadInfo) -> None:
        finished = upload.completed.last_modified if upload.completed else None
        with self._lock:
            self._at(place).uploads.setdefault(upload.upload_id, Upload(upload, finished))

    def _found(self, place: Place, upload_id: str) -> Upload:
        upload = self._at(place).uploads.get(upload_id)
        if upload is None or self._expired(upload):
            raise NoSuchUpload(fields={"UploadId": upload_id})
        return upload

    def _expired(self, upload: Upload) -> bool:
        return upload.finished is not None and upload.finished <= self._now() - COMPLETION_MS

    def _open_upload(self, place: Place, upload_id: str) -> Upload:
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
        data, md5, sums = taken(body)
        name = upload.checksum_algorithm.lower()
        if name and name not in sums:
            sums = {**sums, name: compute(name, data)}
        part = PartInfo(number, len(data), md5, self._now(), sums)
        if carried is not None:
            refuse_other_bytes(data, md5, carried.size, carried.etag)
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
            said = finished_as(info, said, version_id, carried)
            self._refuse_unkept(said.version_id, said.lock)
            data = b"".join(upload.parts[part.number][1] for part in plan.parts)
            at = self._at(place)
            done = at.put(said, data, when, self._now(), carried=carried is not None)
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
            return uploads_page(shown, prefix, delimiter, after, limit, marker.info if marker else None)
