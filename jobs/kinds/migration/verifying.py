"""Verify: both places side by side, in both directions, and every body of the target read again.

Versions and delete markers are compared one by one in their order, so that one that is missing,
one too many and one in another place in line are found alike.

Any difference fails the job, before the flip. Bodies whose copy the target confirmed by
checksum are not read again; everything else is compared all the same.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from jobs.kinds import position as at
from jobs.kinds.base import Item, Outcome, Page
from jobs.kinds.migration import unchanged
from jobs.kinds.migration.facts import listed_difference, object_difference, spans
from jobs.kinds.migration.ground import GONE, Ground, Step, todo
from jobs.kinds.migration.proving import differs, prove_locked, prove_md5, prove_same
from jobs.kinds.migration.sides import (
    mismatch,
    named,
    on_source,
    on_target,
    source_facts,
    target_facts,
)
from jobs.kinds.migration.verifying_uploads import (
    extras_page,
    parts_page,
    uploads_page,
    verify_part,
    verify_upload,
)
from jobs.kinds.migration.versioning import keep_versions, wants_versioning
from jobs.kinds.migration.walking import after_versions, behind, fitting, next_versions, page_of
from jobs.kinds.pieces import Span
from jobs.kinds.position import Position, decode, encode
from proxy.backends.base import ObjectReader
from proxy.backends.sealing.reader import is_locked
from proxy.backends.values import NULL_VERSION, ObjectInfo
from proxy.errors import MethodNotAllowed

# -- pages ----------------------------------------------------------------------------------


def _page(ground: Ground, token: str | None) -> Page:
    if token is None:
        if not ground.source.backend.counts_changes:
            return page_of(ground, [], Position(at.QUIET))
        unchanged.begin(ground)
    position = decode(token)
    page = _PAGES[position.section](ground, position)
    return page if page.truncated else goes_on(ground, position.section, page)


def goes_on(ground: Ground, section: str, page: Page) -> Page:
    """The last page of a section, with what is left to be done behind it."""
    left = {
        at.AGAIN: not ground.source.backend.counts_changes,
        at.VERSIONING: wants_versioning(ground),
    }
    sections = list(left)
    behind_it = sections[sections.index(section) + 1 :] if section in left else sections
    following = next((name for name in behind_it if left[name]), None)
    if following is None:
        return page
    return replace(page, token=encode(Position(following)), truncated=True)


def _versioning_page(ground: Ground, position: Position) -> Page:
    return page_of(ground, [todo("versioning", ground.target_route.place.bucket)], None)


def _objects_page(ground: Ground, position: Position) -> Page:
    if position.inside:
        return spans_page(ground, position)
    both, ends = paired(ground, position)
    taken = fitting(both, ground.limits)
    if both and not taken:
        first = both[0]
        unchanged.saw(ground, [first])
        inside = position.enter(first.key, first.version_id)
        return page_of(ground, [todo("facts", first.key, version=first.version_id)], inside)
    unchanged.saw(ground, taken)
    items = [_to_verify(info) for info in taken]
    if ends and len(taken) == len(both):
        return page_of(ground, items, after_versions(ground))
    return page_of(ground, items, behind(position, taken[-1]))


def _to_verify(info: ObjectInfo) -> Item:
    return todo("marker" if info.marker else "object", info.key, info.size, version=info.version_id)


def paired(ground: Ground, position: Position) -> tuple[list[ObjectInfo], bool]:
    """The source's versions as far as both listings reach, and whether that is the end of both.

    Raises JobFailed where the two differ.
    """
    roughly = not (ground.source.backend.counts_changes and ground.target.backend.counts_changes)
    in_line = ground.keeps_versions
    theirs, their_end = next_versions(ground, ground.source, position)
    ours, our_end = next_versions(ground, ground.target, position)
    for other, mine in zip(theirs, ours, strict=False):
        there = other.version_id if in_line else NULL_VERSION
        if mine.key != other.key or mine.version_id != there:
            raise mismatch(ground, other, mine)
        difference = listed_difference(other, mine, in_line=in_line, roughly=roughly)
        if difference is not None:
            raise differs(named(other.key, other.version_id), difference)
    both = min(len(theirs), len(ours))
    if len(ours) > both and their_end:
        raise mismatch(ground, None, ours[both])
    if len(theirs) > both and our_end:
        raise mismatch(ground, theirs[both], None)
    return list(theirs[:both]), their_end and our_end


def spans_page(ground: Ground, position: Position, **same: Any) -> Page:
    """The next spans of a large body, from `position.offset` on; `same`: what their items say besides.

    Raises JobFailed if the target lacks it.
    """
    key, version = position.inside, position.inside_id
    info = target_facts(ground, key, version)
    items: list[Item] = []
    size, end = 0, position.offset
    for span in spans(info, ground.limits.part_bytes):
        if span.start < position.offset:
            continue
        if len(items) == ground.limits.page_items or size >= ground.limits.page_bytes:
            return page_of(ground, items, position.at(end))
        data = {"etag": info.etag, "start": span.start, "end": span.end, "md5": span.md5, **same}
        items.append(todo("span", key, span.end - span.start, version=version, **data))
        size, end = size + span.end - span.start, span.end
    return page_of(ground, items, position.past(key, version))


_PAGES = {
    at.QUIET: unchanged.quiet_page,
    at.OBJECTS: _objects_page,
    at.UPLOADS: uploads_page,
    at.EXTRAS: extras_page,
    at.PARTS: parts_page,
    at.AGAIN: unchanged.again_page,
    at.VERSIONING: _versioning_page,
}


# -- items ----------------------------------------------------------------------------------


def verify_object(ground: Ground, item: Item) -> Outcome:
    """Facts and bytes of a copy. Raises JobFailed if they are not the source's."""
    with on_target(ground, item.key, item.data["version"]) as reader:
        _same_facts(ground, item, reader.info)
        for span in spans(reader.info, ground.limits.part_bytes):
            _prove(ground, item, reader, span)
        return Outcome(size=reader.info.size)


def verify_marker(ground: Ground, item: Item) -> Outcome:
    """Its facts are those of its listing, which were compared; what is left is what a read answers.

    Raises JobFailed.
    """
    version = item.data["version"]
    try:
        ground.target.head(item.key, ground.there(version))
    except MethodNotAllowed:
        return Outcome()
    except GONE:
        pass
    raise differs(named(item.key, version), "the target does not answer as for a delete marker")


def verify_facts(ground: Ground, item: Item) -> Outcome:
    """Raises JobFailed if the copy's facts are not the source's."""
    _same_facts(ground, item, target_facts(ground, item.key, item.data["version"]))
    return Outcome()


def verify_span(ground: Ground, item: Item) -> Outcome:
    """Raises JobFailed if a span of the copy is not what its ETag, or the source, tells."""
    data = item.data
    with on_target(ground, item.key, data["version"]) as reader:
        if reader.info.etag != data["etag"]:
            raise differs(named(item.key, data["version"]), "the object was replaced while it was verified")
        _prove(ground, item, reader, Span(data["start"], data["end"], data["md5"]))
    return Outcome(objects=0, size=item.size)


def _same_facts(ground: Ground, item: Item, copy: ObjectInfo) -> None:
    version = item.data["version"]
    source = source_facts(ground, item.key, version)
    difference = object_difference(ground.carried(source), copy)
    if difference is not None:
        raise differs(named(item.key, version), difference)


def _prove(ground: Ground, item: Item, reader: ObjectReader, span: Span) -> None:
    if ground.target.backend.confirms_copies:
        return
    version = item.data["version"]
    what = named(item.key, version)
    if is_locked(reader):
        if span.start == 0:  # (all of it at once)
            with on_source(ground, item.key, version) as source:
                prove_locked(ground, reader, source, what)
        return
    if span.md5 is not None:
        prove_md5(ground, reader, span, what)
        return
    with on_source(ground, item.key, version) as source:
        prove_same(ground, reader, source, span, what)


VERIFY = Step(
    _page,
    {
        "object": verify_object,
        "marker": verify_marker,
        "facts": verify_facts,
        "span": verify_span,
        "upload": verify_upload,
        "part": verify_part,
        "versioning": keep_versions,
    },
)
