"""Removals: each is made only while what is removed is what was looked at; what changed meanwhile stays."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from jobs.kinds.base import Issue, Item, Outcome
from jobs.kinds.lifecycle_rules.facts import unchanged, unpack
from jobs.kinds.lifecycle_rules.ground import Ground, Here
from jobs.kinds.pieces import GONE
from proxy.backends.values import Deletion, ObjectInfo, Pulse
from proxy.errors import NoSuchUpload, ObjectLocked, PreconditionFailed, RequestTimeout, S3Error
from proxy.versioning import deletion

STAYS = (*GONE, PreconditionFailed, ObjectLocked)
"""It is gone or was changed, or a lock keeps it: it is left, and that is no failure."""

Makes = Callable[[Here, ObjectInfo], Deletion]


def of_current(here: Here, info: ObjectInfo) -> Deletion:
    """It goes, or a delete marker hides it, as the bucket keeps versions or not."""
    kept, when = here.store.keeps_versions, unchanged(here.store, info)
    return deletion(here.settings, info.key, when=when, kept=kept)


def of_noncurrent(here: Here, info: ObjectInfo) -> Deletion:
    """That version, or that delete marker, as long as a newer one stands before it."""
    when = unchanged(here.store, info)
    return Deletion(info.key, info.version_id, when=when, superseded=True)


def of_lone_marker(here: Here, info: ObjectInfo) -> Deletion:
    """A delete marker that was the only version of its key: nothing comes into sight without it."""
    return Deletion(info.key, info.version_id, when=unchanged(here.store, info))


MAKES: dict[str, Makes] = {
    "delete": of_current,
    "delete-version": of_noncurrent,
    "delete-marker": of_lone_marker,
}


def remove(ground: Ground, item: Item) -> Outcome:
    """Those of an item, in one commit."""
    infos = [unpack(told) for told in item.data["those"]]
    with ground.here() as here:
        return remove_all(here, MAKES[item.data["do"]], infos)


def remove_all(here: Here, makes: Makes, infos: Sequence[ObjectInfo]) -> Outcome:
    """Raises S3Error if the backend could not do it now; then all can be tried again."""
    there = [info for info in infos if makes is not of_current or _is_in_sight(here, info)]
    done = here.store.delete_all([makes(here, info) for info in there]) if there else []
    ends = Ends(left=len(infos) - len(there))
    for info, end in zip(there, done, strict=True):
        ends.note(info, end)
    return ends.outcome(len(infos))


def _is_in_sight(here: Here, info: ObjectInfo) -> bool:
    """Where a condition cannot ask for it: no delete marker is put in front of another."""
    if here.store.backend.counts_changes or not here.settings.keeps_versions:
        return True
    try:
        return here.store.head(info.key).etag == info.etag
    except GONE:
        return False


@dataclass(slots=True)
class Ends:
    """What became of several removals."""

    deleted: int = 0
    size: int = 0
    left: int = 0
    issues: tuple[Issue, ...] = ()

    def note(self, info: ObjectInfo, end: ObjectInfo | S3Error | None) -> None:
        """Raises an error that may pass."""
        if end is None or isinstance(end, STAYS):
            self.left += 1
        elif isinstance(end, S3Error):
            if end.status == 503 or isinstance(end, RequestTimeout):
                raise end
            self.issues += (Issue(info.key, end.code, end.message, info.version_id),)
        else:
            self.deleted += 1
            self.size += info.size

    def outcome(self, number: int) -> Outcome:
        objects = number - len(self.issues)
        return Outcome(objects, self.size, left=self.left, deleted=self.deleted, issues=self.issues)


def together(outcomes: Iterable[Outcome]) -> Outcome:
    """Several as one."""
    total = Outcome(objects=0)
    for each in outcomes:
        left = each.objects if each.skipped else each.left
        total = Outcome(
            total.objects + each.objects,
            total.size + each.size,
            left=total.left + left,
            deleted=total.deleted + each.deleted,
            issues=total.issues + each.issues,
        )
    return total


def abort(ground: Ground, item: Item) -> Outcome:
    """Uploads that are gone by now, or became objects, are left."""
    with ground.here() as here:
        return abort_all(here, item.data["those"], ground.work.pulse)


def abort_all(here: Here, uploads: Sequence[str], pulse: Pulse) -> Outcome:
    """By their ids. Raises S3Error, and what the pulse raises."""
    aborted = 0
    for upload_id in uploads:
        pulse()
        try:
            here.store.abort_upload(upload_id)
            aborted += 1
        except NoSuchUpload:
            continue
    return Outcome(len(uploads), left=len(uploads) - aborted, deleted=aborted)
