"""Stretches of a bucket, and what is decided about each thing in them. Reads only.

A run goes through them page by page and does what is decided; a preview shows it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from jobs.kinds.lifecycle_rules.decisions import NOTHING, Decision, Does
from jobs.kinds.lifecycle_rules.facts import pack, unpack
from jobs.kinds.lifecycle_rules.planning import Behind, of_current, of_lone_marker, of_noncurrent, of_upload
from jobs.kinds.lifecycle_rules.position import CURRENT, NO_VERSION, UPLOADS, VERSIONS, Position
from jobs.kinds.lifecycle_rules.ranking import Ranking
from jobs.kinds.lifecycle_rules.spec import Spec, common_prefix
from jobs.kinds.pieces import COLLECTING, all_parts
from proxy.backends.values import ObjectInfo, UploadInfo
from proxy.store import Store


@dataclass(frozen=True, slots=True)
class Found:
    """A version and what is decided; `behind` is what stands before one that is not current."""

    info: ObjectInfo
    decision: Decision
    behind: Behind | None = None


@dataclass(frozen=True, slots=True)
class FoundUpload:
    """A multipart upload and what is decided."""

    upload: UploadInfo
    decision: Decision


@dataclass(frozen=True, slots=True)
class Sight:
    """Through what a bucket is looked at: its store, the rules, the time, and what rules retain."""

    store: Store
    spec: Spec
    now_ms: int
    rankings: Mapping[str, Ranking]
    limit: int = 1000


def current(sight: Sight, at: Position) -> tuple[list[Found], Position | None]:
    """The next current versions; where to go on, None at the end."""
    rules = sight.spec.about_current
    listing = sight.store.list(prefix=common_prefix(rules), after=at.after, limit=sight.limit)
    found = [Found(info, of_current(rules, info, sight.now_ms, sight.rankings)) for info in listing.objects]
    if listing.last is None:
        return found, None
    return found, Position(CURRENT, listing.last, page=at.page + 1)


def uploads(sight: Sight, at: Position, key: str | None = None) -> tuple[list[FoundUpload], Position | None]:
    """The next multipart uploads that are open, or those of one key alone."""
    rules, after = sight.spec.about_uploads, (at.after, at.after_id)
    prefix = common_prefix(rules) if key is None else key
    listing = sight.store.list_uploads(prefix=prefix, after=after, limit=sight.limit)
    shown = [upload for upload in listing.uploads if key is None or upload.key == key]
    found = [FoundUpload(each, _of_upload(sight, each)) for each in shown]
    if listing.last is None:
        return found, None
    return found, Position(UPLOADS, *listing.last, page=at.page + 1)


def _of_upload(sight: Sight, upload: UploadInfo) -> Decision:
    """One that a job collects pieces in is as old as the last of them: it may take longer than the rule
    gives a client, and nobody takes up what a job has left."""
    rules, now_ms = sight.spec.about_uploads, sight.now_ms
    decision = of_upload(rules, upload, now_ms)
    if decision.does is not Does.ABORT_UPLOAD or not upload.upload_id.startswith(COLLECTING):
        return decision
    written = (part.last_modified for part in all_parts(sight.store, upload.upload_id))
    return of_upload(rules, replace(upload, initiated=max(written, default=upload.initiated)), now_ms)


def versions(sight: Sight, at: Position, key: str | None = None) -> tuple[list[Found], Position | None]:
    """The next versions and delete markers, or those of one key alone.

    The last one of a stretch is decided with the next: only then is known whether a delete marker is the
    only version of its key. And it is still there then, so that the next listing goes on behind it.
    """
    at = _as_it_stands(sight, at)
    prefix = common_prefix(sight.spec.about_versions) if key is None else key
    listing = sight.store.list_versions(prefix=prefix, after=(at.after, at.after_id), limit=sight.limit)
    infos = [info for info in listing.versions if key is None or info.key == key]
    ends = listing.last is None or len(infos) < len(listing.versions)
    line = _Line(sight, at, infos)
    if line.moved:
        return [], Position(VERSIONS, at.after, NO_VERSION, page=at.page + 1)
    return line.decided(ends), None if ends else line.goes_on(at)


def _as_it_stands(sight: Sight, at: Position) -> Position:
    """Where to go on, by what stands before the undecided version now: some of it may be gone since the page
    before, or since another run. Of a version that is gone, or is the newest by now, the key begins anew."""
    if not at.held:
        return at
    held = unpack(list(at.held))
    listing = sight.store.list_versions(prefix=held.key, after=(held.key, NO_VERSION), limit=MOST_BEFORE)
    line = [info for info in listing.versions if info.key == held.key]
    ids = [(info.version_id, info.latest) for info in line]
    if (held.version_id, held.latest) in ids:
        line = line[: ids.index((held.version_id, held.latest))]
    elif len(line) < MOST_BEFORE:
        return Position(VERSIONS, at.after, NO_VERSION, page=at.page)
    return replace(at, newer=sum(not (info.latest or info.marker) for info in line))


MOST_BEFORE = 1000
"""So many versions before one are counted; rules keep no more of them than a tenth."""


class _Line:
    """Versions in the order of a listing, with the one that the stretch before left undecided."""

    def __init__(self, sight: Sight, at: Position, infos: Sequence[ObjectInfo]) -> None:
        self._sight = sight
        self._behind = Behind(at.since, at.newer)
        held = [unpack(list(at.held))] if at.held else []
        first = infos[0] if held and infos and infos[0].key == held[0].key else None
        if first is not None and first.latest:
            held = []  # it is gone, and its key is listed from the top again
        self.moved = bool(held) and first is not None and first.ordinal >= held[0].ordinal
        """It was written anew and stands elsewhere: what is known of its key is no good any more."""
        self._infos = [*held, *infos]

    def decided(self, ends: bool) -> list[Found]:
        """All of them, or all but the last."""
        found = []
        for index, info in enumerate(self._infos[: None if ends else -1]):
            following = self._infos[index + 1 : index + 2]
            found.append(self._one(info, alone=not following or following[0].key != info.key))
        return found

    def _one(self, info: ObjectInfo, *, alone: bool) -> Found:
        rules, now = self._sight.spec.about_versions, self._sight.now_ms
        if info.latest:
            self._behind = Behind(info.last_modified)
            lone = info.marker and alone
            return Found(info, of_lone_marker(rules, info, now) if lone else NOTHING)
        since_ms = max(self._behind.since_ms, info.last_modified)  # a copy is younger than it says
        behind = replace(self._behind, since_ms=since_ms)
        self._behind = Behind(info.last_modified, behind.newer + (not info.marker))
        return Found(info, of_noncurrent(rules, info, behind, now), behind)

    def goes_on(self, at: Position) -> Position:
        """Behind the last one, which is held."""
        held = self._infos[-1]
        return replace(
            at, section=VERSIONS, after=held.key, after_id=held.version_id, page=at.page + 1,
            since=self._behind.since_ms, newer=self._behind.newer, held=pack(held),
        )  # fmt: skip
