"""What `storage.replication` and `storage.lifecycle` may say, and the plain specs of their rules.

The specs are what the kinds of jobs read; durations in them are seconds, sizes bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Discriminator, Field, StringConstraints, Tag, WithJsonSchema
from pydantic_core import PydanticCustomError

from jobs import globs
from jobsite.config_backends import BucketName, Strict
from jobsite.config_words import Age, ClockTime, Interval, Rate, Size, Timeout, Zone, seconds, size

RULE_NAME = r"^[A-Za-z0-9_.-]{1,64}$"
NO_NUL = r"^[^\x00]*$"
"""PostgreSQL's JSON, in which specs are kept, takes none."""
MOST_RULES = 500

RuleName = Annotated[str, StringConstraints(pattern=RULE_NAME)]
Prefix = Annotated[str, StringConstraints(max_length=1024, pattern=NO_NUL)]


def _compiles(glob: str) -> str:
    try:
        globs.Globs([glob])
    except globs.BadGlob as bad:
        raise PydanticCustomError("bad_glob", "{fault}", {"fault": str(bad)}) from None
    return glob


Glob = Annotated[
    str,
    StringConstraints(min_length=1, max_length=globs.MOST_CHARACTERS, pattern=NO_NUL),
    AfterValidator(_compiles),
]
Globs = Annotated[list[Glob], Field(max_length=globs.MOST_GLOBS)]


class Place(Strict):
    """The objects of a bucket whose keys begin with a prefix."""

    bucket: BucketName
    prefix: Prefix = Field(default="", description="Left away: the whole bucket. End it with '/'.")

    def plain(self) -> dict[str, str]:
        return {"bucket": self.bucket, "prefix": self.prefix}


class Rule(Strict):
    """What every rule may say."""

    name: RuleName = Field(description="Its job is called by it. Another name is another rule.")
    enabled: bool = Field(default=True, description="A disabled rule is kept, and does not run by itself.")
    interval: Interval = Field(default="24h", description="From the start of a run to that of the next.")
    include_globs: Globs = Field(
        default_factory=list, description="Only keys that match one of these; none: all."
    )
    exclude_globs: Globs = Field(
        default_factory=list, description="Not the keys that match one of these, whatever else does."
    )
    concurrency: Annotated[int, Field(ge=1, le=64)] = Field(default=8, description="Objects at a time.")
    timeout: Timeout = Field(default="5m", description="What one object may take.")

    def _common(self) -> dict[str, Any]:
        return {
            "interval_s": seconds(self.interval),
            "concurrency": self.concurrency,
            "timeout_s": seconds(self.timeout),
        }

    def _globs(self) -> dict[str, Any]:
        return {"include_globs": list(self.include_globs), "exclude_globs": list(self.exclude_globs)}


class Window(Strict):
    """A daily window in which bytes are moved; it may go over midnight."""

    model_config = ConfigDict(validate_by_alias=True)

    from_: ClockTime = Field(alias="from", description='The time of day when it opens: "22:00".')
    to: ClockTime = Field(description="When it closes.")
    timezone: Zone = Field(default="UTC", description="An IANA name: Europe/Berlin.")


class ReplicationRule(Rule):
    """Keep the objects of one place at another one too."""

    source: Place
    destination: Place
    trigger: Literal["events", "schedule"] = Field(
        default="events",
        description="events: changes are copied as they happen, where the source has a change feed.",
    )
    replicate_deletes: bool = Field(default=False, description="What is deleted at the source goes too.")
    conflict: Literal["newer-wins", "content-diff", "skip-if-dest-exists"] = Field(
        default="newer-wins", description="What becomes of a key that both sides have."
    )
    bandwidth: Rate | None = Field(default=None, description="Bytes per second at most: 50MiB/s.")
    window: Window | None = None

    def spec(self) -> dict[str, Any]:
        """For the replication kind."""
        window = self.window and {
            "from": self.window.from_,
            "to": self.window.to,
            "timezone": self.window.timezone,
        }
        return {
            "source": self.source.plain(),
            "destination": self.destination.plain(),
            "trigger": self.trigger,
            "replicate_deletes": self.replicate_deletes,
            "conflict": self.conflict,
            "bandwidth": size(self.bandwidth) if self.bandwidth else None,
            "window": window,
            **self._globs(),
            **self._common(),
        }


class Delete(Strict):
    """Delete what is old enough; the same as the word `delete` alone."""

    type: Literal["delete"]


class Transition(Strict):
    """Move what is old enough to another place."""

    type: Literal["transition"]
    destination: Place
    delete_source_after_success: bool = Field(
        default=True, description="false: the objects stay at the source too."
    )


class Qualify(Strict):
    """What counts among the newest."""

    min_size: Size | None = Field(default=None, description="At least so large: 10MiB.")
    min_age: Age | None = Field(default=None, description="At least so old.")


class RetainNewest(Strict):
    """Keep the newest objects by count, and delete those that are older."""

    type: Literal["retain-newest"]
    count: Annotated[int, Field(ge=1, le=1000)] = Field(description="How many are kept.")
    qualify: Qualify = Qualify()
    protect_younger_than: Age | None = Field(
        default=None, description="Nothing that is younger is deleted, however many there are."
    )


_MAPPINGS = ("transition", "retain-newest")


def _word(text: str) -> str:
    if text in _MAPPINGS:
        raise PydanticCustomError("needs_mapping", f"needs more: write a mapping with 'type: {text}'")
    if text != "delete":
        known = " or ".join(_MAPPINGS)
        raise PydanticCustomError("unknown_action", f"input should be 'delete', or a mapping of type {known}")
    return text


def _form(action: Any) -> str | None:
    """What an action is written as: one word, or a mapping that says its type."""
    said = action.get("type") if isinstance(action, Mapping) else getattr(action, "type", "word")
    return None if said is None else str(said)


_Word = Annotated[str, AfterValidator(_word), WithJsonSchema({"type": "string", "const": "delete"})]
Action = Annotated[
    Annotated[_Word, Tag("word")]
    | Annotated[Delete, Tag("delete")]
    | Annotated[Transition, Tag("transition")]
    | Annotated[RetainNewest, Tag("retain-newest")],
    Discriminator(_form),
]


class LifecycleRule(Rule):
    """Delete or move objects of a bucket by age or count."""

    bucket: BucketName
    prefix: Prefix = ""
    action: Action | None = Field(default=None, description="What becomes of the objects themselves.")
    expire_after: Age | None = Field(default=None, description="The age at which delete or transition acts.")
    noncurrent_expire_after: Age | None = Field(
        default=None, description="Versions go so long after a newer one took their place."
    )
    noncurrent_keep: Annotated[int, Field(ge=0, le=100)] = Field(
        default=0, description="So many of the newest noncurrent versions stay, whatever their age."
    )
    abort_multipart_after: Age | None = Field(
        default=None, description="Uploads that were begun so long ago are aborted."
    )
    expired_delete_markers: bool = Field(
        default=False, description="Delete markers behind which no version is left go."
    )

    def spec(self) -> dict[str, Any]:
        """For the lifecycle kind."""
        return {"bucket": self.bucket, **self._common(), "rules": [self._entry()]}

    def _entry(self) -> dict[str, Any]:
        action = self.action
        newest = action if isinstance(action, RetainNewest) else None
        moving = action if isinstance(action, Transition) else None
        return {
            "id": self.name,
            "prefix": self.prefix,
            "tags": {},
            "min_size": None,
            "max_size": None,
            **self._globs(),
            "action": action if isinstance(action, str) else (action.type if action else ""),
            "after_s": _seconds(self.expire_after),
            "on_date_ms": None,
            "destination": moving.destination.plain() if moving else None,
            "delete_source": moving.delete_source_after_success if moving else True,
            "count": newest.count if newest else None,
            "qualify": {
                "min_size": size(newest.qualify.min_size) if newest and newest.qualify.min_size else None,
                "min_age_s": _seconds(newest.qualify.min_age) if newest else None,
            },
            "protect_younger_than_s": _seconds(newest.protect_younger_than) if newest else None,
            "noncurrent_after_s": _seconds(self.noncurrent_expire_after),
            "noncurrent_keep": self.noncurrent_keep,
            "abort_multipart_after_s": _seconds(self.abort_multipart_after),
            "expired_delete_markers": self.expired_delete_markers,
        }


class Replication(Strict):
    """Rules that keep copies."""

    enabled: bool = Field(default=True, description="false: all of them are disabled.")
    rules: Annotated[list[ReplicationRule], Field(max_length=MOST_RULES)] = Field(default_factory=list)


class Lifecycle(Strict):
    """Rules that delete and move; those that buckets have by S3's own API are switched by `enabled` too."""

    enabled: bool = Field(default=True, description="false: all of them are disabled.")
    rules: Annotated[list[LifecycleRule], Field(max_length=MOST_RULES)] = Field(default_factory=list)


def _seconds(text: str | None) -> int | None:
    return None if text is None else seconds(text)
