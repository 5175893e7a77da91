"""The smallest kind of rule: it copies a bucket's objects into another one, in one mode."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from jobs.kinds.base import Action, Item, Outcome, Page, Phase, Plan, Words, Work
from proxy.backends.values import NewObject
from proxy.records import BucketRecord
from proxy.store import Store

PAGE = 3


class Mirror:
    """Its spec names the `destination`. Nothing is compared and nothing deleted."""

    name = "mirror"
    subsystem = "mirror"
    gated = False
    phases = (Phase("copy", share=100, counted=True, fatal=False, whole=False),)
    modes: Mapping[str, tuple[str, ...]] = MappingProxyType({"copy": ("copy",)})
    lane = ""
    unwind: Phase | None = None
    actions: frozenset[Action] = frozenset({Action.RUN_NOW})
    at_will = True
    concurrency = 2
    words = Words(
        verb="",
        start="",
        appears="",
        command="",
        gated="",
        with_errors="",
        unwinding="",
        stopping="",
        cancel="",
        stop="",
    )

    def plan(self, bucket: BucketRecord, params: Mapping[str, Any]) -> Plan:
        return Plan("mirror", dict(params))

    def page(self, work: Work, phase: str, token: str | None) -> Page:
        listed = Store.of(work.bucket).list(after=token or "", limit=PAGE)
        items = [Item(info.key, info.size) for info in listed.objects]
        work.state["seen"] = work.state.get("seen", 0) + len(items)
        return Page(items, items[-1].key if listed.last is not None else None, listed.last is not None)

    def apply(self, work: Work, phase: str, item: Item) -> Outcome:
        with work.writing(work.spec["destination"]) as there:
            with Store.of(work.bucket).open(item.key) as reader:
                Store.of(there).copy_from(reader, NewObject.copy_of(reader.info))
            work.pulse()
        return Outcome(size=item.size)

    def turn(self, work: Work, phase: str) -> None:
        raise AssertionError("no phase of this kind is a turn")

    def report(self, state: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"seen": state.get("seen", 0)}
