"""Multipart uploads: ours by their ids and rules, the service's by their parts.

The object's own stamp names the upload that made it. So where a completion was lost on its way (a
crash between the service's commit and our row), a repeated one finds the object and answers for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from proxy.backends.base import SealAs
from proxy.backends.multipart import COMPLETION_MS, finished_as, plan_completion
from proxy.backends.s3 import facts as noted
from proxy.backends.s3 import upload_rows as table
from proxy.backends.s3.calls.documents import writable
from proxy.backends.s3.client import Client
from proxy.backends.s3.errors import FAULTS
from proxy.backends.s3.finding_again import find_again
from proxy.backends.s3.guarding import Guards
from proxy.backends.s3.looking import Looker
from proxy.backends.s3.places import At, Places, refuse_reserved
from proxy.backends.s3.showing import Shown, info_of, sent_headers
from proxy.backends.s3.stamps import Stamp, of_info
from proxy.backends.s3.stamps import refuse_reserved as refuse_reserved_metadata
from proxy.backends.s3.stored import Stored
from proxy.backends.s3.upload_rows import UploadRow
from proxy.backends.s3.wishes import headers_of
from proxy.backends.seals import Encryption
from proxy.backends.values import (
    NULL_VERSION,
    Clock,
    ObjectInfo,
    PartInfo,
    PartRequest,
    Place,
    Precondition,
    UploadInfo,
)
from proxy.errors import NoSuchUpload, NotImplementedByUs, S3Error


@dataclass(frozen=True, slots=True)
class Asking:
    """What a completion was called with; see `Backend.complete_upload`."""

    parts: tuple[PartRequest, ...]
    when: Precondition
    version_id: str
    checksums: Mapping[str, str] | None
    carried: ObjectInfo | None
    newest: bool
    seal_as: SealAs | None

    @property
    def kept(self) -> ObjectInfo | None:
        """Whose version id and lock it keeps."""
        return None if self.newest else self.carried


class Uploads:
    """Multipart uploads of one backend. `encryption`: headers that every write has for the service."""

    def __init__(
        self, client: Client, places: Places, looker: Looker, guards: Guards, now: Clock,
        encryption: Mapping[str, str], told: Encryption,
    ) -> None:  # fmt: skip
        self._client = client
        self._places = places
        self._looker = looker
        self._guards = guards
        self._now = now
        self._encryption = encryption
        self._told = told

    # -- beginning -----------------------------------------------------------------------------
    def create(self, at: At, upload: UploadInfo) -> None:
        """See `Backend.create_upload`."""
        refuse_reserved(upload.key)
        refuse_reserved_metadata(upload.metadata)
        if not writable(upload.key):
            raise NotImplementedByUs(
                f"The storage {self._client.name!r} takes no multipart upload of a key that XML cannot hold."
            )
        self._guards.refuse_inexact(at, upload.key)
        if table.find(at.place, upload.upload_id) is not None:
            return
        if upload.completed is not None:
            table.enter(at.place, upload, "", upload.completed.last_modified)
            return
        self._places.note_stamped(at)
        headers = headers_of(upload.headers, upload.metadata, upload.tags, upload.lock, _stamp(upload))
        theirs = self._client.create_upload(at.bucket, upload.key, {**headers, **self._encryption})
        if not table.enter(at.place, replace(upload, encryption=self._told), theirs, None):
            self._client.abort_upload(at.bucket, upload.key, theirs)

    # -- finding -------------------------------------------------------------------------------
    def found(self, place: Place, upload_id: str) -> UploadRow:
        """Open, or finished within the last 24 hours. Raises NoSuchUpload."""
        row = table.find(place, upload_id)
        if row is None or is_expired(row, self._now()):
            raise NoSuchUpload(fields={"UploadId": upload_id})
        return row

    def open(self, place: Place, upload_id: str) -> UploadRow:
        """Raises NoSuchUpload, also for a finished one."""
        row = self.found(place, upload_id)
        if row.finished is not None:
            raise NoSuchUpload(fields={"UploadId": upload_id})
        return row

    def parts(
        self, place: Place, upload_id: str, after: int, limit: int
    ) -> tuple[tuple[PartInfo, ...], bool]:
        """See `Backend.list_parts`."""
        self.open(place, upload_id)
        found = table.parts(place, upload_id, after, limit + 1)
        return tuple(part for part, _ in found[:limit]), len(found) > limit

    # -- ending --------------------------------------------------------------------------------
    def abort(self, at: At, upload_id: str) -> None:
        """See `Backend.abort_upload`."""
        row = self.open(at.place, upload_id)
        try:
            self._client.abort_upload(at.bucket, row.key, row.backend_upload_id)
        except NoSuchUpload:
            pass  # an earlier attempt came so far
        table.remove(at.place, upload_id)

    def complete(self, at: At, upload_id: str, asking: Asking) -> ObjectInfo:
        """See `Backend.complete_upload`."""
        row = self.found(at.place, upload_id)
        if row.finished is not None and row.planned is not None:
            return row.planned
        self._refuse_unkept(at, asking)
        table.remove_expired(at.place, self._now() - COMPLETION_MS)
        uploaded = {part.number: (part, etag) for part, etag in table.parts(at.place, upload_id)}
        info, numbers = self._planned(row, {n: part for n, (part, _) in uploaded.items()}, asking)
        wanted = [PartRequest(number, uploaded[number][1]) for number in numbers]
        if row.planned is not None:  # it was told to before: its own object must not fail its condition
            before = find_again(self._client, self._looker, at, row, wanted)
            if before is not None:
                return self._finished(at, upload_id, info, Stored.seen(before))
        guard = self._guards.of_completion(at, row.key, asking.when)
        table.plan(at.place, upload_id, info)
        try:
            made = self._client.complete_upload(
                at.bucket, row.key, row.backend_upload_id, wanted, guard.headers
            )
            stored = Stored.of(made.facts, self._now(), made.etag)
        except S3Error as error:
            again = self._stored_before(at, row, wanted, error)
            if again is None:
                raise guard.judged(error) from None
            stored = again
        return self._finished(at, upload_id, info, stored)

    def _finished(self, at: At, upload_id: str, info: ObjectInfo, stored: Stored) -> ObjectInfo:
        done = self._noted(at, upload_id, info, stored)
        table.finish(at.place, upload_id, done, self._now())
        return done

    def _refuse_unkept(self, at: At, asking: Asking) -> None:
        version_id = asking.kept.version_id if asking.kept else asking.version_id
        if version_id != NULL_VERSION and (asking.kept is not None or not at.versioned):
            raise NotImplementedByUs(
                f"The storage {self._client.name!r} gives version ids itself and cannot keep this one."
            )

    def _planned(
        self, row: UploadRow, uploaded: Mapping[int, PartInfo], asking: Asking
    ) -> tuple[ObjectInfo, Sequence[int]]:
        """What it becomes, and the numbers of the parts that it is made of."""
        upload = row.info
        plan = plan_completion(
            upload, uploaded, asking.parts, expected=asking.checksums, carried=asking.carried
        )
        said = asking.carried or plan.object(row.key, self._now())
        info = finished_as(upload, said, asking.version_id, asking.kept)
        if asking.seal_as is not None:
            info = replace(info, seal=asking.seal_as(info, plan.parts))
        return info, [part.number for part in plan.parts]

    def _stored_before(
        self, at: At, row: UploadRow, wanted: Sequence[PartRequest], error: S3Error
    ) -> Stored | None:
        """What an earlier completion made whose answer was lost."""
        if not isinstance(error, (NoSuchUpload, *FAULTS)):
            return None
        found = find_again(self._client, self._looker, at, row, wanted)
        return None if found is None else Stored.seen(found)

    def _noted(self, at: At, upload_id: str, info: ObjectInfo, stored: Stored) -> ObjectInfo:
        stamp = of_info(info, stored.etag, upload=upload_id)
        version_id = stored.version_id if at.versioned else NULL_VERSION
        ordinal = noted.note(
            at.place, info.key, version_id, stamp, backend_etag=stored.etag, written=stored.written
        )
        size = info.size if info.seal is None else info.seal.stored
        seen = Shown(
            info.key, size, stored.etag, stored.written, version_id, stamp=stamp,
            headers=sent_headers(info.headers, {}), metadata=info.metadata, tags=info.tags, lock=info.lock,
            encryption=stored.encryption(self._told),
        )  # fmt: skip
        return info_of(seen, stamp, ordinal if at.versioned else stored.written)


def is_expired(row: UploadRow, now: int) -> bool:
    """Whether it was finished so long ago that nobody asks any more."""
    return row.finished is not None and row.finished <= now - COMPLETION_MS


def _stamp(upload: UploadInfo) -> Stamp:
    """What is known of the object before its parts are."""
    if upload.carried is not None:
        info = replace(upload.carried, owner_id=upload.owner_id, acl=upload.acl, seal=upload.seal)
        return replace(of_info(info, None, upload=upload.upload_id), late=upload.seal is not None)
    return Stamp(
        owner_id=upload.owner_id, acl=upload.acl, seal=upload.seal, upload=upload.upload_id, late=True
    )
