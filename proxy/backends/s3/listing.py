"""Listings of objects: pages of the service, cut and completed to what is asked for.

A service lists versions of a bucket that keeps them with their ids, objects without; so it is versions
that are looked through there, and what lies below the newest of a key is passed over in one step.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeVar

from proxy.backends.s3.client import Client
from proxy.backends.s3.looking import Looker
from proxy.backends.s3.places import RESERVED, At
from proxy.backends.s3.showing import Shown, listed
from proxy.backends.values import Listing

PAGE = 1000
"""Entries of one page of a service at most."""

_KEY_BYTES = 1024
_GREATEST = "\U0010ffff"

Entry = Shown | str
"""What a listing shows: a version, or a common prefix."""

E = TypeVar("E", bound=Entry)


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


def behind_all_of(prefix: str) -> str:
    """The greatest key that begins so."""
    return prefix + _GREATEST * ((_KEY_BYTES - len(prefix.encode())) // 4)


def name_of(entry: Entry) -> str:
    return entry if isinstance(entry, str) else entry.key


def merged(shown: list[Shown], prefixes: tuple[str, ...]) -> list[Entry]:
    """A page in byte order; versions of one key stay as they came, if the newest came first.

    (Some services list delete markers behind all versions of a page.)
    """
    if any(one.marker for one in shown):
        groups = groupby(_by_key(shown), key=name_of)
        shown = [one for _, group in groups for one in _newest_first(list(group))]
    return _by_key([*shown, *prefixes])


def _by_key(entries: Sequence[E]) -> list[E]:
    return sorted(entries, key=lambda entry: name_of(entry).encode())


def _newest_first(versions: list[Shown]) -> list[Shown]:
    if versions[0].latest or not any(one.latest for one in versions):
        return versions
    return sorted(versions, key=lambda one: (not one.latest, -one.modified))


def hidden(entry: Entry) -> bool:
    """Whether it is the gateway's own."""
    return name_of(entry).startswith(RESERVED)


def list_objects(client: Client, looker: Looker, at: At, asked: Asked, after: str, limit: int) -> Listing:
    """See `Backend.list`."""
    if limit < 1 or asked.hopeless:
        return Listing((), (), None)
    walk = (
        _newest(client, at, asked, after, limit)
        if at.versioned
        else _objects(client, at, asked, after, limit)
    )
    found: list[Entry] = []
    for entry in walk:
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


def _objects(client: Client, at: At, asked: Asked, after: str, limit: int) -> Iterator[Entry]:
    token, start = "", asked.start(after)
    while True:
        page = client.list(
            at.bucket, prefix=asked.prefix, delimiter=asked.delimiter,
            after="" if token else start, token=token, limit=min(PAGE, limit + 2),
        )  # fmt: skip
        yield from merged([Shown.in_listing(one) for one in page.objects], page.prefixes)
        token = page.token
        if not token:
            return


def _newest(client: Client, at: At, asked: Asked, after: str, limit: int) -> Iterator[Entry]:
    """What a plain GET finds of each key, by a listing of versions."""
    marker: tuple[str, str] | None = (asked.start(after), "")
    while marker is not None:
        page = client.list_versions(
            at.bucket, prefix=asked.prefix, delimiter=asked.delimiter, after=marker, limit=PAGE
        )
        shown = [Shown.in_listing(one) for one in page.versions]
        yield from merged([one for one in shown if one.latest and not one.marker], page.prefixes)
        marker = page.after and _past(page.after, shown)


def _past(after: tuple[str, str], shown: list[Shown]) -> tuple[str, str]:
    """Where to go on: the other versions of the last key need not be looked through."""
    inside = bool(shown) and after[1] != "" and shown[-1].key == after[0]
    return (after[0], "") if inside else after
