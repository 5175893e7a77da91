"""What a walk over a place has counted: how many versions take which way, and what they are now. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from jobs.kinds.reencryption.deciding import Aim, Way, mode_of, upload_way, way
from proxy.backends.seals import SealEntry
from proxy.backends.values import UploadInfo


@dataclass(slots=True)
class Count:
    """Versions, and the bytes of their plaintext."""

    objects: int = 0
    bytes: int = 0

    def add(self, size: int) -> None:
        self.objects += 1
        self.bytes += size


@dataclass(slots=True)
class Tally:
    """`ways` says what is done to versions, `modes` what they are now, `uploads` is of open uploads."""

    ways: dict[Way, Count] = field(default_factory=dict)
    modes: dict[str, Count] = field(default_factory=dict)
    uploads: dict[Way, int] = field(default_factory=dict)

    def add(self, entries: Iterable[SealEntry], aim: Aim) -> None:
        for entry in entries:
            self.ways.setdefault(way(entry, aim), Count()).add(entry.size)
            self.modes.setdefault(mode_of(entry.wrap, entry.encryption), Count()).add(entry.size)

    def add_uploads(self, uploads: Iterable[UploadInfo], aim: Aim) -> None:
        for upload in uploads:
            found = upload_way(upload, aim)
            self.uploads[found] = self.uploads.get(found, 0) + 1

    @property
    def objects(self) -> int:
        """All versions."""
        return sum(count.objects for count in self.ways.values())

    @property
    def changes(self) -> bool:
        """Whether something is to be done to any version."""
        return bool(self.of(Way.REWRAP).objects or self.of(Way.REWRITE).objects)

    @property
    def bytes_moved(self) -> int:
        """The bytes of the bodies that are written again."""
        return self.of(Way.REWRITE).bytes

    def of(self, found: Way) -> Count:
        return self.ways.get(found, Count())

    def told(self) -> dict[str, Any]:
        """As a job keeps it and operators read it: plain JSON."""
        return {
            "ways": {way.value: asdict(count) for way, count in self.ways.items()},
            "modes": {mode: asdict(count) for mode, count in self.modes.items()},
            "uploads": {way.value: number for way, number in self.uploads.items()},
        }

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Tally:
        """What `told` said; empty for nothing."""
        return cls(
            {Way(name): Count(**count) for name, count in told.get("ways", {}).items()},
            {mode: Count(**count) for mode, count in told.get("modes", {}).items()},
            {Way(name): number for name, number in told.get("uploads", {}).items()},
        )
