"""What every step of a lifecycle job stands on: its rules, the fences around effects, and its notes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property

from jobs.kinds.base import Work
from jobs.kinds.lifecycle_rules.ranking import Ranking
from jobs.kinds.lifecycle_rules.spec import Spec, read_spec
from jobs.kinds.lifecycle_rules.walking import Sight
from jobs.kinds.pieces import Limits
from proxy.bucket_settings import BucketSettings
from proxy.records import BucketRecord
from proxy.store import Store

RANKINGS = "rankings"
"""The note of what each rule retains, by rule id."""


@dataclass(frozen=True, slots=True)
class Steps:
    """How much is done between two checkpoints, and together.

    A page looks at `entries`; as many objects as `together` are removed in one commit, and `looks` are
    looked at one by one in one item. What is retained is confirmed every `confirm_s` seconds. `limits` say
    which bodies are copied in pieces.
    """

    entries: int = 1000
    together: int = 100
    looks: int = 25
    confirm_s: int = 60
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class Here:
    """The bucket as it is while nobody can close its gate: where it is, and what was set."""

    bucket: BucketRecord
    store: Store

    @property
    def settings(self) -> BucketSettings:
        return self.bucket.settings

    @property
    def has_versions(self) -> bool:
        """Whether anything but current versions can be there."""
        return self.settings.keeps_versions and self.store.keeps_versions


@dataclass(frozen=True)
class Ground:
    """One call of a step."""

    work: Work
    steps: Steps

    @property
    def spec(self) -> Spec:
        """Read once in a slice."""
        found: Spec | None = self.work.local.get("spec")
        if found is None:
            found = self.work.local["spec"] = read_spec(self.work.spec)
        return found

    @contextmanager
    def here(self) -> Iterator[Here]:
        """The bucket, whose gate is open and stays so, or this ends. Raises Deferred, LeaseLost."""
        with self.work.writing(self.spec.bucket) as bucket:
            yield Here(bucket, Store.at(bucket.route))

    @cached_property
    def rankings(self) -> dict[str, Ranking]:
        """What each rule retains, as far as it was ranked."""
        told = self.work.state.get(RANKINGS, {})
        return {rule: Ranking.from_json(each) for rule, each in told.items()}

    def sight(self, here: Here) -> Sight:
        """Through what the bucket is looked at."""
        return Sight(here.store, self.spec, self.work.now_ms(), self.rankings, self.steps.entries)
