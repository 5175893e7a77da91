"""Listings of all versions, in the service's order, with the ordinals that go with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from proxy.backends.s3.client import Client
from proxy.backends.s3.entries import Entry, behind_all_of, just_below, name_of
from proxy.backends.s3.listing import PAGE, Asked, ByFolders, hidden, in_folders, merged
from proxy.backends.s3.looking import Looker, Told, ordinals_of
from proxy.backends.s3.ordinals import InLine, lined_up
from proxy.backends.s3.places import At
from proxy.backends.s3.showing import Shown, info_of, listed
from proxy.backends.s3.walking import Fetch, Position, Stretch, walk
from proxy.backends.values import ObjectInfo, VersionListing
from proxy.errors import NoSuchKey, NoSuchVersion


class VersionLister:
    """Pages of versions of one backend."""

    def __init__(self, client: Client, looker: Looker, by_folders: ByFolders) -> None:
        self._client = client
        self._looker = looker
        self._by_folders = by_folders

    def page(self, at: At, asked: Asked, after: Position, limit: int) -> VersionListing:
        """See `Backend.list_versions`."""
        if limit < 1 or asked.hopeless:
            return VersionListing((), (), None)
        found: list[Entry] = []
        walk = self._entries(at, asked, after)
        for entry in walk:
            found.append(entry)
            if len(found) > limit:
                break
        page = found[:limit]
        shown = [entry for entry in page if isinstance(entry, Shown)]
        beyond = self._same_second(shown, found[limit:], walk)
        infos = self._in_line(at, shown, beyond) if at.versioned else self._looker.infos(at, shown)
        return VersionListing(
            tuple(listed(info) for info in infos),
            tuple(entry for entry in page if isinstance(entry, str)),
            _position(page[-1]) if len(found) > limit else None,
        )

    def _entries(self, at: At, asked: Asked, after: Position) -> Iterator[Entry]:
        """All that is shown after a position."""
        key, version = after
        inside = bool(version) and not asked.common_prefix(key)
        exists = inside and self._exists(at, key, version)
        if inside and not exists:
            start, passed = (just_before(key), ""), just_before(key)
        else:
            start, passed = ((key, version) if inside else (asked.start(key), "")), key
        fetch = self._fetch(at, asked)
        folders = None if at.versioned else in_folders(self._client, at, asked)
        name = self._client.name
        for entry in walk(name, fetch, folders, start, asked.prefix, lambda: self._by_folders(at)):
            later = name_of(entry).encode() > passed.encode() or (exists and name_of(entry) == key)
            if later and not hidden(entry):
                yield entry

    def _fetch(self, at: At, asked: Asked) -> Fetch:
        def fetch(start: Position) -> Stretch:
            page = self._client.list_versions(
                at.bucket, prefix=asked.prefix, delimiter=asked.delimiter, after=start, limit=PAGE
            )
            entries = merged([Shown.in_listing(one) for one in page.versions], page.prefixes)
            return Stretch(entries) if page.after is None else Stretch(entries, page.after[0], page.after)

        return fetch

    def _exists(self, at: At, key: str, version: str) -> bool:
        try:
            self._looker.ask(at, key, version)
            return True
        except (NoSuchKey, NoSuchVersion):
            return False

    # -- ordinals -----------------------------------------------------------------------------
    def _same_second(
        self, shown: Sequence[Shown], more: Sequence[Entry], walk: Iterator[Entry]
    ) -> list[Shown]:
        """The versions behind a page that share the second of its last one, whose place depends on them."""
        beyond: list[Shown] = []
        if not shown:
            return beyond
        last = shown[-1]
        for entries in (more, walk):
            for entry in entries:
                if not isinstance(entry, Shown) or entry.key != last.key or entry.modified < last.modified:
                    return beyond
                beyond.append(entry)
        return beyond

    def _in_line(self, at: At, shown: Sequence[Shown], beyond: Sequence[Shown]) -> list[ObjectInfo]:
        """Facts with ordinals that grow with the line; those that are new or had to be mended are noted."""
        done: list[ObjectInfo] = []
        for key, group in groupby(self._looker.told(at, shown), key=lambda told: told.seen.key):
            own = list(group)
            line = [InLine(told.seen.version_id, told.seen.modified) for told in own]
            known = {told.seen.version_id: told.known.ordinal for told in own if told.known is not None}
            if beyond and beyond[0].key == key:
                older = [InLine(one.version_id, one.modified) for one in beyond]
                known |= ordinals_of(at, key, older)
                line += older
            found = lined_up(line, known)
            done += [self._settled(at, told, found[told.seen.version_id]) for told in own]
        return done

    def _settled(self, at: At, told: Told, ordinal: int) -> ObjectInfo:
        if told.new or told.known is None or told.known.ordinal != ordinal:
            self._looker.keep(at, told, ordinal)
        return info_of(told.seen, told.stamp, ordinal)


def just_before(key: str) -> str:
    """A text that no key lies between and the key; "" before the first."""
    if not key:
        return ""
    rest, last = key[:-1], key[-1]
    return rest if last == "\0" else behind_all_of(rest + just_below(last))


def _position(entry: Entry) -> Position:
    return (entry, "") if isinstance(entry, str) else (entry.key, entry.version_id)
