"""`/_/health`, `/_/ready` and `/_/metrics`: what machines ask."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from jobs import leases, liveness
from jobs.models import Leader
from proxy import routes
from proxy.errors import S3Error
from proxy.metrics import CONTENT_TYPE, render

log = logging.getLogger(__name__)


@require_safe
def health(request: HttpRequest) -> HttpResponse:
    """200: this process answers. It asks nothing else, so that only its own death fails it."""
    return HttpResponse("ok\n", content_type="text/plain", headers={"Cache-Control": "no-store"})


@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """200 if all that serving and moving buckets needs is there, else 503; what is not, by name."""
    checks = {name: _why_not(check) for name, check in CHECKS.items()}
    bad = any(reason is not None for reason in checks.values())
    document = {
        "ready": not bad,
        "checks": {name: "ok" if reason is None else reason for name, reason in checks.items()},
    }
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


def _database() -> str | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM proxy_knownplace")
        cursor.fetchone()
    return None


def _backends() -> str | None:
    gone = []
    for name in routes.backend_names():
        try:
            routes.backend(name).check()
        except S3Error as error:
            log.warning("backend %s is not ready: %s", name, error)
            gone.append(name)
    return f"unavailable: {', '.join(gone)}" if gone else None


def _leader() -> str | None:
    led = Leader.objects.exclude(holder="").filter(~leases.lapsed()).exists()
    return None if led else "no scheduler leads"


def _cluster() -> str | None:
    life = liveness.look()
    ages = [hosts[liveness.WORKER] for hosts in (life.here, life.elsewhere) if liveness.WORKER in hosts]
    lives = life.busy or min(ages, default=float("inf")) <= 2 * settings.FREEZE_SECONDS
    return None if lives else "no worker gives a sign of life"


CHECKS: dict[str, Callable[[], str | None]] = {
    "database": _database,
    "backends": _backends,
    "leader": _leader,
    "cluster": _cluster,
}
