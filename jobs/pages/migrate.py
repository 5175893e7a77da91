"""Migrate a bucket: a form, what it would do, and a start that asks for the name where data goes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from jobs import actions
from jobs.actions import Actor, Right
from jobs.errors import BadRequest, BucketBusy, JobError, TargetCannotKeep, TargetNotEmpty
from jobs.kinds.migration.keeping import DROPS
from jobs.pages.frame import framed, page
from proxy.errors import S3Error

BUCKETS_OFFERED = 1000


@dataclass(frozen=True, slots=True)
class Wish:
    """What the form asks for."""

    bucket: str
    target_backend: str
    delete_source: bool
    replace_target: bool
    drop: tuple[str, ...]
    precopy: bool

    @property
    def destructive(self) -> bool:
        """It deletes or gives up something: the bucket's name is asked for."""
        return self.delete_source or self.replace_target or bool(self.drop)


def _read(given: QueryDict) -> Wish:
    return Wish(
        given.get("bucket", "").strip()[:100],
        given.get("target_backend", "").strip()[:64],
        given.get("delete_source") == "on",
        given.get("replace_target") == "on",
        tuple(each for each in DROPS if each in given.getlist("drop")),
        given.get("precopy") == "on",
    )


@require_http_methods(["GET", "HEAD", "POST"])
@page
def migrate(request: HttpRequest, actor: Actor) -> HttpResponse:
    """GET shows the form, with `preview` also the plan; POST starts."""
    actor.require(Right.OPERATE)
    wish = _read(request.POST if request.method == "POST" else request.GET)
    records = [bucket.record for bucket in actions.buckets(actor, limit=BUCKETS_OFFERED)[0]]
    homes = {record.name: record.route.backend for record in records}
    backends = actions.backends(actor)
    elsewhere = [name for name in backends if name != homes.get(wish.bucket, backends[0])]
    context: dict[str, Any] = {
        "section": "migrate",
        "wish": wish,
        "buckets": records,
        "backends": backends,
        "target": wish.target_backend or next(iter(elsewhere), ""),
        "drops": wish.drop,
    }
    try:
        if request.method == "POST":
            return _start(request, actor, wish)
        if "preview" in request.GET:
            context["plan"] = actions.preview_migration(actor, **asdict(wish)).preview
    except (JobError, S3Error) as refusal:
        context.update(_refused(refusal, wish))
        return framed(request, actor, "jobs/migrate.html", context, refusal.status)
    return framed(request, actor, "jobs/migrate.html", context)


def _start(request: HttpRequest, actor: Actor, wish: Wish) -> HttpResponse:
    if wish.destructive and request.POST.get("confirm", "").strip() != wish.bucket:
        raise BadRequest(f"Nothing was started: type the bucket's name, {wish.bucket}, to confirm.")
    job = actions.start_migration(actor, **asdict(wish))
    messages.success(request, f"{job.public_id} was started.")
    return HttpResponseRedirect(reverse("console:job", args=[job.public_id]))


def _refused(refusal: JobError | S3Error, wish: Wish) -> dict[str, Any]:
    told: dict[str, Any] = {"error": refusal.message}
    if isinstance(refusal, BucketBusy):
        told["busy_job"] = refusal.fields.get("job")
    if isinstance(refusal, TargetNotEmpty):
        told["not_empty"] = refusal.fields
    if isinstance(refusal, TargetCannotKeep):
        told["drops"] = [*wish.drop, *refusal.fields["drop"]]
    return told
