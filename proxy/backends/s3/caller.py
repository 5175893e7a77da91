"""One call to a service: admitted by the breaker, signed, sent, judged, sent again within its budget."""

from __future__ import annotations

import os
import random
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from proxy.backends.s3 import errors
from proxy.backends.s3.breaker import CLOSED, Breaker, NeverOpen
from proxy.backends.s3.chunk_signing import STREAMING, SignedChunks
from proxy.backends.s3.errors import FAULTS
from proxy.backends.s3.options import Credentials, Options
from proxy.backends.s3.requests import Request, sign
from proxy.backends.s3.retrying import Attempts, may_repeat
from proxy.backends.s3.transport import Payload, Reply, Transport
from proxy.errors import BackendUnavailable, S3Error

_Taken = TypeVar("_Taken")

MAX_ERROR_BYTES = 256 * 1024

__all__ = ["CLOSED", "Caller", "CredentialSource", "Observer", "Timing", "phases", "watch"]

CredentialSource = Callable[[], Credentials]
Observer = Callable[[str, str, float], None]
"""(backend, the error's code or "", seconds) of every answer or failure."""


@dataclass(frozen=True, slots=True)
class Timing:
    """What a call asks the world for; tests put their own in place."""

    wall: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = random.random


_watchers: list[Observer] = []


def watch(observer: Observer) -> None:
    """Tell `observer` of every call of this process; once, however often it is given."""
    if observer not in _watchers:
        _watchers.append(observer)


def phases() -> dict[str, str]:
    """The phase of each service's breaker, by backend name."""
    return {caller.backend: caller.breaker.state.phase for caller in list(_all) if caller.watched}


class Caller:
    """Calls to one service from this process. Safe for any number of threads."""

    def __init__(
        self,
        backend: str,
        options: Options,
        credentials: CredentialSource,
        *,
        watched: bool = True,
        timing: Timing | None = None,
    ) -> None:
        self.backend = backend
        self.options = options
        self.watched = watched
        """Its failures open a breaker, and observers are told of its calls."""
        self.breaker = (Breaker if watched else NeverOpen)(backend)
        self.signs_streams = False
        """Sign every chunk of a stream: for services that take no unsigned ones without TLS."""
        self.credentials = credentials
        self._timing = timing or Timing()
        self._transport = Transport(backend, options)
        _all.add(self)

    def send(self, request: Request) -> Reply:
        """The good answer to a call, its body not yet read.

        Raises what the service's error means (see errors.py), Unreachable, Broken, ServiceFault once
        nothing helped within the budget, and what the payload raises.
        """
        return self._call(request, lambda reply: reply)

    def read(self, request: Request) -> tuple[Reply, bytes]:
        """The good answer to a call with its whole document (bounded); raises as `send` does.

        An error that comes with status 200 is raised as any other.
        """

        def whole(reply: Reply) -> tuple[Reply, bytes]:
            document = reply.document()
            if errors.is_error(document):
                raise errors.of_answer(self.backend, request.bucket, 500, reply.headers, document)
            return reply, document

        return self._call(request, whole)

    def close(self) -> None:
        self._transport.close()

    def _call(self, request: Request, take: Callable[[Reply], _Taken]) -> _Taken:
        timing = self._timing
        attempts = Attempts(timing.monotonic() + self.options.retry_budget)
        payload = request.payload if isinstance(request.payload, bytes) else _Watched(request.payload)
        last: S3Error | None = None
        while True:
            turn = self.breaker.admit(timing.monotonic())
            if turn is None:
                raise last or self._resting()
            try:
                return self._attempt(request, payload, turn, take)
            except S3Error as error:
                last = error
                attempts.made += 1
                untouched = isinstance(payload, bytes) or not payload.touched
                if not may_repeat(request, error, untouched):
                    raise
                pause = attempts.pause(error, timing.monotonic(), timing.chance())
                if pause is None:
                    raise
            timing.sleep(pause)

    def _attempt(
        self, request: Request, payload: bytes | Payload, turn: int, take: Callable[[Reply], _Taken]
    ) -> _Taken:
        timing, began = self._timing, self._timing.monotonic()
        report, code = self.breaker.withdrawn, ""
        try:
            taken = take(self._judged(request, self._exchange(request, payload)))
            report = self.breaker.succeeded
            return taken
        except S3Error as error:
            code = error.code
            if isinstance(payload, _Watched) and payload.failure is error:
                raise
            report = self.breaker.failed if isinstance(error, FAULTS) else self.breaker.succeeded
            raise
        finally:
            now = timing.monotonic()
            report(turn, now)
            self._tell(code, now - began)

    def _tell(self, code: str, seconds: float) -> None:
        for observer in _watchers if self.watched else ():
            observer(self.backend, code, seconds)

    def _judged(self, request: Request, reply: Reply) -> Reply:
        if 200 <= reply.status < 300:
            return reply
        document = b"" if request.method == "HEAD" else reply.document(MAX_ERROR_BYTES)
        reply.close()
        raise errors.of_answer(
            self.backend, request.bucket, reply.status, reply.headers, document, request.method
        )

    def _exchange(self, request: Request, payload: bytes | Payload) -> Reply:
        now, credentials = self._timing.wall(), self.credentials()
        chunked = self.signs_streams and not isinstance(payload, bytes) and not self.options.encrypted
        if not chunked:
            signed = sign(request, self.options, credentials, now)
            return self._transport.send(
                request.method, signed.target, signed.headers, payload, host=signed.host
            )
        assert not isinstance(payload, bytes)
        said = {
            **request.headers,
            "content-encoding": _also_chunked(request.headers),
            "x-amz-decoded-content-length": str(payload.length),
        }
        announced = Request(request.method, request.bucket, request.key, request.query, said, payload)
        signed = sign(announced, self.options, credentials, now, STREAMING)
        return self._transport.send(
            request.method, signed.target, signed.headers, SignedChunks(payload, signed), host=signed.host
        )

    def _resting(self) -> BackendUnavailable:
        wait = int(self.breaker.wait(self._timing.monotonic())) + 1
        return BackendUnavailable(
            f"The storage {self.backend!r} failed again and again and is left alone for a moment. Try again.",
            headers={"Retry-After": str(wait)},
        )


class _Watched:
    """A stream that remembers whether anything was taken from it, and what it raised."""

    def __init__(self, payload: Payload) -> None:
        self.length = payload.length
        self.touched = False
        self.failure: BaseException | None = None
        self._payload = payload

    def __iter__(self) -> Iterator[bytes]:
        self.touched = True
        try:
            yield from self._payload
        except BaseException as error:
            self.failure = error
            raise


def _also_chunked(headers: Mapping[str, str]) -> str:
    """Content-Encoding of an aws-chunked body: what it was, behind the one of the transfer."""
    own = headers.get("content-encoding", "")
    return f"aws-chunked,{own}" if own else "aws-chunked"


_all: weakref.WeakSet[Caller] = weakref.WeakSet()


def _after_fork() -> None:
    for caller in list(_all):
        caller.breaker.renew()


os.register_at_fork(after_in_child=_after_fork)
