"""What every backend must do.

A backend keeps objects in *places*. It raises S3Error classes only, is safe to call from
any number of threads and processes, and says what it can do by class flags; nothing above
it asks for its name. Times are integer milliseconds since the epoch, in UTC; sizes are
bytes of the plaintext; ETags carry no quotes; keys are text whose UTF-8 bytes sort.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from proxy.backends.seals import Reseal, SealListing
from proxy.backends.services import Serviced
from proxy.backends.streams import (
    Body,
    Describe,
    Description,
    ObjectReader,
    OpenObject,
    ReaderBody,
    ReadStored,
    SealAs,
    SealedBody,
    nothing_to_unlock,
)
from proxy.backends.values import (
    ALWAYS,
    CURRENT,
    NULL_VERSION,
    Amendment,
    ChangeListing,
    Deletion,
    FeedPosition,
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
    VersionListing,
)
from proxy.errors import S3Error

__all__ = [
    "Backend",
    "Body",
    "Describe",
    "Description",
    "ObjectReader",
    "OpenObject",
    "ReadStored",
    "ReaderBody",
    "SealAs",
    "SealedBody",
    "nothing_to_unlock",
]


SCRUB_GRACE_S = 60.0
"""A read that began before a body was replaced has found its bytes by then."""


class Backend(Serviced, Protocol):
    """Where bytes live. See the module's docstring for the units and for the guarantees."""

    name: str
    place_id: str
    """Identity of the physical place (not of its name or path); empty until `prepare`."""

    confirms_copies: bool = False
    """A put of a carried object is confirmed by checksum on the far side, at rest."""

    keeps_versions: bool = True
    """It takes over older versions and delete markers with their ids and their order."""

    keeps_locks: bool = True
    """It takes over retention and legal holds, and enforces them."""

    keeps_uploads: bool = True
    """It takes over multipart uploads with their ids."""

    assigns_versions: bool = False
    """It gives version ids itself; what the caller chose says only whether there is to be one."""

    counts_changes: bool = True
    """`head_seq` moves with every change. If not, `seq` and `head_seq` are the service's own time in
    milliseconds, so that what was changed after a bound still tells itself apart."""

    feeds_changes: bool = True
    """`changes` tells what happened since a position. If not, it raises NotImplementedByUs."""

    seals_ahead: bool = False
    """It stores the wrap of a sealed body before the bytes, when its facts are not known yet."""

    scrubs: bool = True
    """`scrub` leaves nothing of replaced bodies where it can be found; else the service decides."""

    reads_parts: bool = True
    """`open_part` reads what was uploaded; else parts cannot be read before they are an object."""

    holds_open: bool = True
    """An open reader reads what it was opened for whatever happens to its key. If not, it fails then
    (BackendUnavailable), rather than to mix two objects."""

    least_part_bytes: int = 0
    """No part of a finished upload but its last may be smaller, also where it is carried."""

    describe: Describe | None = None
    """Set by whoever opens seals, for backends with `seals_ahead`: how they learn again what they lost."""

    # -- the physical place and the buckets on it ------------------------------------
    def prepare(self, known_id: str | None) -> str:
        """Find or, where nothing is known of it yet, make the physical place; its id.

        Raises BackendUnavailable if the place does not show `known_id`.
        """

    def check(self) -> None:
        """Raise BackendUnavailable unless the place that we know is there and answers."""

    def check_store(self, *, deep: bool, open_object: OpenObject | None = None) -> Iterator[Finding]:
        """What does not agree with its bytes, in every place; `deep` reads and hashes them all.

        Sealed bodies are read by `open_object`, and not at all without it.
        """

    def create_bucket(self, place: Place) -> None:
        """Make an empty place. Doing it again is no error."""

    def adopt(self, place: Place) -> str:
        """Make a place of a real bucket that is there already, objects untouched; its versioning status.

        Doing it again is no error. Raises BackendUnavailable (there is no such bucket),
        BucketAlreadyExists (another bucket or gateway has it), NotImplementedByUs.
        """

    def delete_bucket(
        self, place: Place, *, uploads: bool = False, force: bool = False, unserved: bool = False
    ) -> None:
        """Remove a place; BucketNotEmpty unless it is empty or `force`. Absent is no error.

        With `uploads` open ones do not keep it: they go with it.

        Even with `force` a place that holds locked versions stays (ObjectLocked), unless it is
        `unserved`: a copy that no client was ever served from.
        """

    def places(self, bucket: str) -> tuple[Place, ...]:
        """Every place of that real bucket name that exists here, of whatever incarnation."""

    def owns(self, place: Place) -> bool:
        """Whether a place that `places` told is this gateway's; a service may hold those of others."""

    def is_at_hand(self, place: Place) -> bool:
        """Whether `head` and `open` read one row of an index that this process has open on a local
        disk, so that nothing but the disk itself can keep them waiting. Must not wait itself."""

    def usage(self, place: Place, patience_s: float | None = None) -> Usage:
        """What it holds. A backend that must count stops when the patience is over (`Usage.exact`)."""

    def set_versioning(self, place: Place, status: str) -> None:
        """The bucket is Enabled or Suspended from now on. Raises NotImplementedByUs where it cannot be."""

    def head_seq(self, place: Place) -> int:
        """The newest sequence number that was given out."""

    def changes(self, place: Place, after: FeedPosition, limit: int = 1000) -> ChangeListing:
        """What happened after a position, oldest first. A key that changed often may come once, at its last.

        Raises FeedLost, NoSuchBucket, and NotImplementedByUs without `feeds_changes`.
        """

    def mark(self, place: Place, name: str, text: str | None) -> None:
        """Leave a small note on a place (None takes it away); clients never see it."""

    def marked(self, place: Place, name: str) -> str | None: ...

    # -- objects ---------------------------------------------------------------------
    def put(
        self, place: Place, new: NewObject, body: Body | SealedBody, when: Precondition = ALWAYS
    ) -> ObjectInfo:
        """Store an object as NewObject says; durable when it returns, invisible if it raises.

        Raises ObjectLocked rather than replace a version that is locked.
        """

    def can_link(self, reader: ObjectReader) -> bool:
        """Whether a put of it here would move no bytes: a hint, the put decides anew."""

    def open(self, place: Place, key: str, version: str = CURRENT) -> ObjectReader:
        """Raises as `head` does."""

    def head(self, place: Place, key: str, version: str = CURRENT) -> ObjectInfo:
        """The facts of the current version or of the one of that id.

        Raises NoSuchKey (with the headers of the delete marker if there is one), NoSuchVersion,
        MethodNotAllowed (the id is a delete marker's; with its headers).
        """

    def delete(self, place: Place, deletions: Sequence[Deletion]) -> Sequence[ObjectInfo | S3Error | None]:
        """All of them in one commit, each on its own: what became of it, in the same order.

        For a marker its facts; for a removal what was removed, None if there was nothing; or the
        error that kept one thing as it was (PreconditionFailed, NoSuchKey, ObjectLocked).
        """

    def amend(self, place: Place, key: str, version: str, change: Amendment) -> ObjectInfo:
        """Change what is said about a version; its facts afterwards.

        Tags and access list make a new `seq`, retention and hold do not. Raises as `head` does,
        and ObjectLocked if a retention would be weakened.
        """

    # -- how bodies are sealed; for `Encrypted` and what re-encrypts ---------------------------
    def list_seals(
        self, place: Place, *, after: tuple[str, str] = ("", ""), limit: int = 1000
    ) -> SealListing:
        """How each version is sealed, from a position of `list_versions` on."""

    def count_seals(self, place: Place) -> Mapping[str, int]:
        """How many versions and open uploads each key seals: what a wrap says before its last dot -> number.

        Plain bodies are not counted.
        """

    def reseal(self, place: Place, changes: Sequence[Reseal]) -> Sequence[bool]:
        """Exchange wraps, durably when it returns; which of them took effect. No body moves."""

    def scrub(self, place: Place, grace_s: float = SCRUB_GRACE_S) -> bool:
        """Remove what is left of replaced and deleted bodies; False while some must still be kept.

        What was replaced less than `grace_s` ago is kept, and so is what is being read.
        """

    # -- listings ----------------------------------------------------------------------------
    def list(
        self, place: Place, *, prefix: str = "", delimiter: str = "", after: str = "", limit: int = 1000
    ) -> Listing:
        """Keys and common prefixes strictly after `after`.

        Keys under a common prefix that is at or before `after` are passed over, so `last`,
        an S3 marker and a start-after all mean the same here.
        """

    def list_versions(
        self,
        place: Place,
        *,
        prefix: str = "",
        delimiter: str = "",
        after: tuple[str, str] = ("", ""),
        limit: int = 1000,
    ) -> VersionListing:
        """All versions and delete markers after a key (all of it) or after one version of a key.

        A version that is gone by now counts as before the newest: none is passed over.
        """

    # -- multipart uploads -----------------------------------------------------------
    def create_upload(self, place: Place, upload: UploadInfo) -> None:
        """Open an upload under the id that the caller chose; the same again is no error."""

    def head_upload(self, place: Place, upload_id: str) -> UploadInfo:
        """Raises NoSuchUpload; finished uploads are found for 24 hours."""

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
        """Raises NoSuchUpload. `carried` takes a part's facts over as NewObject.carried does.

        `customer_key` is that of the upload, which only `Encrypted` looks at.
        """

    def open_part(self, place: Place, upload_id: str, number: int) -> ObjectReader:
        """An uploaded part's bytes (`info.key` is the upload's key).

        Raises NoSuchUpload, InvalidPart, and NotImplementedByUs without `reads_parts`.
        """

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
        """Make the object of its parts; no byte moves. Repeated within 24 hours: the first answer.

        The object becomes a version as a NewObject of that `version_id` does; with `carried` its
        version id, place in line and lock are those of the carried object; with `newest` too it takes its
        place and its lock as any object does, and its version id is `version_id`.

        `checksums` are whole-object values that the client expects (BadDigest if they differ).
        `carried` makes it the copy of another object, whatever the parts' own ETags are, and
        then neither the least part size nor the ETag rule applies. `seal_as` gives the seal of an object
        whose parts are sealed; `customer_key` only `Encrypted` looks at.
        Raises NoSuchUpload, InvalidPart, InvalidPartOrder, EntityTooSmall, PreconditionFailed.
        """

    def abort_upload(self, place: Place, upload_id: str) -> None:
        """Raises NoSuchUpload."""

    def list_parts(
        self, place: Place, upload_id: str, *, after: int = 0, limit: int = 1000
    ) -> tuple[tuple[PartInfo, ...], bool]:
        """Parts after a number, in order, and whether there are more. Raises NoSuchUpload."""

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
        """Open uploads after (key, upload id); with `finished` also those that `head_upload` still finds."""
