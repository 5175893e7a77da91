"""What a backend tells of the service behind it, if there is one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Condition:
    """What is known of a service without asking it.

    `breaker` is closed (all is well), open (it is left alone for a while) or trying. `capabilities` say
    what it can: yes, no or unknown by name; empty until it was probed.
    """

    breaker: str = ""
    capabilities: Mapping[str, str] = field(default_factory=dict)


class Serviced(Protocol):
    """The part of a Backend that is about real buckets which others may have made."""

    def real_buckets(self) -> tuple[str, ...]:
        """Every real bucket that the service shows to these credentials; none without a service."""

    def find_out(self) -> None:
        """Try what the service can do, and note it for all processes. Raises BackendUnavailable."""

    def condition(self) -> Condition:
        """What is known of the service without asking it."""
