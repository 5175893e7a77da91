"""Looking at versions: what the service shows, completed by rows and by the objects themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

from proxy.backends.base import Describe, Description
from proxy.backends.rules import no_such, refuse_marker
from proxy.backends.s3 import facts as noted
from proxy.backends.s3.answers import Facts
from proxy.backends.s3.client import Client
from proxy.backends.s3.errors import Refused, unreadable
from proxy.backends.s3.facts import Known
from proxy.backends.s3.ordinals import InLine, lined_up, same_second
from proxy.backends.s3.places import RESERVED, At
from proxy.backends.s3.showing import Shown, info_of, needs_description, settled, tagged
from proxy.backends.s3.stamps import UNSTAMPED, Stamp
from proxy.backends.values import CURRENT, NULL_VERSION, ObjectInfo
from proxy.errors import (
    InternalError,
    InvalidArgument,
    MethodNotAllowed,
    NoSuchKey,
    NoSuchVersion,
    S3Error,
)
from proxy.wire.dates import parse_http_date

AT_ONCE = 16
"""How many questions about single objects are asked of a service at the same time."""

_OLDER_PAGE = 100

_MISSES = (NoSuchKey, NoSuchVersion, MethodNotAllowed)

T = TypeVar("T")
A = TypeVar("A")


def all_at_once(ask: Callable[[A], T], about: Sequence[A]) -> list[T]:
    """What `ask` says of each, in order. It runs in threads, so it must not touch the database."""
    if len(about) < 2:
        return [ask(one) for one in about]
    with ThreadPoolExecutor(min(AT_ONCE, len(about))) as pool:
        return list(pool.map(ask, about))


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of a version: as the service shows it, what it says of itself, and its row.

    `new`: the row is not there, or says less.
    """

    seen: Shown
    stamp: Stamp
    known: Known | None
    new: bool = False

    @property
    def ordinal(self) -> int:
        """The place in line that was noted, or the one that the time alone gives."""
        return self.seen.modified if self.known is None else self.known.ordinal


class Looker:
    """The facts of the versions of one backend."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.describe: Describe | None = None

    # -- the service's word --------------------------------------------------------------------
    def ask(self, at: At, key: str, version: str = CURRENT) -> Shown:
        """One version as the service shows it; a delete marker too, if it is named.

        Raises NoSuchKey, NoSuchVersion.
        """
        if key.startswith(RESERVED) or (version not in (CURRENT, NULL_VERSION) and not at.versioned):
            raise no_such(key, version)
        try:
            return self.of_answer(at, key, self._client.head(at.bucket, key, version=self.named(at, version)))
        except S3Error as error:
            return self.marker_or_error(at, key, version, error)

    def named(self, at: At, version: str) -> str:
        """A version as requests to the service name it."""
        return version if at.versioned else CURRENT

    def of_answer(self, at: At, key: str, facts: Facts) -> Shown:
        """By the head of an answer, with the tags. (What is newest, only `info` finds out.)"""
        seen = Shown.in_answer(key, facts)
        if tagged(facts):
            tags = self._client.tags(at.bucket, key, version=self.named(at, seen.version_id))
            seen = replace(seen, tags=tags)
        return seen if at.versioned else replace(seen, version_id=NULL_VERSION)

    def marker_or_error(self, at: At, key: str, version: str, error: S3Error) -> Shown:
        """What an answer with an error shows: the delete marker that was named; raises for anything else."""
        if not (isinstance(error, _MISSES) or _is_no_version(version, error)):
            raise error
        marker = _told_marker(key, version, error)
        if marker is None and version == CURRENT and isinstance(error, MethodNotAllowed):
            raise unreadable(self._client.name) from None
        if marker is None and at.versioned and version != CURRENT:
            marker = self._listed_marker(at, key, version)
        if marker is None or version == CURRENT:
            raise no_such(key, version, info_of(marker, UNSTAMPED, 0) if marker else None) from None
        return marker

    def _listed_marker(self, at: At, key: str, version: str) -> Shown | None:
        """The delete marker of that id; not every service says what it is when it is asked for by its id."""
        after: tuple[str, str] | None = ("", "")
        while after is not None:
            page = self._client.list_versions(at.bucket, prefix=key, after=after)
            for one in page.versions:
                if one.key != key:
                    return None
                if one.version_id == version:
                    if not one.marker:  # it is there: the answer that led here was about something else
                        raise unreadable(self._client.name)
                    return Shown.in_listing(one)
            after = page.after
        return None

    # -- completed -------------------------------------------------------------------------------
    def head(self, at: At, key: str, version: str = CURRENT) -> tuple[Shown, ObjectInfo]:
        """Raises NoSuchKey, NoSuchVersion, MethodNotAllowed (a marker)."""
        seen = self.ask(at, key, version)
        info = self.info(at, seen, sure_of_latest=version == CURRENT)
        refuse_marker(info)
        return seen, info

    def current(self, at: At, key: str, version: str = CURRENT) -> tuple[Shown, ObjectInfo] | None:
        """None if there is nothing, or a delete marker."""
        try:
            return self.head(at, key, version)
        except (NoSuchKey, NoSuchVersion, MethodNotAllowed):
            return None

    def info(self, at: At, seen: Shown, *, sure_of_latest: bool = False) -> ObjectInfo:
        """The facts of what was shown."""
        if not sure_of_latest:
            seen = self.with_latest(at, seen)
        late = seen.stamp is None or seen.stamp.late or needs_description(seen.stamp)
        known = self._known(at, seen) if at.versioned or late else None
        stamp = settled(seen.stamp, known) or UNSTAMPED
        described = self._described(at, seen, stamp)
        new = described != stamp or (at.versioned and known is None)
        return self._kept(at, Told(seen, described, known, new))

    def told(self, at: At, listed: Sequence[Shown]) -> list[Told]:
        """What is known of a page of listed versions: one query, and a question for each that it misses."""
        if not (at.stamped or at.versioned):
            return [Told(seen, UNSTAMPED, None) for seen in listed]
        rows = noted.find_all(at.place, [(seen.key, seen.version_id) for seen in listed])
        known = [_holding(seen, rows.get((seen.key, seen.version_id))) for seen in listed]
        missed = [
            seen
            for seen, row in zip(listed, known, strict=True)
            if row is None and at.stamped and not seen.marker
        ]
        answers = {id(seen): answer for seen, answer in zip(missed, self._ask_all(at, missed), strict=True)}
        return [
            self._told(at, seen, rows.get((seen.key, seen.version_id)), answers.get(id(seen)))
            for seen in listed
        ]

    def _told(self, at: At, seen: Shown, row: Known | None, answer: Shown | None) -> Told:
        full = seen if answer is None else _both(seen, answer)
        known = _holding(full, row)
        stamp = settled(full.stamp, known) or UNSTAMPED
        described = self._described(at, full, stamp)
        new = (answer is not None and known is None) or described != stamp
        return Told(full, described, known, new)

    def infos(self, at: At, listed: Sequence[Shown]) -> list[ObjectInfo]:
        """The facts of a page of what plain GETs find."""
        return [self._kept(at, told) for told in self.told(at, listed)]

    def _kept(self, at: At, told: Told) -> ObjectInfo:
        ordinal = told.ordinal if at.versioned else told.seen.modified
        if told.new:
            ordinal = self._ordinal(at, told.seen, told.known)
            self.keep(at, told, ordinal)
        return info_of(told.seen, told.stamp, ordinal)

    def keep(self, at: At, told: Told, ordinal: int) -> None:
        """Note what was found out, with the version's place in line."""
        seen = told.seen
        written = told.known.written if told.known is not None else seen.modified
        noted.keep(at.place, seen.key, seen.version_id, Known(seen.etag, written, ordinal, told.stamp))

    def _ask_all(self, at: At, unknown: Sequence[Shown]) -> list[Shown | None]:
        def ask(seen: Shown) -> Shown | None:
            try:
                facts = self._client.head(at.bucket, seen.key, version=self.named(at, seen.version_id))
                return Shown.in_answer(seen.key, facts)
            except (NoSuchKey, NoSuchVersion, MethodNotAllowed):
                return None  # gone since it was listed: shown as it was

        return all_at_once(ask, unknown)

    def _known(self, at: At, seen: Shown) -> Known | None:
        return _holding(seen, noted.find(at.place, seen.key, seen.version_id))

    def with_latest(self, at: At, seen: Shown) -> Shown:
        """The same, knowing whether a version that was named is the newest of its key."""
        if not at.versioned:
            return seen
        try:
            facts = self._client.head(at.bucket, seen.key)
            newest = facts.version_id or NULL_VERSION
        except NoSuchKey as nothing:
            newest = nothing.headers.get("x-amz-version-id", "")
        return replace(seen, latest=newest == seen.version_id)

    # -- what the object has to be asked -----------------------------------------------------------
    def _described(self, at: At, seen: Shown, stamp: Stamp) -> Stamp:
        """A sealed object says at its end what its plaintext is."""
        if not needs_description(stamp) or stamp.seal is None:
            return stamp
        if self.describe is None:
            raise InternalError(f"What is known of the sealed object {seen.key!r} is lost.")

        def stored(start: int, end: int) -> bytes:
            with self._client.get(
                at.bucket, seen.key, version=self.named(at, seen.version_id), span=(start, end),
                headers={"if-match": f'"{seen.etag}"'},
            ) as found:  # fmt: skip
                return b"".join(found)

        said = self.describe(at.place, seen.key, stamp.seal.wrap, seen.size, stored)
        return _with(stamp, said, seen)

    # -- the place in line ---------------------------------------------------------------------------
    def _ordinal(self, at: At, seen: Shown, known: Known | None) -> int:
        """The place in line of a version that is on its own; see `ordinals`."""
        if not at.versioned:
            return seen.modified
        if known is not None:
            return known.ordinal
        after = (seen.key, seen.version_id)
        older = self._client.list_versions(at.bucket, prefix=seen.key, after=after, limit=_OLDER_PAGE)
        line = [
            InLine(one.version_id or NULL_VERSION, one.last_modified // 1000 * 1000)
            for one in older.versions
            if one.key == seen.key and (one.version_id or NULL_VERSION) != seen.version_id
        ]
        close = [InLine(seen.version_id, seen.modified), *same_second(line, seen.modified)]
        return lined_up(close, ordinals_of(at, seen.key, close))[seen.version_id]


def ordinals_of(at: At, key: str, line: Iterable[InLine]) -> dict[str, int]:
    """The ordinals that were noted."""
    found = noted.find_all(at.place, [(key, one.version_id) for one in line])
    return {version_id: known.ordinal for (_, version_id), known in found.items()}


def _with(stamp: Stamp, said: Description, seen: Shown) -> Stamp:
    """A stamp completed by what the body says."""
    sums = said.plain.checksums or stamp.checksums
    seal = None if stamp.seal is None else replace(stamp.seal, segments=said.segments)
    return replace(
        stamp,
        size=said.plain.size,
        etag=stamp.etag or said.plain.etag or seen.etag,
        checksums=sums,
        checksum_type=stamp.checksum_type or ("FULL_OBJECT" if sums else ""),
        parts=stamp.parts or tuple(replace(part, last_modified=seen.modified) for part in said.parts),
        seal=seal,
    )


def _holding(seen: Shown, known: Known | None) -> Known | None:
    if known is None or not (seen.marker or known.still_holds(seen.etag, seen.modified)):
        return None
    return known


def _both(seen: Shown, answer: Shown) -> Shown:
    """A listed version, with what its head says.

    Another ETag is no other object: SeaweedFS lists versions of large objects under one of its own. If
    it was replaced meanwhile, it is shown as it is now.
    """
    return replace(answer, version_id=seen.version_id, latest=seen.latest)


def _told_marker(key: str, version: str, error: S3Error) -> Shown | None:
    """The delete marker that the headers of an error tell of."""
    told = error.headers
    if told.get("x-amz-delete-marker") != "true":
        return None
    modified = (parse_http_date(told.get("last-modified", "")) or 0) * 1000
    marker_id = told.get("x-amz-version-id", version or NULL_VERSION)
    return Shown(key, 0, "", modified, marker_id, marker=True)


def _is_no_version(version: str, error: S3Error) -> bool:
    """Services refuse ids that they never gave out in words of their own."""
    if version in (CURRENT, NULL_VERSION):
        return False
    return isinstance(error, InvalidArgument) or (isinstance(error, Refused) and not error.service_code)
