"""`/_/api/admin/jobs...`: lists, one job, its runs and failures, and what can be done to it."""

from __future__ import annotations

from django.http import HttpResponseBase
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from jobs import actions
from jobs.actions import Filters, Right
from jobs.api import serializers as shapes
from jobs.api.views import ApiView, only, unless_known, whole_number
from jobs.presentation import busy_row, definition, job_row, run_row, totals

_TEXT, _INT = OpenApiTypes.STR, OpenApiTypes.INT
_LIST_PARAMETERS = [
    OpenApiParameter("kind", _TEXT),
    OpenApiParameter("status", _TEXT, enum=shapes.STATUSES),
    OpenApiParameter("bucket", _TEXT),
    OpenApiParameter("q", _TEXT, description="In names, ids, errors, failure codes and keys."),
    OpenApiParameter("limit", _INT, description="1 to 200, default 50."),
    OpenApiParameter("cursor", _TEXT, description="`next_cursor` of the page before."),
    OpenApiParameter("sort", _TEXT, enum=["-created", "created", "bucket", "-bucket"]),
]
_LIMIT = [OpenApiParameter("limit", _INT, description="1 to 100, default 20.")]


class JobList(ApiView):
    """Jobs, newest first."""

    @extend_schema(
        operation_id="jobs_list",
        parameters=_LIST_PARAMETERS,
        responses={200: shapes.JobsAnswer, 400: shapes.ErrorAnswer},
    )
    def get(self, request: Request) -> Response:
        only(request, "kind", "status", "bucket", "q", "limit", "cursor", "sort")
        given = request.query_params
        found = actions.listing(
            self.actor,
            Filters(
                given.get("kind", ""), given.get("status", ""), given.get("bucket", ""), given.get("q", "")
            ),
            whole_number(request, "limit", 50),
            given.get("cursor"),
            given.get("sort", "-created"),
        )
        now = timezone.now()
        body = {
            "workers": actions.workers(self.actor).row(),
            "jobs": [job_row(shown, now) for shown in found.jobs],
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
        responses={200: shapes.RunsAnswer, 404: shapes.ErrorAnswer},
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
        responses={200: shapes.FailuresAnswer, 404: shapes.ErrorAnswer},
    )
    def get(self, request: Request, job_id: str) -> Response:
        only(request, "limit")
        found = actions.failures(self.actor, job_id, whole_number(request, "limit", 20))
        return Response(totals(found.by_code, found.rows, found.total))


class JobAction(ApiView):
    """Do something to a job; its kind says what is possible."""

    @extend_schema(
        operation_id="jobs_action",
        request=None,
        description="`cancel` answers the job as it is now, `retry-failed` the new job that was made.",
        responses={
            202: shapes.JobRow,
            404: shapes.ErrorAnswer,
            405: shapes.NotSupportedAnswer,
            409: shapes.ErrorAnswer,
        },
    )
    def post(self, request: Request, job_id: str, action: str) -> Response:
        shown = actions.perform(self.actor, job_id, action)
        return Response(job_row(shown, timezone.now()), 202)


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
