"""`/_/health`, `/_/ready` and `/_/metrics`: what machines ask."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from jobs import leases, liveness
from jobs.kinds.base import EVENTS
from jobs.models import Leader
from proxy import reachability, routes
from proxy.metrics import CONTENT_TYPE, render

log = logging.getLogger(__name__)


@require_safe
def health(request: HttpRequest) -> HttpResponse:
    """200: this process answers. It asks nothing else, so that only its own death fails it."""
    return HttpResponse("ok\n", content_type="text/plain", headers={"Cache-Control": "no-store"})


@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """200 if this gateway can serve and move buckets, else 503; what is missing, by name.

    A backend that is down is named, and takes only its own buckets with it: the gateway is ready for
    the others as long as one backend is left.
    """
    checks = {name: _why_not(check) for name, check in CHECKS.items()}
    down = _down()
    backends = {name: "unavailable" if name in down else "ok" for name in routes.backend_names()}
    bad = any(reason is not None for reason in checks.values()) or len(down) == len(backends)
    told = {name: "ok" if reason is None else reason for name, reason in checks.items()}
    told["backends"] = f"unavailable: {', '.join(sorted(down))}" if down else "ok"
    document = {"ready": not bad, "checks": told, "backends": backends}
    return JsonResponse(document, status=503 if bad else 200, headers={"Cache-Control": "no-store"})


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus' text format."""
    return HttpResponse(render(), content_type=CONTENT_TYPE)


def _why_not(check: Callable[[], str | None]) -> str | None:
    """None, or a reason that may be shown to anybody: no paths, hosts or statements."""
    try:
        return check()
    except DatabaseError as error:
        log.warning("not ready: %s", error)
        return "the control database does not answer"


def _down() -> set[str]:
    """The backends that do not answer."""
    try:
        return {name for name, reason in reachability.unavailable().items() if reason is not None}
    except DatabaseError:  # (what a backend is known as is noted there)
        return set(routes.backend_names())


def _database() -> str | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM proxy_knownplace")
        cursor.fetchone()
    return None


def _leader() -> str | None:
    led = Leader.objects.exclude(holder="").filter(~leases.lapsed()).exists()
    return None if led else "no scheduler leads"


def _cluster(lane: str = "") -> str | None:
    life = liveness.look()[lane]
    ages = [hosts[liveness.WORKER] for hosts in (life.here, life.elsewhere) if liveness.WORKER in hosts]
    lives = life.busy or min(ages, default=float("inf")) <= 2 * settings.FREEZE_SECONDS
    return None if lives else "no worker gives a sign of life"


CHECKS: dict[str, Callable[[], str | None]] = {
    "database": _database,
    "leader": _leader,
    "cluster": _cluster,
    "events": lambda: _cluster(EVENTS),
}
