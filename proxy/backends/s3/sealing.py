"""How the bodies of a place are sealed, and what is stamped anew without moving a body."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from proxy.backends.s3 import facts as noted
from proxy.backends.s3 import upload_rows as table
from proxy.backends.s3.client import Client
from proxy.backends.s3.copying import Copier, WholeSource
from proxy.backends.s3.guarding import UNGUARDED
from proxy.backends.s3.listing import PAGE, Asked
from proxy.backends.s3.looking import Looker, all_at_once
from proxy.backends.s3.places import At
from proxy.backends.s3.reader import Pinned
from proxy.backends.s3.showing import Shown, encryption_of, info_of
from proxy.backends.s3.stamps import of_info
from proxy.backends.s3.stored import Stored
from proxy.backends.s3.version_listing import VersionLister
from proxy.backends.s3.wishes import headers_of
from proxy.backends.seals import Encryption, PlainFacts, Reseal, SealEntry, SealListing
from proxy.backends.values import NULL_VERSION, Clock, ObjectInfo
from proxy.errors import MethodNotAllowed, NoSuchKey, NoSuchVersion, NotImplementedByUs, OperationAborted

_EVERYTHING = Asked("", "")


class Restamper:
    """Says something else of an object by having the service copy it onto itself."""

    def __init__(
        self, client: Client, looker: Looker, copier: Copier, now: Clock, encryption: Mapping[str, str]
    ) -> None:
        self._client = client
        self._looker = looker
        self._copier = copier
        self._now = now
        self._encryption = encryption

    def restamp(self, at: At, seen: Shown, info: ObjectInfo) -> ObjectInfo:
        """`info` is what is to be said; everything else of it stays as it was.

        Raises NotImplementedByUs where versions are kept (it would be a new one), OperationAborted if the
        object was replaced meanwhile.
        """
        if at.versioned:
            raise NotImplementedByUs(
                f"The storage {self._client.name!r} cannot change what is said of a version."
            )
        source = WholeSource(
            Pinned(at.bucket, seen.key, "", seen.etag, seen.size), PlainFacts(info.size, info.etag)
        )
        headers = headers_of(info.headers, info.metadata, info.tags, info.lock, of_info(info, None))
        made = self._copier.copy(at.bucket, seen.key, source, {**headers, **self._encryption}, UNGUARDED)
        if made is None:
            raise OperationAborted()
        stored = Stored.of(made.facts, self._now(), made.etag)
        stamp = of_info(info, stored.etag)
        noted.note(at.place, seen.key, NULL_VERSION, stamp, backend_etag=stored.etag, written=stored.written)
        shown = replace(seen, etag=stored.etag, modified=stored.written, stamp=stamp)
        return info_of(shown, stamp, stored.written)


class Seals:
    """`list_seals`, `count_seals` and `reseal` of one backend.

    `encrypts`: the service is asked to encrypt by itself, so that it matters whether it does.
    """

    def __init__(
        self,
        client: Client,
        lister: VersionLister,
        looker: Looker,
        restamper: Restamper,
        now: Clock,
        *,
        encrypts: bool,
    ) -> None:
        self._client = client
        self._lister = lister
        self._looker = looker
        self._restamper = restamper
        self._now = now
        self._encrypts = encrypts

    def page(self, at: At, after: tuple[str, str], limit: int) -> SealListing:
        """See `Backend.list_seals`."""
        page = self._lister.page(at, _EVERYTHING, after, limit)
        found = [info for info in page.versions if not info.marker]
        if self._encrypts:  # of which no listing tells
            told = all_at_once(lambda info: self._encryption(at, info), found)
            found = [replace(info, encryption=one) for info, one in zip(found, told, strict=True)]
        return SealListing(tuple(_entry(info, self._now()) for info in found), page.last)

    def _encryption(self, at: At, info: ObjectInfo) -> Encryption:
        """What the service says of a version by itself. It is asked in threads: no database here."""
        if info.seal is not None:
            return info.encryption
        try:
            named = self._looker.named(at, info.version_id)
            return encryption_of(self._client.head(at.bucket, info.key, version=named))
        except (NoSuchKey, NoSuchVersion, MethodNotAllowed):
            return info.encryption

    def count(self, at: At) -> Mapping[str, int]:
        """See `Backend.count_seals`. Every version is looked at: rows are only a cache."""
        found: Counter[str] = Counter()
        after: tuple[str, str] | None = ("", "")
        while after is not None:
            page = self._lister.page(at, _EVERYTHING, after, PAGE)
            found.update(info.seal.wrap.rpartition(".")[0] for info in page.versions if info.seal)
            after = page.last
        for row in table.walk(at.place):
            seal = row.info.seal
            if row.finished is None and seal is not None:
                found[seal.wrap.rpartition(".")[0]] += 1
        return found

    def reseal(self, at: At, changes: Sequence[Reseal]) -> list[bool]:
        """See `Backend.reseal`. An upload's wrap is on the service since it began, and stays."""
        return [not change.upload_id and self._resealed(at, change) for change in changes]

    def _resealed(self, at: At, change: Reseal) -> bool:
        if at.versioned:
            return False
        try:
            seen, info = self._looker.head(at, change.key, change.version_id)
            if info.seal is None or info.seal.wrap != change.old or info.lock.binds(self._now()):
                return False
            self._restamper.restamp(at, seen, replace(info, seal=replace(info.seal, wrap=change.new)))
            return True
        except (NoSuchKey, NoSuchVersion, MethodNotAllowed, OperationAborted):
            return False


def _entry(info: ObjectInfo, now: int) -> SealEntry:
    seal = info.seal
    return SealEntry(
        info.key, info.version_id, info.size, seal.wrap if seal else "", info.lock.binds(now), info.latest,
        info.encryption, info.etag, seal.segments if seal else (),
    )  # fmt: skip
