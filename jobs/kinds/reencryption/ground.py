"""What every step of a re-encryption stands on: one store, how it seals, and the job's notes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from jobs.kinds.base import Item, Page, Work
from jobs.kinds.pieces import Limits
from jobs.kinds.position import Position, encode
from jobs.kinds.reencryption.deciding import Aim
from jobs.kinds.reencryption.tally import Tally
from proxy.backends.seals import SealListing
from proxy.backends.values import NULL_VERSION, ObjectInfo, Route, UploadListing
from proxy.records import BucketRecord
from proxy.resealing import Resealing
from proxy.store import Store

UNSCRUBBED = "unscrubbed"
"""The note on a place that bodies were replaced whose bytes may still be found there.

It outlives the job: the next one cleans up what a cancelled one has left.
"""


@dataclass(frozen=True)
class Ground:
    """One call of a step: the job's facts and fences, and how much it may do at once."""

    work: Work
    limits: Limits

    @property
    def route(self) -> Route:
        """Where the bucket is; its gate is closed, so nothing moves it."""
        return self.work.bucket.route

    @property
    def store(self) -> Store:
        return Store.at(self.route)

    @cached_property
    def resealing(self) -> Resealing:
        return Resealing.at(self.route)

    @property
    def asked(self) -> str:
        return str(self.work.spec.get("mode") or "")

    @property
    def aim(self) -> Aim:
        """The configuration of this process: the bucket is to be as it says now."""
        return aim_of(self.work.bucket, self.resealing, self.asked, str(self.work.state.get("fresh", "")))

    @property
    def survey(self) -> Tally:
        """What was counted before the work."""
        return Tally.read(self.work.state.get("survey", {}))

    @property
    def collects(self) -> str:
        """What the ids of the uploads begin with that collect large bodies: this job's, and nobody else's."""
        return f"reseal-{self.work.job_id}-"

    def seals_after(self, position: Position) -> SealListing:
        """The next versions, and how each is sealed."""
        store, after = self.store, (position.after, position.after_id)
        return store.backend.list_seals(store.place, after=after, limit=self.limits.page_entries)

    def uploads_after(self, position: Position) -> UploadListing:
        """The next open uploads."""
        after = (position.after, position.after_id)
        return self.store.list_uploads(after=after, limit=self.limits.page_entries)

    def carried(self, info: ObjectInfo) -> ObjectInfo:
        """A version as it is put in its own place again; a service that gives ids gives it another."""
        if self.resealing.backend.assigns_versions:
            return replace(info, version_id=NULL_VERSION)
        return info

    def page(self, items: list[Item], goes_on: Position | None) -> Page:
        """A page of the counted phase: with the totals that the survey found."""
        survey = self.survey
        return Page(
            items=items,
            token=None if goes_on is None else encode(goes_on),
            truncated=goes_on is not None,
            total=survey.objects,
            total_bytes=survey.bytes_moved,
        )


def aim_of(bucket: BucketRecord, resealing: Resealing, asked: str, fresh: str = "") -> Aim:
    """How the versions of a bucket are to be encrypted."""
    assigns, versioned = resealing.backend.assigns_versions, bucket.settings.keeps_versions
    return Aim(resealing.mode, resealing.kms_key, asked, fresh, assigns, versioned)
