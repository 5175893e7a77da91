"""The front desk: parse, authenticate, match, authorise, gate, handle, render.

Plain synchronous code that runs in the door's threads. `admit` is everything that can be said
before the first byte of the body, `answer` is the rest, `serve` is both. None of them raises:
every error becomes an answer here and nowhere else. `try_admit` and `try_answer` do the same in the
event loop itself as far as nothing can keep them waiting.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection

from proxy import gate, metrics, routes
from proxy.access import Access as Authority
from proxy.access import Circumstances
from proxy.access.actions import HANGS_ON_OBJECT, versioned
from proxy.attempts import Attempt
from proxy.caller import NOBODY, Caller
from proxy.errors import AccessDenied, EntityTooLarge, InternalError, S3Error, ServiceUnavailable
from proxy.handlers import encrypting
from proxy.handlers.call import Answer, Call, Download, NoPieces, Pieces
from proxy.limits import BRIEF_BYTES, MAX_FORM_BYTES, MAX_PUT_BYTES
from proxy.operations import Access, Operation, match
from proxy.records import BucketRecord, find_bucket
from proxy.unsupported import refuse_unsupported
from proxy.wire import cors, encryption, sigv2, sigv4, xml
from proxy.wire.request import S3Request, parse_length
from proxy.wire.sigv4 import Credentials

log = logging.getLogger("sluicegate.gateway")

Scope = Mapping[str, Any]
T = TypeVar("T")

_BRIEF = frozenset({"GetObject", "HeadObject"})
"""Operations that read one row: short work wherever that row is at hand."""

_OBJECT_HEADERS = {"Content-Security-Policy": "sandbox", "X-Content-Type-Options": "nosniff"}
"""One origin, two worlds: what a client stored must not run as the console."""


@dataclass(slots=True)
class Admitted:
    """A request as far as it is known; what is None was not reached before an error."""

    scope: Scope
    request_id: str
    request: S3Request | None = None
    operation: Operation | None = None
    credentials: Credentials | None = None
    caller: Caller = NOBODY
    bucket: BucketRecord | None = None
    rights: Authority | None = None
    right: str = ""
    now_ms: int = 0


@dataclass(slots=True)
class Response:
    """What goes out. `rest` continues `body` and must be closed; `length` is of both together."""

    status: int
    headers: dict[str, str]
    body: bytes
    length: int
    rest: Download | None = None
    admitted: Admitted | None = None
    code: str = ""

    def close(self) -> None:
        if self.rest is not None:
            self.rest.close()


@dataclass(slots=True)
class Unread:
    """An answer of which no byte has been read yet."""

    admitted: Admitted
    handled: Answer

    def close(self) -> None:
        if isinstance(self.handled.body, Download):
            self.handled.body.close()


def admit(scope: Scope, request_id: str) -> Admitted | Response:
    """All that can be decided before the body is asked for, the first look at the gate included."""
    admitted = Admitted(scope, request_id)
    return _guarded(admitted, lambda: _admit(admitted, ask=True))


def answer(admitted: Admitted, pieces: Pieces) -> Response:
    """Handle an admitted request."""
    return _guarded(admitted, lambda: _answer(admitted, pieces))


def serve(scope: Scope, request_id: str, pieces: Pieces) -> Response:
    """`admit` and `answer` in one; the gate is asked when it is entered."""
    admitted = Admitted(scope, request_id)
    return _guarded(admitted, lambda: _answer(_admit(admitted, ask=False), pieces))


def try_admit(scope: Scope, request_id: str) -> Admitted | Response | None:
    """`admit` without waiting for anything but this machine's memory; None: do it in a thread.

    Django raises where its own connections would be used in an event loop; whatever is not an answer
    to the client is found again, and told, in the thread.
    """
    admitted = Admitted(scope, request_id)
    try:
        return _admit(admitted, ask=True)
    except S3Error as error:
        return None if isinstance(error, ServiceUnavailable) else _refusal(admitted, error)
    except Exception:
        return None


def try_answer(admitted: Admitted, pieces: Pieces) -> Response | Unread | None:
    """The answer to a read of one object whose facts are at hand; None: `answer` it in a thread.

    Bytes that the disk may first have to find are left unread: `begin` reads them, in a thread.
    """
    if admitted.operation is None or admitted.operation.name not in _BRIEF or admitted.bucket is None:
        return None
    try:
        if not routes.is_at_hand(admitted.bucket.route):
            return None
        handled = admitted.operation.handler(_call(admitted, pieces))
        if isinstance(handled.body, Download) and handled.body.length > BRIEF_BYTES:
            return Unread(admitted, handled)
        return _render(admitted, handled)
    except S3Error as error:
        return None if isinstance(error, ServiceUnavailable) else _refusal(admitted, error)
    except Exception:
        return None


def begin(unread: Unread) -> Response:
    """Read the first bytes of an answer that was left unread."""
    return _guarded(unread.admitted, lambda: _render(unread.admitted, unread.handled))


def refuse(scope: Scope, request_id: str, error: S3Error) -> Response:
    """The answer to an error that was found outside, while the body was read."""
    return _refusal(Admitted(scope, request_id), error)


# -- the steps -------------------------------------------------------------------------


def _admit(admitted: Admitted, *, ask: bool) -> Admitted:
    request = admitted.request = S3Request.from_scope(admitted.scope, admitted.request_id, settings.DOMAINS)
    admitted.now_ms = time.time_ns() // 1_000_000
    _authenticate(admitted, request)
    operation = admitted.operation = match(request)
    if operation.in_bucket:
        admitted.bucket = find_bucket(request.bucket)
    _authorise(admitted, request, operation)
    refuse_unsupported(request, operation.name)
    _check_size(request)
    if encryption.is_mentioned(request.headers):
        encrypting.check_asked(_call(admitted, NoPieces()))
    if ask and operation.access is not Access.READ and admitted.bucket is not None:
        gate.check(admitted.bucket)
    return admitted


_ASK_BY_THEMSELVES = frozenset({"DeleteObjects", "PostObject", "OptionsBucket", "OptionsObject"})
"""Each key of DeleteObjects is asked for, a form says in its body who signed it, and a preflight is
anybody's to make."""


def _authorise(admitted: Admitted, request: S3Request, operation: Operation) -> None:
    """May they? What hangs on the object itself is asked by its handler, by `Call.open` and `Call.head`.

    Raises AccessDenied.
    """
    bucket = admitted.bucket
    expected = request.headers.get("x-amz-expected-bucket-owner")
    if expected is not None and bucket is not None and expected != bucket.owner_id:
        raise AccessDenied()
    where = Circumstances.of(request, admitted.credentials, admitted.now_ms, settings.REGION)
    rights = admitted.rights = Authority(admitted.caller, bucket, where)
    right = admitted.right = versioned(operation.right) if "versionId" in request.query else operation.right
    if right not in HANGS_ON_OBJECT and operation.name not in _ASK_BY_THEMSELVES:
        rights.require(right, request.key)


def _check_size(request: S3Request) -> None:
    """Raise EntityTooLarge before the first byte is asked for."""
    size = parse_length(request.headers, "x-amz-decoded-content-length") or request.content_length or 0
    most = MAX_FORM_BYTES if request.method == "POST" else MAX_PUT_BYTES
    if size > most:
        raise EntityTooLarge(fields={"ProposedSize": str(size), "MaxSizeAllowed": str(MAX_PUT_BYTES)})


def _authenticate(admitted: Admitted, request: S3Request) -> None:
    """Who it is; a request without a signature, and a preflight, are from nobody."""
    if request.method == "OPTIONS":
        return
    now = admitted.now_ms / 1000
    with Attempt(request.client) as attempt:
        if sigv2.is_signed(request):
            admitted.credentials = sigv2.authenticate(request, attempt.secret_for, now=now)
        else:
            region = settings.REGION
            admitted.credentials = sigv4.authenticate(request, attempt.secret_for, region=region, now=now)
    admitted.caller = attempt.caller or NOBODY


def _call(admitted: Admitted, pieces: Pieces) -> Call:
    assert admitted.request and admitted.rights
    return Call(
        request=admitted.request,
        credentials=admitted.credentials,
        caller=admitted.caller,
        rights=admitted.rights,
        right=admitted.right,
        pieces=pieces,
        now_ms=admitted.now_ms,
        region=settings.REGION,
        keys_in_clear=settings.SSE_C_OVER_HTTP,
        bucket=admitted.bucket,
    )


def _answer(admitted: Admitted, pieces: Pieces) -> Response:
    request, operation = admitted.request, admitted.operation
    assert request and operation
    call = _call(admitted, pieces)
    if admitted.bucket is None or operation.access is Access.READ:
        return _render(admitted, operation.handler(call))
    seen, alone = admitted.bucket, operation.access is Access.BUCKET_WRITE
    with gate.enter(seen.name, exclusive=alone, seen=seen) as entry:
        call.bucket = admitted.bucket = entry.bucket
        call.pulse = entry.pulse
        if entry.bucket.settings is not seen.settings:
            _authorise(admitted, request, operation)
            call.rights = admitted.rights or call.rights
        handled = operation.handler(call)
        admitted.caller = call.caller  # of a form it is known only now
    return _render(admitted, handled)


# -- rendering ---------------------------------------------------------------------------


def _render(admitted: Admitted, handled: Answer) -> Response:
    """Take the first piece of a download here, where an error can still become an answer."""
    headers, body = handled.headers, handled.body
    headers.update(_cross_origin(admitted))
    if admitted.request is not None and admitted.request.key:
        headers.update(_OBJECT_HEADERS)
    if isinstance(body, bytes):
        length = len(body) if handled.length is None else handled.length
        return Response(handled.status, headers, body, length, None, admitted)
    first = next(body, b"")
    rest: Download | None = body
    if len(first) == body.length:
        body.close()
        rest = None
    return Response(handled.status, headers, first, body.length, rest, admitted)


def _cross_origin(admitted: Admitted) -> dict[str, str]:
    """What lets a page of another origin read the answer; a preflight has said it all itself."""
    request, bucket = admitted.request, admitted.bucket
    if request is None or bucket is None or not bucket.settings.cors or request.method == "OPTIONS":
        return {}
    return cors.allow(
        bucket.settings.cors,
        request.headers.get("origin", ""),
        cors.asked_method(request.headers, request.method),
    )


def _refusal(admitted: Admitted, error: S3Error) -> Response:
    """The error document; HEAD and 304 have none."""
    method, path = admitted.scope["method"], admitted.scope.get("raw_path", b"").decode("latin-1")
    headers = dict(error.headers) | _cross_origin(admitted)
    body = b""
    if error.status != 304:
        headers["Content-Type"] = "application/xml"
        if method != "HEAD":
            body = xml.error(error, resource=path, request_id=admitted.request_id, host_id="")
    return Response(error.status, headers, body, len(body), None, admitted, error.code)


def _guarded(admitted: Admitted, step: Callable[[], T]) -> T | Response:
    try:
        return step()
    except S3Error as error:
        if isinstance(error, ServiceUnavailable) and admitted.bucket is not None:
            metrics.count_backend_error(admitted.bucket.route.backend, error.code)
            log.info("request %s: %s", admitted.request_id, error.message)
        return _refusal(admitted, error)
    except DatabaseError:
        log.exception("request %s: the control database did not answer", admitted.request_id)
        connection.close()
        return _refusal(admitted, ServiceUnavailable())
    except Exception:
        log.exception("request %s failed", admitted.request_id)
        return _refusal(admitted, InternalError())
