"""What a backend tells of the service behind it, and what one without a service says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from proxy.backends.values import Place
from proxy.errors import NotImplementedByUs


@dataclass(frozen=True, slots=True)
class Condition:
    """What this process knows of a service without asking it.

    `breaker` is closed (all is well), open (it is left alone for a while) or trying. `capabilities` say
    what it can: yes, no or unknown by name; empty until it was probed.
    """

    breaker: str = ""
    capabilities: Mapping[str, str] = field(default_factory=dict)


class NoService:
    """Of a backend that makes all its places itself."""

    def condition(self) -> Condition:
        return Condition()

    def real_buckets(self) -> tuple[str, ...]:
        return ()

    def adopt(self, place: Place) -> str:
        raise NotImplementedByUs("This storage has no buckets but those that Sluicegate made.")
