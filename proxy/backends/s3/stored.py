"""What a service says of what it took."""

from __future__ import annotations

from dataclasses import dataclass

from proxy.backends.s3.answers import Facts
from proxy.backends.s3.showing import Shown, encryption_of
from proxy.backends.seals import Encryption
from proxy.backends.values import NULL_VERSION


@dataclass(frozen=True, slots=True)
class Stored:
    """ETag and version id there, and when it was written: milliseconds of the service's clock."""

    etag: str
    version_id: str
    written: int
    facts: Facts | None = None

    def encryption(self, asked: Encryption) -> Encryption:
        """What the service says of its own encryption; what it was asked for if it says nothing."""
        said = encryption_of(self.facts) if self.facts is not None else asked
        return said if said.mode else asked

    @classmethod
    def of(cls, facts: Facts, now: int, etag: str = "") -> Stored:
        """By the head of the answer; `etag` where the document has it."""
        written = (facts.date or now) // 1000 * 1000
        return cls(etag or facts.etag, facts.version_id or NULL_VERSION, written, facts)

    @classmethod
    def seen(cls, shown: Shown) -> Stored:
        """By a look at it afterwards."""
        return cls(shown.etag, shown.version_id, shown.modified)
