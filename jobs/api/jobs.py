"""`/_/api/admin/jobs...`: lists, one job, its runs and failures, and what can be done to it."""

from __future__ import annotations

from dataclasses import fields

from django.http import HttpResponseBase
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer, extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from jobs import actions
from jobs.actions import Filters, Performed, Right
from jobs.actions.filtering import FLAGS
from jobs.actions.listing import DEFAULT_LIMIT, RULES_FIRST, SORTS
from jobs.api import serializers as shapes
from jobs.api.views import ApiView, only, unless_known, whole_number
from jobs.kinds import KINDS
from jobs.kinds.base import Action
from jobs.presentation import busy_row, definition, failure_row, job_row, run_row, totals

_TEXT, _INT = OpenApiTypes.STR, OpenApiTypes.INT
_LIST_PARAMETERS = [
    OpenApiParameter("kind", _TEXT, enum=list(KINDS)),
    OpenApiParameter("status", _TEXT, enum=shapes.STATUSES),
    OpenApiParameter("bucket", _TEXT, description="Where a job works, or where a rule takes things to."),
    OpenApiParameter("q", _TEXT, description="In names, ids, errors, failure codes and keys."),
    OpenApiParameter("trigger", _TEXT, enum=shapes.TRIGGERS),
    OpenApiParameter("paused", _TEXT, enum=list(FLAGS)),
    OpenApiParameter(
        "limit",
        _INT,
        description="1 to 200 jobs; without it and in the order `rules`: every rule and 50 others.",
    ),
    OpenApiParameter("cursor", _TEXT, description="`next_cursor` of the page before."),
    OpenApiParameter("sort", _TEXT, enum=list(SORTS), default=RULES_FIRST),
]
_LIMIT = [OpenApiParameter("limit", _INT, description="1 to 100, default 20.")]
_FILTERS = tuple(field.name for field in fields(Filters))


class JobList(ApiView):
    """Every rule by name, then the newest one-offs."""

    @extend_schema(
        operation_id="jobs_list",
        parameters=_LIST_PARAMETERS,
        responses={200: shapes.JobsAnswer, 400: shapes.ErrorAnswer},
    )
    def get(self, request: Request) -> Response:
        only(request, *_FILTERS, "limit", "cursor", "sort")
        given = request.query_params
        found = actions.listing(
            self.actor,
            Filters(**{name: given.get(name, "") for name in _FILTERS}),
            whole_number(request, "limit", DEFAULT_LIMIT) if given.get("limit") else None,
            given.get("cursor"),
            given.get("sort", RULES_FIRST),
        )
        now = timezone.now()
        body = {
            "workers": actions.workers(self.actor).row(),
            "jobs": [job_row(shown, now, listed=True) for shown in found.jobs],
        }
        return Response(body | ({"next_cursor": found.next_cursor} if found.next_cursor else {}))


class JobOne(ApiView):
    """One job and its definition."""

    @extend_schema(operation_id="jobs_get", responses={200: shapes.JobAnswer, 404: shapes.ErrorAnswer})
    def get(self, request: Request, job_id: str) -> Response:
        shown = actions.lookup(self.actor, job_id)
        return Response(job_row(shown, timezone.now()) | {"definition": definition(shown.job)})


class JobRuns(ApiView):
    """The job's runs, newest first."""

    @extend_schema(
        operation_id="jobs_runs",
        parameters=_LIMIT,
        responses={200: shapes.RunsAnswer, 400: shapes.ErrorAnswer, 404: shapes.ErrorAnswer},
    )
    def get(self, request: Request, job_id: str) -> Response:
        only(request, "limit")
        rows = actions.runs(self.actor, job_id, whole_number(request, "limit", 20))
        return Response({"runs": [run_row(row) for row in rows]})


class JobFailures(ApiView):
    """The job's failures, newest first, with the true total and the counts by code."""

    @extend_schema(
        operation_id="jobs_failures",
        parameters=_LIMIT,
        responses={200: shapes.FailuresAnswer, 400: shapes.ErrorAnswer, 404: shapes.ErrorAnswer},
    )
    def get(self, request: Request, job_id: str) -> Response:
        only(request, "limit")
        found = actions.failures(self.actor, job_id, whole_number(request, "limit", 20))
        rows = [failure_row(row, found.job) for row in found.rows]
        return Response(totals(found.by_code, rows, found.total))


class JobAction(ApiView):
    """Do something to a job; its kind says what is possible."""

    @extend_schema(
        operation_id="jobs_action",
        request=None,
        description="`pause` and `resume` answer nothing; `run-now`, `verify` and `retry-failed` of a rule"
        " the run that began; `preview` what the next run would do; `cancel` the job as it is now;"
        " `retry-failed` of a one-off the new job that was made.",
        responses={
            200: shapes.PreviewAnswer,
            202: PolymorphicProxySerializer(
                "JobActionAnswer", [shapes.JobRow, shapes.BegunRun], resource_type_field_name=None
            ),
            204: None,
            404: shapes.ErrorAnswer,
            405: shapes.NotSupportedAnswer,
            409: shapes.ErrorAnswer,
        },
    )
    def post(self, request: Request, job_id: str, action: str) -> Response:
        return _answer(actions.perform(self.actor, job_id, action), action)


def _answer(done: Performed, action: str) -> Response:
    job = done.shown.job
    if done.preview is not None:
        return Response({"name": job.name, **done.preview})
    if done.run is not None:
        return Response({**run_row(done.run), "job_id": job.pk, "job": job.public_id}, 202)
    if action in (Action.PAUSE, Action.RESUME):
        return Response(status=204)
    return Response(job_row(done.shown, timezone.now()), 202)


class BucketBusyState(ApiView):
    """The job that has the bucket; whoever may see the bucket may ask."""

    permission_classes = [IsAuthenticated]

    @extend_schema(
        operation_id="jobs_bucket_busy", responses={200: shapes.BusyAnswer, 404: shapes.ErrorAnswer}
    )
    def get(self, request: Request, bucket: str) -> HttpResponseBase:
        if not self.actor.may(Right.VIEW):
            actions.visit(request._request, bucket)
        shown = actions.busy(bucket)
        body = {"active": None if shown is None else busy_row(shown)}
        return unless_known(request, body)
