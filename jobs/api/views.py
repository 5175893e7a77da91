"""What the API's views share: who may call them, what they speak, how they fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpResponseBase
from django.utils.cache import get_conditional_response
from rest_framework.authentication import SessionAuthentication
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from jobs.actions import Actor, actor_of
from jobs.api.authentication import BearerAuthentication, Staff
from jobs.api.bodies import BoundedJSON
from jobs.api.errors import answer
from jobs.errors import BadRequest
from jobs.presentation import etag_of


class ApiView(APIView):
    """JSON in and out, for operators; sessions send the CSRF token with what changes something."""

    authentication_classes = [BearerAuthentication, SessionAuthentication]
    permission_classes: list[Any] = [Staff]
    parser_classes = [BoundedJSON]
    renderer_classes = [JSONRenderer]

    def get_exception_handler(self) -> Callable[..., Any]:
        return answer

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        """A refusal that names its own `Allow` keeps it: DRF would list the methods of the view."""
        allow = response.headers.get("Allow")
        final = super().finalize_response(request, response, *args, **kwargs)
        if allow is not None:
            final.headers["Allow"] = allow
        return final

    @property
    def actor(self) -> Actor:
        return actor_of(self.request)


def whole_number(request: Request, name: str, default: int) -> int:
    """A query parameter. Raises BadRequest."""
    text = request.query_params.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise BadRequest(f"{name} must be a whole number, not {text[:40]!r}.")
    return int(text)


def only(request: Request, *names: str) -> None:
    """Refuse query parameters that nobody reads: a misspelt filter would show too much. Raises BadRequest."""
    unknown = sorted(set(request.query_params) - set(names))
    if unknown:
        raise BadRequest(f"Unknown parameter {unknown[0][:40]!r}; there are {', '.join(names)}.")


def unless_known(request: Request, body: Any) -> HttpResponseBase:
    """The body, or 304 for a poll that names the ETag of what it has already."""
    etag = etag_of(body)
    unchanged = get_conditional_response(request._request, etag=etag)
    return unchanged or Response(body, headers={"ETag": etag})
