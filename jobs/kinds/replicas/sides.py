"""The two sides of a copy, and how a key of one is called on the other. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Side:
    """The keys of a bucket that begin with a prefix; a relative key is what comes behind it."""

    bucket: str
    prefix: str = ""

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Side:
        """Of `{"bucket": ..., "prefix": ...}`."""
        return cls(str(said["bucket"]), str(said.get("prefix") or ""))

    def __str__(self) -> str:
        return f"{self.bucket}/{self.prefix}"

    def key(self, relative: str) -> str:
        return self.prefix + relative

    def relative(self, key: str) -> str | None:
        """None of a key that is not on this side."""
        return key[len(self.prefix) :] if key.startswith(self.prefix) else None
