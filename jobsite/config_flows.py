"""Where rules carry objects, and what can never come to rest: circles, and quarrels over a destination.

Pure. A rule carries the objects below a prefix of a bucket to below a prefix of a bucket, and keeps
the rest of the key. Globs are not looked at: a circle that a glob keeps open is one all the same.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

MOST_STEPS = 20_000
"""Steps from rule to rule that are followed to find circles."""


@dataclass(frozen=True, slots=True)
class Region:
    """All keys of a bucket that begin with a prefix."""

    bucket: str
    prefix: str

    def overlaps(self, other: Region) -> bool:
        """Whether some key is in both."""
        one, two = self.prefix, other.prefix
        return self.bucket == other.bucket and (one.startswith(two) or two.startswith(one))

    def __str__(self) -> str:
        return f"{self.bucket}/{self.prefix}"


@dataclass(frozen=True, slots=True)
class Flow:
    """One rule's way: `number` tells flows apart."""

    number: int
    rule: str
    source: Region
    destination: Region

    def carried(self, region: Region) -> Region | None:
        """Where those objects of a region arrive that the rule takes; None if it takes none of them."""
        if not region.overlaps(self.source):
            return None
        rest = region.prefix[len(self.source.prefix) :]
        return Region(self.destination.bucket, self.destination.prefix + rest)


@dataclass(frozen=True, slots=True)
class Circle:
    """The rules of a way that comes back to its first rule, and the regions on it.

    `sure` is False where there were too many ways to follow them all.
    """

    flows: tuple[Flow, ...]
    regions: tuple[Region, ...]
    sure: bool = True


def into_itself(flow: Flow) -> bool:
    """Whether a rule finds again what it has carried."""
    return flow.source.overlaps(flow.destination)


def circles(flows: Sequence[Flow]) -> Iterator[Circle]:
    """Circles of several rules, each rule in one of them at most, the shortest of its first rule."""
    flows = _entangled([flow for flow in flows if not into_itself(flow)])
    told: set[int] = set()
    steps = count()
    for start in flows:
        circle = None if start.number in told else _shortest(start, _by_bucket(flows), steps)
        if circle is not None:
            told |= {flow.number for flow in circle.flows}
            yield circle
            if not circle.sure:
                return


def _entangled(flows: Sequence[Flow]) -> list[Flow]:
    """Those that could be in a circle: something leads to each, and each leads to something."""
    leaving = _by_bucket(flows)
    leads_to = {
        flow.number: {
            other.number
            for other in leaving.get(flow.destination.bucket, ())
            if flow.destination.overlaps(other.source)
        }
        for flow in flows
    }
    kept, before = set(leads_to), -1
    while len(kept) != before:
        before = len(kept)
        led_to = {number for one in kept for number in leads_to[one]}
        kept = {number for number in kept & led_to if not kept.isdisjoint(leads_to[number])}
    return [flow for flow in flows if flow.number in kept]


def _by_bucket(flows: Sequence[Flow]) -> defaultdict[str, list[Flow]]:
    leaving: defaultdict[str, list[Flow]] = defaultdict(list)
    for flow in flows:
        leaving[flow.source.bucket].append(flow)
    return leaving


def _shortest(start: Flow, leaving: Mapping[str, list[Flow]], steps: Iterator[int]) -> Circle | None:
    ways: deque[tuple[tuple[Flow, ...], tuple[Region, ...]]] = deque()
    ways.append(((start,), (start.source, start.destination)))
    while ways:
        path, regions = ways.popleft()
        if start.carried(regions[-1]) is not None:
            return Circle(path, regions)
        if next(steps) > MOST_STEPS:
            return Circle((start,), (start.source, start.destination), sure=False)
        gone = {flow.number for flow in path}
        for flow in leaving.get(regions[-1].bucket, ()):
            arrived = None if flow.number in gone else flow.carried(regions[-1])
            if arrived is not None:
                ways.append(((*path, flow), (*regions, arrived)))
    return None


def same_keys(one: Flow, other: Flow) -> bool:
    """Of flows with overlapping destinations: whether a key that both write is the same source key's."""
    wide, narrow = sorted((one, other), key=lambda flow: len(flow.destination.prefix))
    rest = narrow.destination.prefix[len(wide.destination.prefix) :]
    return narrow.source == Region(wide.source.bucket, wide.source.prefix + rest)
