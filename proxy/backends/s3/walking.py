"""Listings in the order of UTF-8 bytes, also of services that list folder by folder.

Such a service (SeaweedFS is one) has `a/b` before `a-b`, as if `/` came before every other character.
Where that makes a difference, all keys are one *family*: those that go on after some text with `/` or
with a character before it. By bytes the folder is the last of its family, for the service it is the
first. So its siblings are asked for before the folder is; all else comes as the service has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from proxy.backends.s3.entries import Entry, behind_all_of, by_key, name_of
from proxy.errors import NotImplementedByUs

Position = tuple[str, str]
"""(key, version id): what lies behind it is asked for."""

_PAGES_KEPT = 8


@dataclass(frozen=True, slots=True)
class Stretch:
    """One page of a service. `upto` is the last name that it covers; `goes_on` is None at the end."""

    entries: Sequence[Entry]
    upto: str = ""
    goes_on: Position | None = None


Fetch = Callable[[Position], Stretch]


def walk(
    backend: str,
    fetch: Fetch,
    folders: Fetch | None,
    start: Position,
    prefix: str,
    by_folders: Callable[[], bool],
) -> Iterator[Entry]:
    """Everything behind `start` that begins with `prefix`, by bytes (and maybe more that lies before).

    `folders` gives pages in the order of such a service, None if it has no such pages. `by_folders` is
    asked only where the order can matter. Raises NotImplementedByUs for what cannot be put in order.
    """
    if not start[0].startswith(prefix):
        if start[0].encode() > prefix.encode():
            return
        start = ("", "")
    last = b""
    for entry in _found(backend, fetch, folders, start, prefix, by_folders):
        name = name_of(entry).encode()
        if name < last:
            raise _out_of_order(backend)
        last = name
        yield entry


def _found(
    backend: str,
    fetch: Fetch,
    folders: Fetch | None,
    start: Position,
    prefix: str,
    by_folders: Callable[[], bool],
) -> Iterator[Entry]:
    if folders is not None and start != ("", "") and by_folders():
        return _after(_Pages(folders), start, None, len(prefix))
    first = fetch(start)
    if first.goes_on is None or not by_folders():
        return _straight(fetch, first)
    if folders is None:
        raise _out_of_order(backend)
    pages = _Pages(folders)
    if start == ("", "") and first.entries:
        pages.keep(start, _by_rank(first))
    return _after(pages, start, None, len(prefix))


def _by_rank(page: Stretch) -> Stretch:
    """The first page, as one of a service that lists folder by folder."""
    last = max(page.entries, key=lambda entry: rank(name_of(entry)))
    upto = name_of(last)
    return Stretch(page.entries, upto, (behind_all_of(upto) if isinstance(last, str) else upto, ""))


def _out_of_order(backend: str) -> NotImplementedByUs:
    return NotImplementedByUs(f"The storage {backend!r} cannot list so much in the order of the keys' bytes.")


def _straight(fetch: Fetch, page: Stretch) -> Iterator[Entry]:
    yield from by_key(page.entries)
    while page.goes_on is not None:
        page = fetch(page.goes_on)
        yield from by_key(page.entries)


def _after(pages: _Pages, start: Position, end: str | None, shared: int) -> Iterator[Entry]:
    """What lies behind `start` by bytes, and before `end` as the service has it."""
    at = _fork(start[0], shared)
    if at is None:
        yield from _between(pages, start, end, shared)
        return
    stem = start[0][:at]
    if start[0][at] == "/":
        yield from _after(pages, start, _end_of_folder(stem), at + 1)
    else:
        yield from _after(pages, start, _end_of_family(stem), at + 1)
        yield from _between(pages, (stem, ""), _end_of_folder(stem), at + 1)
    yield from _between(pages, _behind_family(stem), end, shared)


def _between(pages: _Pages, start: Position, end: str | None, shared: int) -> Iterator[Entry]:
    """What lies between the two as the service has it; `start` lies in no family that has begun."""
    position: Position | None = start
    while position is not None:
        page = pages(position)
        within = [one for one in page.entries if end is None or rank(name_of(one)) < rank(end)]
        ends = page.goes_on is None or (end is not None and rank(page.upto) >= rank(end))
        at = None if ends else _fork(page.upto, shared)
        if at is None:
            yield from by_key(within)
            position = None if ends else page.goes_on
            continue
        stem = page.upto[:at]
        yield from by_key([one for one in within if not _in_family(name_of(one), stem)])
        yield from _between(pages, (behind_all_of(stem + "/"), ""), _end_of_family(stem), at + 1)
        yield from _between(pages, (stem, ""), _end_of_folder(stem), at + 1)
        position = _behind_family(stem)


def _fork(name: str, shared: int) -> int | None:
    """Where a name goes on as a member of a family, beyond what all have in common."""
    return next((at for at in range(shared, len(name)) if name[at] <= "/"), None)


def _in_family(name: str, stem: str) -> bool:
    return name.startswith(stem) and "" < name[len(stem) : len(stem) + 1] <= "/"


def _end_of_folder(stem: str) -> str:
    return stem + "\x01"


def _end_of_family(stem: str) -> str:
    return stem + "0"


def _behind_family(stem: str) -> Position:
    return (behind_all_of(stem + "."), "")


def rank(name: str) -> bytes:
    """What such a service orders by."""
    return name.replace("/", "\0").encode()


class _Pages:
    """The pages that were fetched last: what they cover is not asked for again."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._kept: list[tuple[Position, Stretch]] = []

    def __call__(self, start: Position) -> Stretch:
        for begin, page in self._kept:
            if begin == start:
                return page
            if start[1] == "" and rank(begin[0]) < rank(start[0]) < rank(page.upto):
                rest = [one for one in page.entries if rank(name_of(one)) > rank(start[0])]
                return Stretch(rest, page.upto, page.goes_on)
        page = self._fetch(start)
        self.keep(start, page)
        return page

    def keep(self, start: Position, page: Stretch) -> None:
        self._kept = [*self._kept[1 - _PAGES_KEPT :], (start, page)]
