"""Removals: each is made only while what is removed is what was looked at; what changed meanwhile stays."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from jobs.kinds.base import Issue, Item, Outcome
from jobs.kinds.lifecycle_rules.facts import pack, unchanged, unpack
from jobs.kinds.lifecycle_rules.ground import Ground, Here
from jobs.kinds.pieces import GONE
from proxy.backends.values import ALWAYS, NULL_VERSION, Deletion, ObjectInfo, Precondition, Pulse
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
    return Deletion(info.key, info.version_id, when=_same(here, info), superseded=True)


def of_lone_marker(here: Here, info: ObjectInfo) -> Deletion:
    """A delete marker that was the only version of its key: nothing comes into sight without it."""
    return Deletion(info.key, info.version_id, when=_same(here, info))


def _same(here: Here, info: ObjectInfo) -> Precondition:
    """That version and no other. An id that a service gave is never another's, and needs no condition,
    which services judge by the current version; the null version is whatever was written last."""
    given = here.store.backend.assigns_versions and info.version_id != NULL_VERSION
    return ALWAYS if given else unchanged(here.store, info)


MAKES: dict[str, Makes] = {
    "delete": of_current,
    "delete-version": of_noncurrent,
    "delete-marker": of_lone_marker,
}


def remove(ground: Ground, item: Item) -> Outcome:
    """Those of an item, in one commit; one that the backend could not remove now is done next, alone."""
    infos = [unpack(told) for told in item.data["those"]]
    with ground.here() as here:
        ends = removed(here, MAKES[item.data["do"]], infos)
    if len(infos) == 1:
        ends.raise_passing()
    again = [
        replace(item, key=info.key, data={**item.data, "those": [pack(info)]}) for info, _ in ends.passing
    ]
    return replace(ends.outcome, again=tuple(again))


def removed(here: Here, makes: Makes, infos: Sequence[ObjectInfo]) -> Ends:
    """Remove all that is still as it was looked at."""
    there = [info for info in infos if makes is not of_current or _is_in_sight(here, info)]
    done = here.store.delete_all([makes(here, info) for info in there]) if there else []
    ends = Ends(left=len(infos) - len(there))
    for info, end in zip(there, done, strict=True):
        ends.note(info, end)
    return ends


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
    """What became of several removals; `passing` are those that may succeed later."""

    deleted: int = 0
    size: int = 0
    left: int = 0
    issues: tuple[Issue, ...] = ()
    passing: list[tuple[ObjectInfo, S3Error]] = field(default_factory=list)

    def note(self, info: ObjectInfo, end: ObjectInfo | S3Error | None) -> None:
        """One of them."""
        if end is None or isinstance(end, STAYS):
            self.left += 1
        elif not isinstance(end, S3Error):
            self.deleted += 1
            self.size += info.size
        elif end.status == 503 or isinstance(end, RequestTimeout):
            self.passing.append((info, end))
        else:
            self.issues += (Issue(info.key, end.code, end.message, info.version_id),)

    def raise_passing(self) -> None:
        """Raises the first error that may pass, so that all is tried again."""
        for _, error in self.passing:
            raise error

    @property
    def outcome(self) -> Outcome:
        objects = self.deleted + self.left
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
