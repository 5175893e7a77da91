"""What a target cannot keep of a bucket, and whether the request allows that it is lost.

`drop` names what may be lost; what the target can keep is carried all the same. Locked versions
are never given up.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Protocol

from jobs.errors import JobFailed, TargetCannotKeep
from jobs.kinds.migration.ground import Ground
from jobs.kinds.migration.sides import parts_are_lost
from proxy.backends.values import NULL_VERSION, ObjectInfo, Usage
from proxy.bucket_settings import ENABLED, BucketSettings
from proxy.store import Store

VERSIONS, UPLOADS = "versions", "uploads"
DROPS = (VERSIONS, UPLOADS)
"""What a request may give up."""

_PAGES_LOOKED_AT = 100


class Abilities(Protocol):
    """What a backend says of itself."""

    name: str
    keeps_versions: bool
    keeps_locks: bool
    keeps_uploads: bool
    assigns_versions: bool


@dataclass(frozen=True, slots=True)
class Loss:
    """How much of a bucket would be lost.

    `versions` (older ones and delete markers), `version_ids` (of current objects), `locked`
    versions, open `uploads`.
    """

    versions: int = 0
    version_ids: int = 0
    locked: int = 0
    uploads: int = 0

    @property
    def history(self) -> int:
        return self.versions + self.version_ids

    def counts(self) -> dict[str, int]:
        return {
            "versions": self.versions,
            "version_ids": self.version_ids,
            "locked": self.locked,
            "uploads": self.uploads,
        }


def loss(held: Usage, version_ids: int, target: Abilities, unreadable: int = 0) -> Loss:
    """What would be lost of a bucket that holds so much, `unreadable` uploads among it. Pure."""
    keeps_history, keeps_locked = target.keeps_versions, target.keeps_versions and target.keeps_locks
    return Loss(
        versions=0 if keeps_history else held.versions,
        version_ids=0 if keeps_history else version_ids,
        locked=0 if keeps_locked else held.locked,
        uploads=unreadable if target.keeps_uploads else held.uploads,
    )


def hindrances(
    lost: Loss, settings: BucketSettings, target: Abilities, drop: Collection[str]
) -> Iterator[tuple[str, str | None]]:
    """Why the move is refused, and what `drop` would have to name to allow it (None: nothing helps). Pure."""
    name = target.name
    if lost.locked:
        yield f"{name} cannot keep {lost.locked} locked versions, and nothing may remove them.", None
    if settings.object_lock and not (target.keeps_versions and target.keeps_locks):
        yield f"Object lock is on for this bucket, and {name} cannot keep locks.", None
    elif settings.versioning == ENABLED and not (target.keeps_versions or target.assigns_versions):
        yield f"Versioning is on for this bucket, and {name} cannot keep versions: suspend it first.", None
    if lost.history and VERSIONS not in drop:
        what = f"{lost.versions} older versions and delete markers, and {lost.version_ids} version ids"
        why = " It gives version ids itself." if target.assigns_versions else ""
        yield f"{name} cannot keep {what} of current objects.{why}", VERSIONS
    if lost.uploads and UPLOADS not in drop:
        if target.keeps_uploads:
            yield (
                f"{lost.uploads} open uploads have parts, which their service gives back to nobody.",
                UPLOADS,
            )
        else:
            yield f"{name} cannot take over {lost.uploads} open uploads.", UPLOADS


def check(
    store: Store, held: Usage, settings: BucketSettings, target: Abilities, drop: Collection[str]
) -> Loss:
    """What will be lost, all of it named in `drop`. Raises TargetCannotKeep, with counts."""
    counts_ids = settings.keeps_versions and not target.keeps_versions
    lost = loss(held, version_ids(store) if counts_ids else 0, target, unreadable_uploads(store))
    found = list(hindrances(lost, settings, target, drop))
    if found:
        helps = [] if any(each is None for _, each in found) else [each for _, each in found]
        advice = f" To move without them, drop {' and '.join(map(str, helps))}." if helps else ""
        raise TargetCannotKeep(" ".join(why for why, _ in found) + advice, **lost.counts(), drop=helps)
    return lost


def refuse_lost_id(ground: Ground, info: ObjectInfo) -> None:
    """Raises JobFailed if a version would lose its id and nobody allowed that."""
    dropped = VERSIONS in ground.work.spec.get("drop", ())
    if not (ground.keeps_versions or dropped or info.version_id == NULL_VERSION):
        text = f"{info.key}: {ground.target_route.backend} cannot keep the version id {info.version_id}."
        raise JobFailed(text, "TargetCannotKeep")


def version_ids(store: Store) -> int:
    """Current objects whose version has an id of its own, among the first 100,000.

    The copy stops at the first one that nobody allowed to be lost, so that a larger bucket loses none.
    """
    found, after = 0, ""
    for _ in range(_PAGES_LOOKED_AT):
        listing = store.list(after=after)
        found += sum(info.version_id != NULL_VERSION for info in listing.objects)
        if listing.last is None:
            break
        after = listing.last
    return found


def unreadable_uploads(store: Store) -> int:
    """Open uploads with parts that their backend cannot read."""
    found, after = 0, ("", "")
    while not store.backend.reads_parts:
        listing = store.list_uploads(after=after)
        found += sum(parts_are_lost(store, upload) for upload in listing.uploads)
        if listing.last is None:
            break
        after = listing.last
    return found
