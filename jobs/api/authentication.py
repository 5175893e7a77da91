"""Who calls the API: a browser session (with CSRF) or a bearer token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from jobs import actions
from jobs.errors import Unauthorized


@dataclass(frozen=True, slots=True)
class TokenHolder:
    """What `request.user` is for a token; it may do everything."""

    name: str
    is_authenticated: bool = True
    is_active: bool = True
    is_staff: bool = True

    def has_perm(self, name: str) -> bool:
        return True

    def get_username(self) -> str:
        return f"token:{self.name}"


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer TOKEN`. Source: RFC 6750, section 2.1."""

    def authenticate(self, request: Request) -> tuple[TokenHolder, None] | None:
        words = get_authorization_header(request).split()
        if not words or words[0].lower() != b"bearer":
            return None
        if len(words) != 2:
            raise AuthenticationFailed("Authorization must be: Bearer TOKEN.")
        try:
            row = actions.holder_of(words[1].decode("latin-1"), timezone.now())
        except Unauthorized as refusal:
            raise AuthenticationFailed(refusal.message) from None
        return TokenHolder(row.name), None

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the OpenAPI document describes it."""

    target_class = BearerAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "From `manage.py tokens create NAME`."}


class Staff(BasePermission):
    """Operators: staff of the console, and tokens."""

    message = "This account may not use the console."

    def has_permission(self, request: Request, view: Any) -> bool:
        return bool(
            request.user and request.user.is_authenticated and getattr(request.user, "is_staff", False)
        )
