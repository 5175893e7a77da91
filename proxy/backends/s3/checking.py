"""Whether places hold what is known of them; rows of what strangers removed go on the way."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from proxy.backends.base import OpenObject
from proxy.backends.bodies import is_md5
from proxy.backends.s3 import facts as noted
from proxy.backends.s3.listing import PAGE, Asked
from proxy.backends.s3.places import At, Places
from proxy.backends.s3.version_listing import VersionLister
from proxy.backends.values import Finding, ObjectInfo, Place
from proxy.errors import BackendUnavailable, S3Error

_EVERYTHING = Asked("", "")


def check_places(
    places: Places,
    lister: VersionLister,
    open_plain: OpenObject,
    open_sealed: OpenObject | None,
    *,
    deep: bool,
) -> Iterator[Finding]:
    """See `Backend.check_store`."""
    for known in places.of_backend():
        try:
            at = places.at(known.place)
            for info in _walk(lister, at):
                opens = open_plain if info.seal is None else open_sealed
                if deep and opens is not None and not info.marker:
                    yield from _read(at.place, info, opens)
        except BackendUnavailable as error:
            yield Finding(known.place, "", error.message)


def _walk(lister: VersionLister, at: At) -> Iterator[ObjectInfo]:
    """Every version there is; rows of others are dropped."""
    before = ""
    after: tuple[str, str] | None = ("", "")
    held: list[ObjectInfo] = []
    while after is not None:
        page = lister.page(at, _EVERYTHING, after, PAGE)
        yield from page.versions
        after = page.last
        held += page.versions
        until = _last_whole(held, after)
        noted.prune(at.place, before, until, [(info.key, info.version_id) for info in held])
        if until is not None:
            held = [info for info in held if info.key.encode() > until.encode()]
            before = until


def _last_whole(held: list[ObjectInfo], after: tuple[str, str] | None) -> str | None:
    """The last key of which no more versions will come; None at the end of the place."""
    if after is None:
        return None
    keys = [info.key for info in held if info.key != after[0]]
    return keys[-1] if keys else ""


def _read(place: Place, info: ObjectInfo, opens: OpenObject) -> Iterator[Finding]:
    """What one object's bytes say against its facts."""
    digest = hashlib.md5(usedforsecurity=False)
    size = 0
    try:
        with opens(place, info.key, info.version_id) as reader:
            for piece in reader.read(0, info.size):
                digest.update(piece)
                size += len(piece)
    except S3Error as error:
        yield Finding(place, info.key, f"cannot be read: {error.message}")
        return
    if size != info.size:
        yield Finding(place, info.key, f"has {size} bytes in place of {info.size}")
    elif is_md5(info.etag) and not info.encryption.mode and digest.hexdigest() != info.etag:
        yield Finding(place, info.key, "is not what its ETag says")
