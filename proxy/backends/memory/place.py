"""What one place holds, and the changes of it. The caller holds the backend's lock."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from proxy.backends.feeds import Bounds
from proxy.backends.rules import no_such, require_free, require_superseded
from proxy.backends.seals import Reseal
from proxy.backends.values import (
    CURRENT,
    Change,
    Deletion,
    ObjectInfo,
    PartInfo,
    Precondition,
    UploadInfo,
)

Version = tuple[ObjectInfo, bytes]

LOG_ROWS = 10_000
"""Changes that the log keeps."""


@dataclass(slots=True)
class Upload:
    info: UploadInfo
    finished: int | None = None
    parts: dict[int, tuple[PartInfo, bytes]] = field(default_factory=dict)


@dataclass(slots=True)
class MemoryPlace:
    """`keys` holds the versions of each key by id, the newest last."""

    seq: int = 0
    keys: dict[str, dict[str, Version]] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)
    marks: dict[str, str] = field(default_factory=dict)
    log: deque[Change] = field(default_factory=lambda: deque(maxlen=LOG_ROWS))

    def all(self) -> Iterator[ObjectInfo]:
        return (info for versions in self.keys.values() for info, _ in versions.values())

    def live(self) -> Iterator[ObjectInfo]:
        """What a plain GET finds."""
        return (info for info in self.all() if info.latest and not info.marker)

    def find(self, key: str, version: str) -> Version:
        """The current version or the one of that id. Raises NoSuchKey, NoSuchVersion."""
        versions = self.keys.get(key, {})
        newest = self._newest(key)
        found = newest if version == CURRENT else versions.get(version)
        if found is None or (version == CURRENT and found[0].marker):
            raise no_such(key, version, found[0] if found else None)
        return found

    def _newest(self, key: str) -> Version | None:
        return next(reversed(self.keys.get(key, {}).values()), None)

    def _judged(self, found: Version | None) -> ObjectInfo | None:
        return None if found is None or found[0].marker else found[0]

    # -- changes ---------------------------------------------------------------------------
    def put(
        self, info: ObjectInfo, data: bytes, when: Precondition, now: int, *, carried: bool
    ) -> ObjectInfo:
        """Raises PreconditionFailed, NoSuchKey, ObjectLocked."""
        when.check(self._judged(self._newest(info.key)))
        self._require_free(info.key, info.version_id, info if carried else None, now)
        return self._enter(info, data, carried=carried)

    def delete(self, deletion: Deletion, now: int) -> ObjectInfo | None:
        """See `Deletion`. Raises PreconditionFailed, NoSuchKey, ObjectLocked."""
        key, version, carried = deletion.key, deletion.version_id, deletion.carried
        old = self.keys.get(key, {}).get(version)
        deletion.when.check(self._judged(self._newest(key) if deletion.marker else old))
        if old is not None:
            require_superseded(deletion, latest=old[0].latest)
        self._require_free(key, version, None, now, bypass=deletion.bypass)
        if deletion.marker:
            said = carried or ObjectInfo(key, 0, "", now, owner_id=deletion.owner_id)
            marker = ObjectInfo(
                key, 0, "", said.last_modified, owner_id=said.owner_id, version_id=version,
                ordinal=said.ordinal, marker=True,
            )  # fmt: skip
            return self._enter(marker, b"", carried=carried is not None)
        if old is None:
            return None
        del self.keys[key][version]
        self._settle(key)
        self.next_seq(key)
        return old[0]

    def next_seq(self, key: str) -> int:
        """The number of a change of `key` that has been made, noted in the log."""
        self.seq += 1
        newest = self._newest(key)
        self.log.append(Change(key, self.seq, gone=newest is None or newest[0].marker))
        return self.seq

    def bounds(self) -> Bounds:
        """What the log can tell of."""
        return Bounds(self.log[0].seq - 1 if self.log else self.seq, self.seq)

    def amend(self, info: ObjectInfo, data: bytes) -> None:
        self.keys[info.key][info.version_id] = (info, data)

    def reseal(self, change: Reseal) -> bool:
        """Whether there was such a version, or open upload, with that old wrap."""
        upload = self.uploads.get(change.upload_id)
        if upload is not None and upload.finished is None:
            if upload.info.seal is None or upload.info.seal.wrap != change.old:
                return False
            upload.info = replace(upload.info, seal=replace(upload.info.seal, wrap=change.new))
            return True
        info, data = self.keys.get(change.key, {}).get(change.version_id, (None, b""))
        if change.upload_id or info is None or info.seal is None or info.seal.wrap != change.old:
            return False
        self.amend(replace(info, seal=replace(info.seal, wrap=change.new)), data)
        return True

    def _require_free(
        self, key: str, version: str, new: ObjectInfo | None, now: int, *, bypass: bool = False
    ) -> None:
        old = self.keys.get(key, {}).get(version)
        if old is not None:
            require_free(old[0], new, now, bypass=bypass)

    def _enter(self, info: ObjectInfo, data: bytes, *, carried: bool) -> ObjectInfo:
        newest = self._newest(info.key)
        seq = self.seq + 1
        ordinal = info.ordinal if carried else max(seq, newest[0].ordinal + 1 if newest else 0)
        info = replace(info, seq=seq, ordinal=ordinal)
        self.keys.setdefault(info.key, {})[info.version_id] = (info, data)
        self._settle(info.key)
        self.next_seq(info.key)
        return self.keys[info.key][info.version_id][0]

    def _settle(self, key: str) -> None:
        """Put the versions of a key in line again."""
        versions = sorted(self.keys.pop(key).values(), key=lambda one: (one[0].ordinal, one[0].version_id))
        for index, (info, data) in enumerate(versions, 1):
            latest = replace(info, latest=index == len(versions))
            self.keys.setdefault(key, {})[info.version_id] = (latest, data)
