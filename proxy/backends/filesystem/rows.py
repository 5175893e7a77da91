"""Rows of the index as values, and back. Pure.

Checksums are `crc32:AAAA== sha256:...`; facts, segments, parts and what is sealed are JSON, empty
text when there is nothing to say.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from types import MappingProxyType
from typing import Any, NamedTuple

from proxy.backends.seals import UNENCRYPTED, Seal, SealedSegment
from proxy.backends.values import (
    STORAGE_CLASS,
    UNLOCKED,
    Lock,
    ObjectInfo,
    PartInfo,
    UploadInfo,
)

_FIRST = "size, etag, modified, seq, owner, checksums, checksum_type, class, version, ordinal"
LISTED = f"CAST(key AS TEXT), {_FIRST}"
"""What `listed` reads: the key comes as text, which costs less than to decode it."""
WHOLE = f"key, {_FIRST}, mode, until, hold, acl, facts, parts, wrap, sealed, body, segments"
WHOLE_MARKS = ", ".join("?" * 21)
OF_LIVE = f"{WHOLE}, 0, 1"
"""What `whole` reads, of a row in `live`; `OF_HISTORY` of one in `history`: marker, latest."""
OF_HISTORY = f"{WHOLE}, marker, 0"
BODY, SEGMENTS, MARKER, MORE = 19, 20, 21, 23
"""Where these columns stand in what `whole` reads; MORE is the first that it ignores."""
UPLOAD = "id, key, initiated, owner, algorithm, checksum_type, facts, mode, until, hold, acl, wrap"
UPLOAD_MARKS = ", ".join("?" * 12)
PART = "number, size, etag, modified, checksums, sealed, segments"
PART_MARKS = ", ".join("?" * 7)
PART_SEGMENTS = 6

Row = tuple[Any, ...]

_NONE: Mapping[str, str] = MappingProxyType({})


class Segment(NamedTuple):
    """Some bytes of a blob."""

    blob: str
    offset: int
    length: int


class Stored(NamedTuple):
    """Where an object's bytes are: an inline body's id, or segments in order (none: empty)."""

    body: int | None
    segments: tuple[Segment, ...] = ()


# -- texts ---------------------------------------------------------------------------------
def _dump(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def checksums_text(checksums: Mapping[str, str]) -> str:
    return " ".join(f"{name}:{value}" for name, value in checksums.items()) if checksums else ""


def checksums_of(text: str) -> Mapping[str, str]:
    if not text:
        return _NONE
    name, _, value = text.partition(":")
    if " " not in value:  # the one that SDKs send, and the most there is to do for a listing
        return {name: value}
    return dict(pair.split(":", 1) for pair in text.split(" "))


def facts_text(headers: Mapping[str, str], metadata: Mapping[str, str], tags: Mapping[str, str]) -> str:
    if not (headers or metadata or tags):
        return ""
    return _dump([dict(headers), dict(metadata), dict(tags)])


def segments_text(segments: Iterable[Segment]) -> str:
    found = list(segments)
    return _dump(found) if found else ""


def segments_of(text: str) -> tuple[Segment, ...]:
    return tuple(Segment(*entry) for entry in json.loads(text)) if text else ()


def parts_text(parts: Iterable[PartInfo]) -> str:
    found = [[p.number, p.size, p.etag, p.last_modified, dict(p.checksums)] for p in parts]
    return _dump(found) if found else ""


def parts_of(text: str) -> tuple[PartInfo, ...]:
    return tuple(PartInfo(*entry) for entry in json.loads(text)) if text else ()


def sealed_text(segments: Iterable[SealedSegment]) -> str:
    found = [[each.body_id, each.size, each.stored] for each in segments]
    return _dump(found) if found else ""


def sealed_of(text: str) -> tuple[SealedSegment, ...]:
    return tuple(SealedSegment(*entry) for entry in json.loads(text)) if text else ()


def seal_values(seal: Seal | None) -> tuple[str, str]:
    """The columns `wrap`, `sealed`."""
    return ("", "") if seal is None else (seal.wrap, sealed_text(seal.segments))


# -- objects -------------------------------------------------------------------------------
# Filling the slots takes half the time of the frozen class's own `__init__`.
(
    _set_key, _set_size, _set_etag, _set_modified, _set_seq, _set_headers, _set_metadata, _set_tags,
    _set_owner, _set_checksums, _set_checksum_type, _set_parts, _set_version, _set_ordinal, _set_marker,
    _set_latest, _set_lock, _set_acl, _set_seal, _set_encryption,
) = (ObjectInfo.__dict__[name].__set__ for name in ObjectInfo.__dataclass_fields__)  # fmt: skip


_fill = deque[None](maxlen=0).extend


def listed(
    rows: Sequence[Row], markers: Iterable[bool] = repeat(False), latest: Iterable[bool] = repeat(True)
) -> tuple[ObjectInfo, ...]:
    """LISTED columns of many rows (what follows them is ignored), their keys as text.

    Column by column, so that the slots are filled without a step of Python for each.
    """
    if not rows:
        return ()
    keys, sizes, etags, times, seqs, owners, sums, kinds, classes, ids, ordinals, *_ = zip(*rows, strict=True)
    infos = tuple(map(object.__new__, repeat(ObjectInfo, len(rows))))
    headers = [{STORAGE_CLASS: each} if each else _NONE for each in classes]
    for set_slot, values in (
        (_set_key, keys), (_set_size, sizes), (_set_etag, etags), (_set_modified, times), (_set_seq, seqs),
        (_set_headers, headers), (_set_metadata, repeat(_NONE)), (_set_tags, repeat(_NONE)),
        (_set_owner, owners), (_set_checksums, map(checksums_of, sums)), (_set_checksum_type, kinds),
        (_set_parts, repeat(())), (_set_version, ids), (_set_ordinal, ordinals), (_set_marker, markers),
        (_set_latest, latest), (_set_lock, repeat(UNLOCKED)), (_set_acl, repeat("")),
        (_set_seal, repeat(None)), (_set_encryption, repeat(UNENCRYPTED)),
    ):  # fmt: skip
        _fill(map(set_slot, infos, values))
    return infos


def whole(row: Row) -> ObjectInfo:
    """OF_LIVE or OF_HISTORY columns (what follows them is ignored)."""
    (
        key, size, etag, modified, seq, owner, checksums, checksum_type, _, version, ordinal,
        mode, until, hold, acl, facts, parts, wrap, sealed, _, _, marker, latest, *_,
    ) = row  # fmt: skip
    headers, metadata, tags = json.loads(facts) if facts else (_NONE, _NONE, _NONE)
    info = object.__new__(ObjectInfo)
    _set_key(info, str(key, "utf-8"))
    _set_size(info, size)
    _set_etag(info, etag)
    _set_modified(info, modified)
    _set_seq(info, seq)
    _set_headers(info, headers)
    _set_metadata(info, metadata)
    _set_tags(info, tags)
    _set_owner(info, owner)
    _set_checksums(info, checksums_of(checksums))
    _set_checksum_type(info, checksum_type)
    _set_parts(info, parts_of(parts) if parts else ())
    _set_version(info, version)
    _set_ordinal(info, ordinal)
    _set_marker(info, bool(marker))
    _set_latest(info, bool(latest))
    _set_lock(info, lock_of(mode, until, hold) if mode or hold else UNLOCKED)
    _set_acl(info, acl)
    _set_seal(info, Seal(wrap, sealed_of(sealed)) if wrap else None)
    _set_encryption(info, UNENCRYPTED)
    return info


def stored(row: Row) -> Stored:
    """WHOLE columns."""
    return Stored(row[BODY], segments_of(row[SEGMENTS]))


def values(info: ObjectInfo, where: Stored) -> Row:
    """WHOLE columns of an object."""
    return (
        info.key.encode(), info.size, info.etag, info.last_modified, info.seq, info.owner_id,
        checksums_text(info.checksums), info.checksum_type, info.headers.get(STORAGE_CLASS, ""),
        info.version_id, info.ordinal, info.lock.mode, info.lock.until, info.lock.hold, info.acl,
        facts_text(info.headers, info.metadata, info.tags), parts_text(info.parts),
        *seal_values(info.seal), where.body, segments_text(where.segments),
    )  # fmt: skip


def lock_of(mode: str, until: int, hold: int) -> Lock:
    """The columns `mode`, `until`, `hold`."""
    return Lock(mode, until, bool(hold)) if mode or hold else UNLOCKED


def lock_values(lock: Lock) -> Row:
    """The columns `mode`, `until`, `hold`."""
    return lock.mode, lock.until, lock.hold


def result_text(info: ObjectInfo) -> str:
    """An object's facts as one text, for completions."""
    return _dump([info.key, *values(info, Stored(None))[1:BODY]])


def result_of(text: str) -> ObjectInfo:
    key, *rest = json.loads(text)
    return whole((key.encode(), *rest, None, "", False, True))


# -- uploads and parts ---------------------------------------------------------------------
def upload_values(upload: UploadInfo) -> Row:
    """UPLOAD columns."""
    return (
        upload.upload_id, upload.key.encode(), upload.initiated, upload.owner_id,
        upload.checksum_algorithm, upload.checksum_type,
        facts_text(upload.headers, upload.metadata, upload.tags), *lock_values(upload.lock), upload.acl,
        seal_values(upload.seal)[0],
    )  # fmt: skip


def upload_of(row: Row) -> UploadInfo:
    """UPLOAD columns and, for a finished one, its result."""
    upload_id, key, initiated, owner, algorithm, kind, facts, mode, until, hold, acl, wrap, *result = row
    headers, metadata, tags = json.loads(facts) if facts else (_NONE, _NONE, _NONE)
    return UploadInfo(
        upload_id, str(key, "utf-8"), initiated, headers, metadata, tags, owner, algorithm, kind,
        lock_of(mode, until, hold), acl,
        completed=result_of(result[0]) if result and result[0] else None,
        seal=Seal(wrap) if wrap else None,
    )  # fmt: skip


def part_values(part: PartInfo, segments: Iterable[Segment]) -> Row:
    """PART columns."""
    return (
        part.number, part.size, part.etag, part.last_modified,
        checksums_text(part.checksums), sealed_text((part.segment,) if part.segment else ()),
        segments_text(segments),
    )  # fmt: skip


def part_of(row: Row) -> PartInfo:
    """PART columns (segments are ignored)."""
    number, size, etag, modified, checksums, sealed, *_ = row
    segment = sealed_of(sealed)[0] if sealed else None
    return PartInfo(number, size, etag, modified, checksums_of(checksums), segment)
