"""See the package."""

from __future__ import annotations

import builtins
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from proxy.backends.base import Body, Describe, ObjectReader, SealAs, SealedBody
from proxy.backends.bodies import composite_checksums, part_checksum, refuse_other_bytes
from proxy.backends.memory.bodies import MemoryReader, taken
from proxy.backends.memory.listing import objects_page, seal_entry, uploads_page, versions_page
from proxy.backends.memory.place import Upload
from proxy.backends.memory.premises import Premises
from proxy.backends.multipart import (
    COMPLETION_MS,
    as_object,
    check_part_number,
    finished_as,
    plan_completion,
)
from proxy.backends.rules import amended, refuse_marker
from proxy.backends.seals import UNENCRYPTED, Reseal, SealListing
from proxy.backends.values import (
    ALWAYS,
    CURRENT,
    NULL_VERSION,
    UNLOCKED,
    Amendment,
    Clock,
    Deletion,
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
    VersionListing,
)
from proxy.errors import InvalidPart, NoSuchUpload, NotImplementedByUs, S3Error


class MemoryBackend(Premises):
    """See `proxy.backends.base.Backend`.

    Without `keeps_versions` it takes no version id but NULL_VERSION and no delete marker, without
    `keeps_locks` no locks (NotImplementedByUs): as some services that a bucket may move to.
    """

    confirms_copies = False
    keeps_uploads = True
    assigns_versions = False
    counts_changes = True
    feeds_changes = True
    seals_ahead = False
    scrubs = True
    reads_parts = True
    holds_open = True
    least_part_bytes = 0
    describe: Describe | None = None

    def __init__(
        self, name: str, now: Clock, *, keeps_versions: bool = True, keeps_locks: bool = True
    ) -> None:
        super().__init__(name, now)
        self.keeps_versions = keeps_versions
        self.keeps_locks = keeps_locks

    # -- objects -------------------------------------------------------------------------
    def put(
        self, place: Place, new: NewObject, body: Body | SealedBody, when: Precondition = ALWAYS
    ) -> ObjectInfo:
        with self._lock:
            self._at(place)
            self._refuse_unkept(new.version_id, new.lock)
        carried = new.carried
        stale = () if carried else composite_checksums(body)
        data, found = taken(body, stale)
        if carried is not None:
            refuse_other_bytes(found, carried.size, carried.etag)
        kind = "FULL_OBJECT" if stale else new.checksum_type
        said = carried or ObjectInfo(
            new.key, found.size, found.etag, self._now(),
            checksums=found.checksums, checksum_type=kind if found.checksums else "",
        )  # fmt: skip
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
            seal=None,
            encryption=UNENCRYPTED,
        )
        if isinstance(body, SealedBody):
            info = replace(info, seal=body.seal(info))
        with self._lock:
            in_line = carried is not None and not new.newest
            return self._at(place).put(info, data, when, self._now(), carried=in_line)

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
                info = replace(info, seq=at.next_seq(key))
            info = replace(
                info,
                lock=lock,
                tags=info.tags if change.tags is None else change.tags,
                acl=info.acl if change.acl is None else change.acl,
            )
            at.amend(info, data)
            return info

    # -- how bodies are sealed --------------------------------------------------------------
    def list_seals(
        self, place: Place, *, after: tuple[str, str] = ("", ""), limit: int = 1000
    ) -> SealListing:
        with self._lock:
            at = self._at(place)
            page = versions_page((info for info in at.all() if not info.marker), "", "", after, limit)
            found = [at.find(info.key, info.version_id)[0] for info in page.versions]
        return SealListing(tuple(seal_entry(info, self._now()) for info in found), page.last)

    def count_seals(self, place: Place) -> Mapping[str, int]:
        with self._lock:
            at = self._at(place)
            seals = [info.seal for info in at.all()]
            seals += [upload.info.seal for upload in at.uploads.values() if upload.finished is None]
        return Counter(seal.wrap.rpartition(".")[0] for seal in seals if seal is not None)

    def reseal(self, place: Place, changes: Sequence[Reseal]) -> Sequence[bool]:
        with self._lock:
            return [self._at(place).reseal(change) for change in changes]

    # -- listings ---------------------------------------------------------------------------
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
        self,
        place: Place,
        upload_id: str,
        number: int,
        body: Body | SealedBody,
        carried: PartInfo | None = None,
        *,
        customer_key: bytes | None = None,
    ) -> PartInfo:
        check_part_number(number)
        with self._lock:
            upload = self._open_upload(place, upload_id).info
        need = part_checksum(body, upload.checksum_algorithm, carried=carried is not None)
        data, found = taken(body, need)
        part = PartInfo(number, found.size, found.etag, self._now(), found.checksums)
        if carried is not None:
            refuse_other_bytes(found, carried.size, carried.etag)
            part = replace(carried, number=number)
        part = replace(part, segment=body.segments[0] if isinstance(body, SealedBody) else None)
        with self._lock:
            self._open_upload(place, upload_id).parts[number] = (part, data)
        return part

    def open_part(self, place: Place, upload_id: str, number: int) -> MemoryReader:
        with self._lock:
            upload = self._open_upload(place, upload_id)
            if number not in upload.parts:
                raise InvalidPart(fields={"UploadId": upload_id, "PartNumber": str(number)})
            part, data = upload.parts[number]
        return MemoryReader(as_object(upload.info, part), data)

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
        newest: bool = False,
        customer_key: bytes | None = None,
        seal_as: SealAs | None = None,
    ) -> ObjectInfo:
        with self._lock:
            upload = self._found(place, upload_id)
            info = upload.info
            if info.completed is not None:
                return info.completed
            have = {number: part for number, (part, _) in upload.parts.items()}
            plan = plan_completion(info, have, parts, expected=checksums, carried=carried)
            kept = None if newest else carried
            said = finished_as(info, carried or plan.object(info.key, self._now()), version_id, kept)
            if seal_as is not None:
                said = replace(said, seal=seal_as(said, plan.parts))
            self._refuse_unkept(said.version_id, said.lock)
            data = b"".join(upload.parts[part.number][1] for part in plan.parts)
            at = self._at(place)
            done = at.put(said, data, when, self._now(), carried=kept is not None)
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
