"""Bearer tokens of the admin API. Only a token's SHA-256 is kept; the token is shown once."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from jobs.actions.actor import Actor, Right
from jobs.actions.audit import audited
from jobs.errors import BadRequest, Conflict, NotFound, Unauthorized
from jobs.models import ApiToken

PREFIX = "sgt_"
LONGEST_NAME = 64
USE_NOTED_EVERY = timedelta(minutes=1)
LONGEST_DAYS = 3650


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def create_token(actor: Actor, name: str, now: datetime, expires_days: int | None = None) -> str:
    """A new token with every right, shown this once. Raises BadRequest, Conflict, Forbidden."""
    with audited(actor, "token-create", name=name[:LONGEST_NAME]) as done:
        actor.require(Right.OPERATE)
        if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
            raise BadRequest(f"A token's name is 1 to {LONGEST_NAME} printable characters.")
        if expires_days is not None and not 1 <= expires_days <= LONGEST_DAYS:
            raise BadRequest(f"A token may expire in 1 to {LONGEST_DAYS} days, not {expires_days}.")
        token = PREFIX + secrets.token_urlsafe(32)
        expires = None if expires_days is None else now + timedelta(days=expires_days)
        try:
            with transaction.atomic():
                ApiToken.objects.create(name=name, digest=_digest(token), expires_at=expires)
                done()
        except IntegrityError:
            raise Conflict(f"There is a token named {name!r} already.") from None
    return token


def revoke_token(actor: Actor, name: str) -> None:
    """The token is refused from the next request on. Raises NotFound, Forbidden."""
    with audited(actor, "token-revoke", name=name[:LONGEST_NAME]) as done:
        actor.require(Right.OPERATE)
        with transaction.atomic():
            if not ApiToken.objects.filter(name=name).delete()[0]:
                raise NotFound(f"There is no token named {name!r}.")
            done()


def list_tokens(actor: Actor) -> list[ApiToken]:
    """Every token by name, without the digest's use."""
    actor.require(Right.VIEW)
    return list(ApiToken.objects.order_by("name").defer("digest"))


def holder_of(token: str, now: datetime) -> ApiToken:
    """The row of a valid token; its use is noted once a minute. Raises Unauthorized."""
    digest = _digest(token)
    row = ApiToken.objects.filter(digest=digest).first()
    if row is None or not hmac.compare_digest(row.digest, digest):
        raise Unauthorized("This token is not known; `manage.py tokens create NAME` makes one.")
    if row.expires_at is not None and row.expires_at <= now:
        raise Unauthorized(f"The token {row.name!r} expired on {row.expires_at:%Y-%m-%d}.")
    if row.last_used_at is None or now - row.last_used_at >= USE_NOTED_EVERY:
        ApiToken.objects.filter(pk=row.pk).update(last_used_at=now)
    return row
