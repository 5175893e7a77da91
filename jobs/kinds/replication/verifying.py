"""The audit: what a reconcile would find, told and left as it is. It moves no bytes and changes nothing.

Listings are compared as the walk compares them; whatever does not agree there is looked at itself, so that
what changed meanwhile, or what a service lists otherwise than it answers, is no finding.
"""

from __future__ import annotations

from typing import Any

from jobs.errors import BadToken
from jobs.kinds.base import Page
from jobs.kinds.replicas.target import look
from jobs.kinds.replication.deciding import LOCKED, Act, Decision, State, decide
from jobs.kinds.replication.ground import Ground
from jobs.kinds.replication.merging import Pair
from jobs.kinds.replication.position import Position, decode, encode
from jobs.kinds.replication.walking import decided, hold, listings
from jobs.kinds.steps import todo
from proxy.backends.values import ObjectInfo

SAMPLES = 20
"""Of each state."""
_MOST_LOOKS = 200
_LONGEST_KEY = 300
_CUSTOMERS = "customer"


def page(ground: Ground, token: str | None) -> Page:
    """A stretch of both listings; the notes keep what was found so far."""
    at = Position() if token is None else decode(token)
    report = None if token is None else ground.work.state.get("verify")
    if report is not None and report.get("run") != ground.work.run_id:
        raise BadToken("What an audit tells it has seen itself, and not one before it.")
    now_ms = ground.work.now_ms()
    merged, until_ms = listings(ground, at.after), now_ms + ground.limits.look_ms
    found: list[tuple[Pair, Decision]] = []
    agree, ended = 0, False
    for pair, listed in decided(ground, merged):
        decision = listed if listed.state is State.IN_SYNC else _looked_at(ground, pair)
        if decision.state is State.IN_SYNC:
            agree += 1
        else:
            found.append((pair, decision))
        if len(found) >= _MOST_LOOKS or (not merged.at_hand and ground.work.now_ms() >= until_ms):
            break
    else:
        ended = True
    ground.work.state["verify"] = _added(report or _fresh(ground, now_ms), agree, found)
    hold(ground, merged)
    if not ended:
        items = [todo("settled", "", objects=agree + len(found))]
        return Page(items, encode(at.next(after=merged.after)), truncated=True)
    ground.work.state["verify"]["finished_ms"] = ground.work.now_ms()
    return Page([todo("settled", "", objects=agree + len(found))])


def _looked_at(ground: Ground, pair: Pair) -> Decision:
    """What the objects themselves say of a key whose listings do not agree."""
    spec = ground.spec
    source = look(ground.source, spec.source.key(pair.relative))
    there = spec.destination.key(pair.relative)
    destination = None if pair.destination is None else look(ground.destination, there)
    decision = decide(source, destination, spec.conflict, deletes=spec.deletes)
    if decision.act is Act.COPY and source is not None and source.encryption.mode == _CUSTOMERS:
        return LOCKED
    return decision


def _fresh(ground: Ground, began_ms: int) -> dict[str, Any]:
    return {
        "run": ground.work.run_id,
        "began_ms": began_ms,
        "finished_ms": None,
        "counts": {state.value: 0 for state in State},
        "samples": {state.value: [] for state in State if state is not State.IN_SYNC},
    }


def _added(report: dict[str, Any], agree: int, found: list[tuple[Pair, Decision]]) -> dict[str, Any]:
    """The report with a stretch more."""
    counts, samples = report["counts"], report["samples"]
    counts[State.IN_SYNC.value] += agree
    for pair, decision in found:
        name = decision.state.value
        counts[name] += 1
        if len(samples[name]) < SAMPLES:
            samples[name].append(_sample(pair, decision))
    return report


def _sample(pair: Pair, decision: Decision) -> dict[str, Any]:
    return {
        "key": pair.relative[:_LONGEST_KEY],
        "reason": decision.reason,
        "fix": decision.fix,
        "source": _shown(pair.source),
        "destination": _shown(pair.destination),
    }


def _shown(info: ObjectInfo | None) -> dict[str, Any] | None:
    if info is None:
        return None
    return {"size": info.size, "etag": info.etag, "modified_ms": info.last_modified}
