"""Taking things away: versions for good, keys from sight, and real buckets with all that is in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from proxy.backends.rules import require_free, require_superseded
from proxy.backends.s3 import facts as noted
from proxy.backends.s3.answers import Removed
from proxy.backends.s3.client import Client
from proxy.backends.s3.errors import Refused
from proxy.backends.s3.facts import CLOCK_SLACK_MS
from proxy.backends.s3.guarding import UNGUARDED, Guard, Guards
from proxy.backends.s3.looking import Looker, all_at_once
from proxy.backends.s3.places import At, refuse_reserved
from proxy.backends.s3.showing import Shown, info_of
from proxy.backends.s3.stamps import Stamp
from proxy.backends.values import ALWAYS, CURRENT, NULL_VERSION, Clock, Deletion, ObjectInfo
from proxy.errors import NoSuchKey, NoSuchVersion, NotImplementedByUs, ObjectLocked, S3Error

Outcome = ObjectInfo | S3Error | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be asked of the service for one deletion: a version's name there, and a condition.

    `found` is what is to be removed, None for a marker.
    """

    deletion: Deletion
    version: str
    found: ObjectInfo | None
    guard: Guard = UNGUARDED

    @property
    def headers(self) -> dict[str, str]:
        """What the service must be told of this one alone."""
        bypass = {"x-amz-bypass-governance-retention": "true"} if self.deletion.bypass else {}
        return {**self.guard.headers, **bypass}


class Remover:
    """Deletions of one backend."""

    def __init__(self, client: Client, looker: Looker, guards: Guards, now: Clock) -> None:
        self._client = client
        self._looker = looker
        self._guards = guards
        self._now = now

    def delete(self, at: At, deletions: Sequence[Deletion]) -> list[Outcome]:
        """See `Backend.delete`."""
        done: list[Outcome] = []
        for some in _apart(deletions):
            done += self._delete(at, some)
        return done

    def _delete(self, at: At, deletions: Sequence[Deletion]) -> list[Outcome]:
        """Of different keys."""
        looked = all_at_once(lambda one: self._look(at, one), deletions)
        plans = [self._planned(at, one, seen) for one, seen in zip(deletions, looked, strict=True)]
        done = iter(self._do(at, [plan for plan in plans if isinstance(plan, Plan)]))
        return [next(done) if isinstance(plan, Plan) else plan for plan in plans]

    def _look(self, at: At, one: Deletion) -> Shown | S3Error | None:
        """What the deletion is about; None if nothing is there. (In a thread: no database.)"""
        if one.marker and one.when == ALWAYS:
            return None
        try:
            refuse_reserved(one.key)
            if one.marker:
                return self._looker.ask(at, one.key)
            return self._looker.with_latest(at, self._looker.ask(at, one.key, one.version_id))
        except (NoSuchKey, NoSuchVersion):
            return None
        except S3Error as error:
            return error

    def _planned(self, at: At, one: Deletion, seen: Shown | S3Error | None) -> Plan | Outcome:
        try:
            if isinstance(seen, S3Error):
                return seen
            refuse_reserved(one.key)
            found = None if seen is None else self._looker.info(at, seen, sure_of_latest=True)
            judged = None if found is None or found.marker else found
            guard = self._guards.of_removal(at, one.when, judged, "" if seen is None else seen.etag)
            if one.marker:
                self._refuse_unkept(at, one)
                return Plan(one, CURRENT, None, guard)
            if found is None:
                return None
            require_superseded(one, latest=found.latest)
            require_free(found, None, self._now(), bypass=one.bypass)
            return Plan(one, self._looker.named(at, found.version_id), found, guard)
        except S3Error as error:
            return error

    def _refuse_unkept(self, at: At, one: Deletion) -> None:
        if one.carried is not None or not at.versioned:
            raise NotImplementedByUs(
                f"The storage {self._client.name!r} makes delete markers itself and cannot keep this one."
            )

    def _do(self, at: At, plans: Sequence[Plan]) -> Iterator[Outcome]:
        """What needs headers of its own goes alone, the rest together."""
        alone = [len(plans) == 1 or bool(plan.headers) for plan in plans]
        items = [
            (plan.deletion.key, plan.version)
            for plan, by_itself in zip(plans, alone, strict=True)
            if not by_itself
        ]
        many = iter(self._client.delete_many(at.bucket, items) if items else ())
        for plan, by_itself in zip(plans, alone, strict=True):
            said = self._do_alone(at, plan) if by_itself else next(many)
            yield self._outcome(at, plan, said)

    def _do_alone(self, at: At, plan: Plan) -> Removed | S3Error:
        key = plan.deletion.key
        try:
            facts = self._client.delete(at.bucket, key, version=plan.version, headers=plan.headers)
        except S3Error as error:
            return plan.guard.judged(error)
        made = facts.version_id if facts.marker and not plan.version else ""
        return Removed(key, plan.version, facts.marker, made)

    def _outcome(self, at: At, plan: Plan, said: Removed | S3Error) -> Outcome:
        one = plan.deletion
        if isinstance(said, S3Error):
            locked = isinstance(said, Refused) and said.service_code == "AccessDenied" and one.bypass
            return ObjectLocked(fields={"Key": one.key, "VersionId": one.version_id}) if locked else said
        if not one.marker:
            version_id = NULL_VERSION if plan.found is None else plan.found.version_id
            noted.forget(at.place, [(one.key, version_id)])
            return plan.found
        return self._marker(at, one, said.marker_version_id or NULL_VERSION)

    def _marker(self, at: At, one: Deletion, version_id: str) -> ObjectInfo:
        """A marker cannot be stamped: whose it is, only the row says."""
        now = self._now() // 1000 * 1000
        stamp = Stamp(owner_id=one.owner_id)
        ordinal = noted.note(
            at.place, one.key, version_id, stamp, backend_etag="", written=now + CLOCK_SLACK_MS
        )
        return info_of(Shown(one.key, 0, "", now, version_id, marker=True), stamp, ordinal)


def _apart(deletions: Sequence[Deletion]) -> Iterator[list[Deletion]]:
    """Stretches in which no key is there twice: those of one key must follow one another."""
    some: list[Deletion] = []
    keys: set[str] = set()
    for one in deletions:
        if one.key in keys:
            yield some
            some, keys = [], set()
        some.append(one)
        keys.add(one.key)
    if some:
        yield some
