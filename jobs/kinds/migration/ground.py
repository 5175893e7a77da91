"""What every step of a migration stands on: two stores, and the job's notes about them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from jobs.kinds.base import Work
from jobs.kinds.pieces import GONE, MIB, MOST_PARTS, Limits
from jobs.kinds.steps import Step, todo
from proxy.backends.base import Backend
from proxy.backends.values import NULL_VERSION, UNLOCKED, ObjectInfo, Place, Route, UploadInfo
from proxy.store import Store

__all__ = [
    "GONE",
    "MIB",
    "MOST_PARTS",
    "Ground",
    "Limits",
    "Step",
    "route_from",
    "route_note",
    "same_place",
    "todo",
]


@dataclass(frozen=True, slots=True)
class Ground:
    """One call of a step: the job's facts and fences, and how much it may do at once."""

    work: Work
    limits: Limits
    writable: bool = False
    """Clients still write to the source: what changes while it is copied is copied again later."""

    @property
    def source_route(self) -> Route:
        return route_from(self.work.state["source"])

    @property
    def target_route(self) -> Route:
        return route_from(self.work.state["target"])

    @property
    def source(self) -> Store:
        """The place that the bucket had when the job was staged, whatever its Route is now."""
        return Store.at(self.source_route)

    @property
    def target(self) -> Store:
        return Store.at(self.target_route)

    @property
    def keeps_versions(self) -> bool:
        """Whether all versions and markers move; else what a plain GET finds, under the null version."""
        return self.target.backend.keeps_versions

    @property
    def keeps_uploads(self) -> bool:
        """Whether multipart uploads move."""
        return self.target.backend.keeps_uploads

    def there(self, version_id: str) -> str:
        """The id that a version of the source has on the target."""
        return version_id if self.keeps_versions else NULL_VERSION

    def carried(self, info: ObjectInfo) -> ObjectInfo:
        """A version of the source as the target keeps it."""
        lock = info.lock if self.target.backend.keeps_locks else UNLOCKED
        return replace(info, version_id=self.there(info.version_id), lock=lock)

    def carried_upload(self, upload: UploadInfo) -> UploadInfo:
        """An upload of the source as the target keeps it."""
        lock = upload.lock if self.target.backend.keeps_locks else UNLOCKED
        done = None if upload.completed is None else self.carried(upload.completed)
        return replace(upload, lock=lock, completed=done)

    @property
    def objects(self) -> int:
        """How many versions and delete markers are to be moved, as counted when the job was staged."""
        return int(self.work.state["objects"])

    @property
    def size(self) -> int:
        """How many bytes they have."""
        return int(self.work.state["bytes"])


def route_note(route: Route) -> dict[str, str]:
    """A Route as the job's state keeps it."""
    place = route.place
    return {
        "backend": route.backend,
        "bucket_id": place.bucket_id,
        "bucket": place.bucket,
        "incarnation": place.incarnation,
    }


def route_from(note: dict[str, str]) -> Route:
    return Route(note["backend"], Place(note["bucket_id"], note["bucket"], note["incarnation"]))


def same_place(one: Backend, place: Place, other: Backend, other_place: Place, text: str) -> bool:
    """Whether two places are one under two names: a note left on the first shows on the second.

    Leaves no note behind. `text` must be of this attempt alone.
    """
    one.mark(place, MARK, text)
    try:
        return other.marked(other_place, MARK) == text
    finally:
        one.mark(place, MARK, None)


MARK = "migration"
"""The name of the note that a migration leaves on its target to know it again."""
