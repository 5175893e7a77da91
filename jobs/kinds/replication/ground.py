"""What every step of a replication stands on: the rule, both buckets as they are now, and its terms."""

from __future__ import annotations

from dataclasses import dataclass, replace

from jobs.errors import BadRequest, Deferred, JobFailed
from jobs.kinds import pieces
from jobs.kinds.base import Work
from jobs.kinds.pieces import LEAST_PART_BYTES, MIB
from jobs.kinds.replicas.pacing import Pacing, Throttle
from jobs.kinds.replication.notes import Notes
from jobs.kinds.replication.spec import Spec
from proxy.records import find_bucket
from proxy.store import Store

KIB = 1024
_SECONDS_OF_A_PAGE = 2


@dataclass(frozen=True, slots=True)
class Limits(pieces.Limits):
    """How much is done between two checkpoints, so that the feed is looked at again soon.

    Objects of at most `small_bytes` are done `group_items` at a time, within one passage of the gate. A
    page looks for work for about `look_ms`, over listings of `page_entries`.
    """

    page_items: int = 256
    page_bytes: int = 64 * MIB
    group_items: int = 16
    small_bytes: int = 64 * KIB
    look_ms: int = 250


@dataclass(frozen=True, slots=True)
class Ground:
    """One call of a step: the job's facts and fences, and how much it may do at once at most."""

    work: Work
    most: Limits

    @property
    def spec(self) -> Spec:
        """Raises JobFailed if the job's is none."""
        found: Spec | None = self.work.local.get("spec")
        if found is None:
            try:
                found = self.work.local.setdefault("spec", Spec.of(self.work.spec))
            except BadRequest as error:
                raise JobFailed(error.message, error.code) from None
        return found

    @property
    def notes(self) -> Notes:
        return Notes(self.work.state)

    @property
    def source(self) -> Store:
        """For reads, which no gate keeps out. Raises NoSuchBucket."""
        return Store.of(find_bucket(self.spec.source.bucket))

    def confirm_source(self) -> None:
        """That what is said to be absent is absent from the bucket itself, and not from another in its stead:
        a service that lost its disks, or an endpoint that leads elsewhere, has none of the objects either.

        Raises JobFailed, S3Error.
        """
        source = self.source
        there, place = source.backend, source.place
        if not there.is_at_hand(place) and place not in there.places(place.bucket):
            text = (
                f"{place.bucket} on {source.route.backend} is not the bucket that it was; nothing is deleted."
            )
            raise JobFailed(text, "SourceReplaced")

    @property
    def destination(self) -> Store:
        """For reads only: what is written goes through `Work.writing`. Raises NoSuchBucket."""
        return Store.of(find_bucket(self.spec.destination.bucket))

    @property
    def pacing(self) -> Pacing:
        """The terms of the copies; all threads of a slice share the throttle."""
        rate, local = self.spec.bandwidth, self.work.local
        throttle = None
        if rate:
            throttle = local.get("throttle") or local.setdefault("throttle", Throttle(rate))
        return Pacing(self.work.pulse, self.spec.timeout_s, throttle)

    @property
    def limits(self) -> Limits:
        """How much is done at once: with a bandwidth a page moves what that brings over in a moment.

        So does a piece, as far as services take such small ones, for other rules wait for this one's.
        """
        rate, most = self.spec.bandwidth, self.most
        if not rate:
            return most
        page = min(most.page_bytes, rate * _SECONDS_OF_A_PAGE)
        piece = max(page, LEAST_PART_BYTES)
        large, part = min(most.large_bytes, piece), min(most.part_bytes, piece)
        return replace(most, page_bytes=page, large_bytes=large, part_bytes=part)

    def require_open_window(self) -> None:
        """Raises Deferred outside the hours in which the rule may move bytes."""
        window = self.spec.window
        wait_s = window.opens_in(self.work.now_ms()) if window else 0.0
        if wait_s > 0:
            raise Deferred("It is outside its window: bytes are moved when that opens again.", wait_s)
