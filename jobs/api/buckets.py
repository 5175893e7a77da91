"""`/_/api/admin/buckets...` and `backends`: where buckets live, and moving them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from jobs import actions
from jobs.api import serializers as shapes
from jobs.api.views import ApiView, only, whole_number
from jobs.presentation import migration_row

_ERRORS = {400: shapes.ErrorAnswer, 404: shapes.ErrorAnswer, 409: shapes.ErrorAnswer, 503: shapes.ErrorAnswer}


def _wanted(request: Request) -> dict[str, Any]:
    body = shapes.MigrateRequest(data=request.data)
    body.is_valid(raise_exception=True)
    return dict(body.validated_data)


class Gate(serializers.Serializer[Any]):
    closed = serializers.BooleanField()
    holder = serializers.CharField(required=False)


class BucketRow(serializers.Serializer[Any]):
    name = serializers.CharField()
    backend = serializers.CharField()
    created_at = serializers.IntegerField()
    gate = Gate()
    active_job = serializers.CharField(required=False)


class BucketsAnswer(serializers.Serializer[Any]):
    buckets = BucketRow(many=True)
    next_after = serializers.CharField(required=False)


class BackendRow(serializers.Serializer[Any]):
    name = serializers.CharField()
    type = serializers.CharField(help_text="filesystem or s3")
    where = serializers.CharField(help_text="Directory or endpoint.")
    default = serializers.BooleanField()
    available = serializers.BooleanField()
    reason = serializers.CharField(required=False, help_text="Why it is not available.")
    breaker = serializers.CharField(required=False, help_text="closed, open or trying, in this process.")
    capabilities = serializers.DictField(
        required=False, child=serializers.CharField(), help_text="yes, no or unknown."
    )
    encryption = serializers.CharField(help_text="The configured mode.")
    buckets = serializers.IntegerField()


class BackendsAnswer(serializers.Serializer[Any]):
    backends = BackendRow(many=True)


class BucketList(ApiView):
    """Buckets by name, with backend and gate."""

    @extend_schema(
        operation_id="buckets_list",
        parameters=[OpenApiParameter(name) for name in ("prefix", "after")]
        + [OpenApiParameter("limit", int)],
        responses={200: BucketsAnswer, 400: shapes.ErrorAnswer},
    )
    def get(self, request: Request) -> Response:
        only(request, "prefix", "after", "limit")
        given = request.query_params
        found, after = actions.buckets(
            self.actor, given.get("prefix", ""), given.get("after", ""), whole_number(request, "limit", 100)
        )
        body: dict[str, Any] = {"buckets": [bucket.row() for bucket in found]}
        return Response(body | ({"next_after": after} if after else {}))


class BackendList(ApiView):
    """The configured backends, each asked whether it answers."""

    @extend_schema(operation_id="backends_list", responses={200: BackendsAnswer})
    def get(self, request: Request) -> Response:
        return Response({"backends": [each.row() for each in actions.shown_backends(self.actor)]})


class Migrate(ApiView):
    """Move a bucket to another backend."""

    @extend_schema(
        operation_id="buckets_migrate",
        request=shapes.MigrateRequest,
        responses={202: shapes.MigrateAnswer, **_ERRORS},
    )
    def post(self, request: Request, bucket: str) -> Response:
        started = actions.start_migration(self.actor, bucket, **_wanted(request))
        return Response(migration_row(started), 202)


class MigratePreview(ApiView):
    """What such a migration would do; changes nothing."""

    @extend_schema(
        operation_id="buckets_migrate_preview",
        request=shapes.MigrateRequest,
        responses={200: dict[str, Any], **_ERRORS},
    )
    def post(self, request: Request, bucket: str) -> Response:
        plan = actions.preview_migration(self.actor, bucket, **_wanted(request))
        return Response({"name": plan.name, **plan.preview})
