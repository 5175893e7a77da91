"""Listings of objects: pages of the service, cut and completed to what is asked for.

A service lists versions of a bucket that keeps them with their ids, objects without; so it is versions
that are looked through there, and what lies below the newest of a key is passed over in one step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby

from proxy.backends.s3.client import Client
from proxy.backends.s3.entries import Entry, behind_all_of, by_key, is_behind_all, just_below, name_of
from proxy.backends.s3.looking import Looker
from proxy.backends.s3.places import RESERVED, At
from proxy.backends.s3.showing import Shown, listed
from proxy.backends.s3.walking import Fetch, Position, Stretch, rank, walk
from proxy.backends.values import Listing

PAGE = 1000
"""Entries of one page of a service at most."""

ByFolders = Callable[[At], bool]
"""Whether the service lists folder by folder; it may have to be asked."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What part of a place is listed."""

    prefix: str
    delimiter: str

    def common_prefix(self, key: str) -> str:
        """The common prefix that a key is shown as; "" if it is shown itself."""
        if not (self.delimiter and key.startswith(self.prefix)):
            return ""
        at = key.find(self.delimiter, len(self.prefix))
        return "" if at < 0 else key[: at + len(self.delimiter)]

    def start(self, after: str) -> str:
        """What a service is told to start after: all of a common prefix, if `after` lies in one."""
        common = self.common_prefix(after)
        return behind_all_of(common) if common else after

    @property
    def hopeless(self) -> bool:
        """Whether nothing but what is reserved can be meant."""
        return self.prefix.startswith(RESERVED)


def merged(shown: list[Shown], prefixes: tuple[str, ...]) -> list[Entry]:
    """A page in byte order; versions of one key stay as they came, if the newest came first.

    (Some services list delete markers behind all versions of a page.)
    """
    if any(one.marker for one in shown):
        groups = groupby(by_key(shown), key=name_of)
        shown = [one for _, group in groups for one in _newest_first(list(group))]
    return by_key([*shown, *prefixes])


def _newest_first(versions: list[Shown]) -> list[Shown]:
    if versions[0].latest or not any(one.latest for one in versions):
        return versions
    return sorted(versions, key=lambda one: (not one.latest, -one.modified))


def hidden(entry: Entry) -> bool:
    """Whether it is the gateway's own."""
    return name_of(entry).startswith(RESERVED)


def list_objects(
    client: Client, looker: Looker, at: At, asked: Asked, after: str, limit: int, by_folders: ByFolders
) -> Listing:
    """See `Backend.list`."""
    if limit < 1 or asked.hopeless:
        return Listing((), (), None)
    fetch = _newest(client, at, asked) if at.versioned else _objects(client, at, asked, limit)
    folders = None if at.versioned else in_folders(client, at, asked)
    found: list[Entry] = []
    start = (asked.start(after), "")
    for entry in walk(client.name, fetch, folders, start, asked.prefix, lambda: by_folders(at)):
        if not hidden(entry) and name_of(entry).encode() > after.encode():
            found.append(entry)
        if len(found) > limit:
            break
    page = found[:limit]
    infos = looker.infos(at, [entry for entry in page if isinstance(entry, Shown)])
    return Listing(
        tuple(listed(info) for info in infos),
        tuple(entry for entry in page if isinstance(entry, str)),
        name_of(page[-1]) if len(found) > limit else None,
    )


def _objects(client: Client, at: At, asked: Asked, limit: int) -> Fetch:
    """Pages of a service that lists by bytes."""

    def fetch(start: Position) -> Stretch:
        entries, more = _page(client, at, asked, start[0], min(PAGE, limit + 2))
        if not more:
            return Stretch(entries)
        upto = name_of(entries[-1])
        return Stretch(entries, upto, (asked.start(upto), ""))

    return fetch


def in_folders(client: Client, at: At, asked: Asked) -> Fetch:
    """Pages of a service that lists folder by folder, of a bucket without versions.

    SeaweedFS leaves away the folder that has the name of the key to start after; so it is told to start
    before that key, or within the folder.
    """

    def fetch(start: Position) -> Stretch:
        key = start[0]
        entries, more = _page(client, at, asked, _told(key, asked.delimiter), PAGE)
        upto = max(map(name_of, entries), key=rank, default="")
        behind = [one for one in entries if rank(name_of(one)) > rank(key)]
        return Stretch(behind, upto, (asked.start(upto), "")) if more else Stretch(behind)

    return fetch


def _told(key: str, delimiter: str) -> str:
    """What to start after, to get all that comes behind a key, and maybe itself."""
    if not key or is_behind_all(key):
        return key
    if delimiter:
        return _short_of(key)
    return key if key.endswith("/") else key + "/"


def _short_of(key: str) -> str:
    """A text that no key lies between and the key, where `/` comes first."""
    rest, last = key[:-1], key[-1]
    if last == "/":
        return rest
    return behind_all_of(rest + ("." if last == "0" else just_below(last)))


def _page(client: Client, at: At, asked: Asked, after: str, limit: int) -> tuple[list[Entry], bool]:
    """One page that is not empty unless it is the last, by bytes; whether there is more."""
    token = ""
    while True:
        page = client.list(
            at.bucket, prefix=asked.prefix, delimiter=asked.delimiter,
            after="" if token else after, token=token, limit=limit,
        )  # fmt: skip
        entries = merged([Shown.in_listing(one) for one in page.objects], page.prefixes)
        token = page.token
        if entries or not token:
            return entries, bool(token)


def _newest(client: Client, at: At, asked: Asked) -> Fetch:
    """What a plain GET finds of each key, by a listing of versions."""

    def fetch(start: Position) -> Stretch:
        page = client.list_versions(
            at.bucket, prefix=asked.prefix, delimiter=asked.delimiter, after=start, limit=PAGE
        )
        shown = [Shown.in_listing(one) for one in page.versions]
        entries = merged([one for one in shown if one.latest and not one.marker], page.prefixes)
        if page.after is None:
            return Stretch(entries)
        return Stretch(entries, page.after[0], _past(page.after, shown))

    return fetch


def _past(after: Position, shown: list[Shown]) -> Position:
    """Where to go on: the other versions of the last key need not be looked through."""
    inside = bool(shown) and after[1] != "" and shown[-1].key == after[0]
    return (after[0], "") if inside else after
