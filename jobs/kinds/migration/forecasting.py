"""By which way the bytes of a bucket go, and how long its writes will pause: an estimate. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

MIB = 1024 * 1024


class Way(StrEnum):
    """How a body gets to the target."""

    LINKED = "linked"  # no byte moves: both sides are on one file system
    SERVER_SIDE = "server_side"  # the service copies; no byte comes through here
    STREAMED = "streamed"  # read here and written there


class Sealing(StrEnum):
    """What becomes of an encrypted body on the way."""

    KEPT = "kept"  # it travels sealed, under a new wrap
    ANEW = "anew"  # sealed as the target wants it, and opened before if it has to be
    OPENED = "opened"  # opened for good: on the target we seal nothing
    PLAIN = "plain"  # it is not encrypted by us on either side


@dataclass(frozen=True, slots=True)
class Group:
    """Bodies of about one size, all judged by the first of them."""

    objects: int
    size: int
    way: Way
    sealing: Sealing


@dataclass(frozen=True, slots=True)
class Pace:
    """What one object costs by itself (seconds), and its bytes (bytes a second)."""

    object_s: float
    bytes_s: float

    def seconds(self, objects: int, size: int) -> float:
        return objects * self.object_s + size / self.bytes_s


# Half of what was measured on two cores with the services on the same machine (`make bench`).
LINKING, COPYING_THERE = Pace(1 / 800, 1024 * MIB), Pace(1 / 120, 200 * MIB)
STREAMING = (Pace(1 / 500, 120 * MIB), Pace(1 / 160, 60 * MIB), Pace(1 / 120, 45 * MIB))
"""By the number of services among the two sides."""
READING, READING_THERE = Pace(1 / 900, 250 * MIB), Pace(1 / 300, 90 * MIB)
"""Of a verification, on the target's side."""
LOOKING_THERE = Pace(1 / 500, 1024 * MIB)
"""What a verification asks a service at the source: the facts of each object."""


COMPARING, COMPARING_THERE = Pace(1 / 50_000, 1024 * MIB), Pace(1 / 2_000, 1024 * MIB)
"""Of a copy that was made and proved before: what is left is to list both sides."""
CLOSING_S = 2.0
"""To close the gate, wait for the writes in flight, and copy what the last seconds brought."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Objects and bytes by way, and objects by what becomes of their seals.

    `pause_s` is how long writes pause, in seconds; `precopied_s` how long if all is copied before.
    """

    ways: Mapping[Way, tuple[int, int]]
    sealing: Mapping[Sealing, int]
    pause_s: float
    precopied_s: float


def forecast(
    groups: Iterable[Group], objects: int, size: int, *, from_service: bool, to_service: bool
) -> Forecast:
    """What a bucket with so much in it will take, if it is like the groups that were looked at."""
    found = list(groups)
    seen, seen_size = sum(group.objects for group in found), sum(group.size for group in found)
    more, more_size = objects / seen if seen else 0.0, size / seen_size if seen_size else 0.0
    ways: dict[Way, tuple[int, int]] = {}
    sealing: dict[Sealing, int] = {}
    for group in found:
        count, total = ways.get(group.way, (0, 0))
        scaled = round(group.objects * more)
        ways[group.way] = (count + scaled, total + round(group.size * more_size))
        sealing[group.sealing] = sealing.get(group.sealing, 0) + scaled
    services = from_service + to_service
    copying = {Way.LINKED: LINKING, Way.SERVER_SIDE: COPYING_THERE, Way.STREAMED: STREAMING[services]}
    pause = sum(copying[way].seconds(*held) for way, held in ways.items())
    pause += (READING_THERE if to_service else READING).seconds(objects, size)
    pause += LOOKING_THERE.seconds(objects, 0) if from_service else 0.0
    comparing = COMPARING_THERE if to_service else COMPARING
    return Forecast(ways, sealing, pause, CLOSING_S + comparing.seconds(objects, 0))
