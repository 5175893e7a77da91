"""`/_/api/admin/jobs/reencrypt`: one job per bucket; one refusal does not stop the others."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from jobs import actions
from jobs.api import serializers as shapes
from jobs.api.views import ApiView


def _wanted(request: Request) -> dict[str, Any]:
    body = shapes.ReencryptRequest(data=request.data)
    body.is_valid(raise_exception=True)
    return dict(body.validated_data)


class Reencrypt(ApiView):
    """Bring every version of these buckets to the present configuration."""

    @extend_schema(
        operation_id="jobs_reencrypt",
        request=shapes.ReencryptRequest,
        responses={202: shapes.ReencryptAnswer, 400: shapes.ErrorAnswer},
    )
    def post(self, request: Request) -> Response:
        found = actions.start_reencryption(self.actor, **_wanted(request))
        return Response(found.told("started"), 202)


class ReencryptPreview(ApiView):
    """What such jobs would do; changes nothing."""

    @extend_schema(
        operation_id="jobs_reencrypt_preview",
        request=shapes.ReencryptRequest,
        responses={200: shapes.ReencryptPreviewAnswer, 400: shapes.ErrorAnswer},
    )
    def post(self, request: Request) -> Response:
        found = actions.preview_reencryption(self.actor, **_wanted(request))
        return Response(found.told("previews"))
