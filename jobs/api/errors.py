"""Every error of the API as `{"error": message, "code": ...}`, with the status that it has."""

from __future__ import annotations

import logging
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from jobs.api.bodies import BodyTooLarge
from jobs.errors import ActionNotSupported, JobError, TooManyAttempts
from proxy.errors import S3Error

log = logging.getLogger(__name__)

CODES: dict[type[exceptions.APIException], str] = {
    exceptions.ParseError: "MalformedBody",
    exceptions.ValidationError: "BadRequest",
    exceptions.NotAuthenticated: "Unauthorized",
    exceptions.AuthenticationFailed: "Unauthorized",
    exceptions.PermissionDenied: "Forbidden",
    exceptions.NotFound: "NotFound",
    exceptions.MethodNotAllowed: "MethodNotAllowed",
    exceptions.NotAcceptable: "NotAcceptable",
    exceptions.UnsupportedMediaType: "UnsupportedMediaType",
    BodyTooLarge: "BodyTooLarge",
}


def answer(error: Exception, context: dict[str, Any]) -> Response:
    """DRF's exception handler. What we did not foresee is logged, and its text goes to nobody."""
    set_rollback()
    match error:
        case JobError():
            return _job_error(error)
        case S3Error():
            return Response({"error": error.message, "code": error.code}, error.status, headers=error.headers)
        case Http404():
            error = exceptions.NotFound()
        case PermissionDenied():
            error = exceptions.PermissionDenied()
    if not isinstance(error, exceptions.APIException):
        log.error("%s: %r", context["request"].path, error, exc_info=error)
        return Response(
            {"error": "Something went wrong here; the log says what.", "code": "InternalError"}, 500
        )
    headers = {}
    if header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = header
    body = {"error": _sentence(error.detail), "code": CODES.get(type(error), "BadRequest")}
    return Response(body, error.status_code, headers=headers)


def _job_error(error: JobError) -> Response:
    headers = {}
    if isinstance(error, ActionNotSupported):
        headers["Allow"] = "OPTIONS"  # no method of this resource does anything for this kind of job
    if isinstance(error, TooManyAttempts):
        headers["Retry-After"] = str(error.fields["retry_after"])
    return Response(
        {"error": error.message, "code": error.code, **error.fields}, error.status, headers=headers
    )


def _sentence(detail: Any) -> str:
    """DRF's nested details in one line: `target_backend: This field is required.`"""
    if isinstance(detail, dict):
        return " ".join(
            _sentence(value) if name == "non_field_errors" else f"{name}: {_sentence(value)}"
            for name, value in detail.items()
        )
    if isinstance(detail, list):
        return " ".join(_sentence(value) for value in detail)
    return str(detail)
