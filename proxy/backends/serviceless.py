"""What every backend says that makes all its places itself, without a service."""

from __future__ import annotations

from proxy.backends.base import Describe
from proxy.backends.services import Condition
from proxy.backends.values import Place
from proxy.errors import NotImplementedByUs


class NoService:
    reads_parts: bool = True
    least_part_bytes: int = 0
    describe: Describe | None = None

    def condition(self) -> Condition:
        return Condition()

    def real_buckets(self) -> tuple[str, ...]:
        return ()

    def adopt(self, place: Place) -> str:
        raise NotImplementedByUs("This storage has no buckets but those that Sluicegate made.")
