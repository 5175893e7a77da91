"""The OpenAPI document and the page that shows it, without anything from another host."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponseBase, JsonResponse
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.authentication import SessionAuthentication
from rest_framework.views import APIView

from jobs.api.authentication import BearerAuthentication, Staff
from jobs.api.errors import answer

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""Swagger UI writes style attributes; everything else is as strict as on the other pages."""


class _ForStaff(APIView):
    """Operators only; refusals are the API's errors, whatever the document's own format is."""

    authentication_classes = [BearerAuthentication, SessionAuthentication]
    permission_classes = [Staff]

    def get_exception_handler(self) -> Callable[..., Any]:
        return answer

    def handle_exception(self, exc: Exception) -> Any:
        told = super().handle_exception(exc)
        plain = JsonResponse(told.data, status=told.status_code)
        if "WWW-Authenticate" in told.headers:
            plain["WWW-Authenticate"] = told.headers["WWW-Authenticate"]
        return plain


class Schema(_ForStaff, SpectacularAPIView):
    """The document, in YAML or JSON."""


class Docs(_ForStaff, SpectacularSwaggerSplitView):
    """The page."""

    url_name = "api:schema"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = super().dispatch(request, *args, **kwargs)
        response["Content-Security-Policy"] = PAGE_POLICY
        return response
