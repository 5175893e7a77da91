"""Verify: both places side by side, in both directions, and every body of the target read again.

Any difference fails the job, before the flip. Bodies whose copy the target confirmed by
checksum are not read again; everything else is compared all the same.
"""

from __future__ import annotations

from jobs.kinds.base import Item, Outcome, Page
from jobs.kinds.migration import position as at
from jobs.kinds.migration.facts import Span, listed_difference, object_difference, spans
from jobs.kinds.migration.ground import Ground, Step, todo
from jobs.kinds.migration.position import Position, decode
from jobs.kinds.migration.proving import differs, prove_md5, prove_same
from jobs.kinds.migration.verifying_uploads import (
    extras_page,
    parts_page,
    uploads_page,
    verify_part,
    verify_upload,
)
from jobs.kinds.migration.walking import fitting, page_of
from proxy.backends.base import ObjectReader
from proxy.backends.values import Listing, ObjectInfo
from proxy.errors import NoSuchKey

# -- pages ----------------------------------------------------------------------------------


def _page(ground: Ground, token: str | None) -> Page:
    if token is None:
        ground.work.state["seq_verified"] = ground.source.backend.head_seq(ground.source.place)
    position = decode(token)
    return _PAGES[position.section](ground, position)


def _objects_page(ground: Ground, position: Position) -> Page:
    if position.inside:
        return _pieces_page(ground, position)
    source = ground.source.list(after=position.after, limit=ground.limits.page_items)
    target = ground.target.list(after=position.after, limit=ground.limits.page_items)
    paired, whole = _paired(source, target)
    taken = fitting(paired, ground.limits)
    if paired and not taken:
        return page_of(ground, [todo("facts", paired[0].key)], position.enter(paired[0].key))
    items = [todo("object", info.key, info.size) for info in taken]
    if whole and len(taken) == len(paired):
        return page_of(ground, items, Position(at.UPLOADS))
    return page_of(ground, items, position.past(taken[-1].key))


def _paired(source: Listing, target: Listing) -> tuple[list[ObjectInfo], bool]:
    """The objects up to where both listings reach, and whether that is the end of both.

    Raises JobFailed where the two differ.
    """
    ends = [listing.last for listing in (source, target) if listing.last is not None]
    horizon = min(ends, default=None)
    ours, theirs = (
        [info for info in listing.objects if horizon is None or info.key <= horizon]
        for listing in (target, source)
    )
    for mine, other in zip(ours, theirs, strict=False):
        if mine.key > other.key:
            raise differs(other.key, "the target has no such object")
        if mine.key < other.key:
            raise differs(mine.key, "the source has no such object")
        difference = listed_difference(other, mine)
        if difference is not None:
            raise differs(mine.key, difference)
    if len(ours) > len(theirs):
        raise differs(ours[len(theirs)].key, "the source has no such object")
    if len(theirs) > len(ours):
        raise differs(theirs[len(ours)].key, "the target has no such object")
    return theirs, horizon is None


def _pieces_page(ground: Ground, position: Position) -> Page:
    """The next spans of a large body, from `position.offset` on."""
    key = position.inside
    try:
        info = ground.target.head(key)
    except NoSuchKey:
        raise differs(key, "the target has no such object") from None
    items: list[Item] = []
    size, end = 0, position.offset
    for span in spans(info, ground.limits.part_bytes):
        if span.start < position.offset:
            continue
        if len(items) == ground.limits.page_items or size >= ground.limits.page_bytes:
            return page_of(ground, items, position.at(end))
        data = {"etag": info.etag, "start": span.start, "end": span.end, "md5": span.md5}
        items.append(todo("piece", key, span.end - span.start, **data))
        size, end = size + span.end - span.start, span.end
    return page_of(ground, items, position.past(key))


_PAGES = {
    at.OBJECTS: _objects_page,
    at.UPLOADS: uploads_page,
    at.EXTRAS: extras_page,
    at.PARTS: parts_page,
}


# -- items ----------------------------------------------------------------------------------


def _verify_object(ground: Ground, item: Item) -> Outcome:
    with _opened(ground, item.key) as reader:
        _same_facts(ground, reader.info)
        for span in spans(reader.info, ground.limits.part_bytes):
            _prove(ground, reader, span)
        return Outcome(size=reader.info.size)


def _verify_facts(ground: Ground, item: Item) -> Outcome:
    with _opened(ground, item.key) as reader:
        _same_facts(ground, reader.info)
    return Outcome()


def _verify_piece(ground: Ground, item: Item) -> Outcome:
    data = item.data
    with _opened(ground, item.key) as reader:
        if reader.info.etag != data["etag"]:
            raise differs(item.key, "the object was replaced while it was verified")
        _prove(ground, reader, Span(data["start"], data["end"], data["md5"]))
    return Outcome(objects=0, size=item.size)


def _opened(ground: Ground, key: str) -> ObjectReader:
    try:
        return ground.target.open(key)
    except NoSuchKey:
        raise differs(key, "the target has no such object") from None


def _same_facts(ground: Ground, info: ObjectInfo) -> None:
    try:
        source = ground.source.head(info.key)
    except NoSuchKey:
        raise differs(info.key, "the source has no such object") from None
    difference = object_difference(source, info)
    if difference is not None:
        raise differs(info.key, difference)


def _prove(ground: Ground, reader: ObjectReader, span: Span) -> None:
    if ground.target.backend.confirms_copies:
        return
    key = reader.info.key
    if span.md5 is not None:
        prove_md5(ground, reader, span, key)
        return
    try:
        source = ground.source.open(key)
    except NoSuchKey:
        raise differs(key, "the source has no such object") from None
    with source:
        prove_same(ground, reader, source, span, key)


VERIFY = Step(
    _page,
    {
        "object": _verify_object,
        "facts": _verify_facts,
        "piece": _verify_piece,
        "upload": verify_upload,
        "part": verify_part,
    },
)
