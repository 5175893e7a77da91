"""`/_/api/admin/login` and `logout`: a session cookie for browsers and scripts."""

from __future__ import annotations

from django.middleware.csrf import get_token
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from jobs import actions
from jobs.api import serializers as shapes
from jobs.api.views import ApiView


class Login(ApiView):
    """Name and password for a session. Takes JSON only, which no foreign page can send unasked."""

    authentication_classes = []
    permission_classes = [AllowAny]

    @extend_schema(
        operation_id="login",
        request=shapes.LoginRequest,
        responses={
            200: shapes.LoginAnswer,
            400: shapes.ErrorAnswer,
            401: shapes.ErrorAnswer,
            429: shapes.ErrorAnswer,
        },
    )
    def post(self, request: Request) -> Response:
        body = shapes.LoginRequest(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        plain = request._request
        user = actions.sign_in(
            plain, given["username"], given["password"], actions.origin_of(request), timezone.now()
        )
        return Response({"user": user.get_username(), "csrf_token": get_token(plain)})


class Logout(ApiView):
    """End the session."""

    permission_classes = [IsAuthenticated]

    @extend_schema(operation_id="logout", request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        actions.sign_out(request._request)
        return Response(status=204)
