"""Proof that the source was not changed behind the gate while it was verified.

A source that counts its changes shows the same sequence number before and after. One that does not
(an S3 service) tells for each version when it was written, by its own clock, mostly to the second:

- The verification begins in a later second than the staging, in which nothing was written through
  the gate any more: so what is written behind it from then on has a later time than all the rest.
- Each version that is verified goes into a digest as the source lists it. At the end the source is
  listed once more: another digest, or a version that is newer than the beginning, fails the job.
- The newest time of that last listing is the bound: the cleanup removes nothing that is newer.

A change between the end of that listing and the flip, some milliseconds later, is not seen.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from jobs.errors import JobFailed
from jobs.kinds.base import Page
from jobs.kinds.migration.ground import Ground
from jobs.kinds.migration.walking import behind, next_versions, page_of
from jobs.kinds.position import OBJECTS, Position, encode
from proxy.backends.values import ObjectInfo

TICK_MS = 1000
"""How exactly a service tells when something was written."""


def begin(ground: Ground) -> None:
    """The verification begins: what changes from now on is a change behind the gate."""
    source = ground.source
    ground.work.state.update(
        seq_verified=source.backend.head_seq(source.place), seen="", seen_again="", seq_seen=0
    )


def quiet_page(ground: Ground, position: Position) -> Page:
    """Wait for the next second of the service's clock, then begin."""
    source = ground.source
    passed_ms = source.backend.head_seq(source.place) - int(ground.work.state["seq_staged"])
    if 0 <= passed_ms < TICK_MS:
        wait_s = (TICK_MS - passed_ms) / 1000
        return Page(token=encode(position), truncated=True, wait_s=wait_s)
    begin(ground)
    return page_of(ground, [], Position(OBJECTS))


def saw(ground: Ground, versions: Iterable[ObjectInfo], walk: str = "seen") -> None:
    """Note versions of the source, in the order of its listing, in the digest of a walk."""
    state = ground.work.state
    if not ground.source.backend.counts_changes:
        state[walk] = digested(str(state[walk]), versions)


def digested(before: str, versions: Iterable[ObjectInfo]) -> str:
    """A digest (hex) with more versions in it, however many at a time. Pure."""
    for each in versions:
        line = json.dumps([before, each.key, each.version_id, each.etag, each.size, each.seq, each.marker])
        before = hashlib.sha256(line.encode()).hexdigest()
    return before


def again_page(ground: Ground, position: Position) -> Page:
    """List the source once more. Raises JobFailed if it is not what was verified."""
    state = ground.work.state
    found, ends = next_versions(ground, ground.source, position)
    newer = next((each for each in found if each.seq > int(state["seq_verified"])), None)
    if newer is not None:
        raise _changed(f"{newer.key} was written")
    saw(ground, found, "seen_again")
    state["seq_seen"] = max([int(state["seq_seen"]), *(each.seq for each in found)])
    if not ends:
        return page_of(ground, [], behind(position, found[-1]))
    if state["seen_again"] != state["seen"]:
        raise _changed("it lists other objects than before")
    return page_of(ground, [], None)


def bound(ground: Ground) -> int:
    """The newest sequence number of what was verified. Raises JobFailed if there is a newer one."""
    source, state = ground.source, ground.work.state
    if not source.backend.counts_changes:
        return int(state["seq_seen"])
    head = source.backend.head_seq(source.place)
    if head != state["seq_verified"]:
        raise _changed(f"sequence number {head} instead of {state['seq_verified']}")
    return head


def _changed(how: str) -> JobFailed:
    return JobFailed(
        f"The source was changed behind the gate while it was verified ({how}).", "SourceChanged"
    )
