"""Conditions of a write, as the service can hold them.

What only we can judge (ETags of ours, sizes, times) is judged by what the key has now; the service is
then asked to write only while that is so. Where it cannot, what clients ask for is refused, and what
jobs ask for, who keep clients out meanwhile, is taken by the look alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from proxy.backends.s3.capabilities import Capabilities
from proxy.backends.s3.looking import Looker
from proxy.backends.s3.places import At
from proxy.backends.values import ALWAYS, ObjectInfo, Precondition
from proxy.errors import ConditionalRequestConflict, NotImplementedByUs, PreconditionFailed, S3Error

_CREATES = Precondition(absent=True)

Able = Callable[[At], Capabilities]
"""What the service can do at a place; it may have to be asked."""


@dataclass(frozen=True, slots=True)
class Guard:
    """The condition's headers, and the error that a client gets if the service says it did not hold."""

    headers: Mapping[str, str]
    broken: S3Error

    def judged(self, error: S3Error) -> S3Error:
        """What an error of the guarded request means."""
        return self.broken if self.headers and isinstance(error, PreconditionFailed) else error


UNGUARDED = Guard({}, PreconditionFailed())


class Guards:
    """Conditions of the writes of one backend."""

    def __init__(self, backend: str, looker: Looker, able: Able) -> None:
        self._backend = backend
        self._looker = looker
        self._able = able

    def refuse_inexact(self, at: At, key: str) -> None:
        """Raises NotImplementedByUs for a key that the service would take for another one."""
        if is_folded(key) and self._able(at).exact_keys is False:
            raise NotImplementedByUs(
                f"The storage {self._backend!r} would keep the key {key!r} under another name."
            )

    def of_write(self, at: At, key: str, when: Precondition) -> Guard:
        """For what becomes the current version. Raises PreconditionFailed, NoSuchKey, NotImplementedByUs."""
        if when == ALWAYS:
            return UNGUARDED
        able = self._able(at)
        if when == _CREATES and able.conditional_put:
            return Guard(_ABSENT, _failed(when))
        return self._looked(at, key, when, able.conditional_put, able.conditional_replace)

    def of_completion(self, at: At, key: str, when: Precondition) -> Guard:
        """The same for a multipart upload that becomes the current version."""
        if when == ALWAYS:
            return UNGUARDED
        able = self._able(at).conditional_complete
        return self._looked(at, key, when, able, able)

    def _looked(
        self, at: At, key: str, when: Precondition, create: bool | None, replace: bool | None
    ) -> Guard:
        found = self._looker.current(at, key)
        when.check(None if found is None else found[1])
        held = create if found is None else replace
        if not held:
            self._refuse(when)
            return UNGUARDED
        headers = _ABSENT if found is None else same(found[0].etag)
        return Guard(headers, _failed(when))

    def of_removal(self, at: At, when: Precondition, found: ObjectInfo | None, backend_etag: str) -> Guard:
        """For the removal of what was found. Raises as `of_write` does."""
        if when == ALWAYS:
            return UNGUARDED
        when.check(found)
        if found is None:
            return UNGUARDED
        if not self._able(at).conditional_delete:
            self._refuse(when)
            return UNGUARDED
        return Guard(same(backend_etag), _failed(when))

    def _refuse(self, when: Precondition) -> None:
        if when.etags or when.absent or when.none_of:
            raise NotImplementedByUs(
                f"The storage {self._backend!r} cannot make this request depend on a condition."
            )


_ABSENT = {"if-none-match": "*"}


def is_folded(key: str) -> bool:
    """Whether services that keep keys as paths of files may change it. (`/` at the end stays.)"""
    segments = key.removesuffix("/").split("/")
    return "\\" in key or any(segment in ("", ".", "..") for segment in segments)


def same(backend_etag: str) -> dict[str, str]:
    """While the service shows this ETag."""
    return {"if-match": f'"{backend_etag}"'}


def _failed(when: Precondition) -> S3Error:
    """Somebody was faster: whether the client's own condition still holds is known of some only."""
    if when.absent:
        return PreconditionFailed(fields={"Condition": "If-None-Match"})
    if when.etags and "*" not in when.etags:
        return PreconditionFailed(fields={"Condition": "If-Match"})
    return ConditionalRequestConflict()
