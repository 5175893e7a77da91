"""Who operators are: tokens, passwords, and how guessing is slowed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import RequestFactory

from jobs import actions
from jobs.actions import Actor, Right
from jobs.actions.signing_in import ATTEMPTS
from jobs.errors import (
    BadRequest,
    Conflict,
    NotFound,
    TooManyAttempts,
    Unauthorized,
)
from jobs.models import ApiToken, AuditEntry
from tests.jobs.windows import NOW, PASSWORD, make_user

pytestmark = pytest.mark.django_db(transaction=True)

BOSS = Actor("admin", "10.0.0.1")
READER = Actor("reader", "10.0.0.2", frozenset({Right.VIEW}))
NOBODY = Actor("nobody", "10.0.0.3", frozenset())


def test_a_token_is_kept_as_a_digest_and_found_by_its_text() -> None:
    token = actions.create_token(BOSS, "ci", NOW)
    assert token not in str(ApiToken.objects.values_list())
    assert actions.holder_of(token, NOW).name == "ci"
    assert ApiToken.objects.get().last_used_at == NOW
    actions.holder_of(token, NOW + timedelta(seconds=59))
    assert ApiToken.objects.get().last_used_at == NOW
    actions.holder_of(token, NOW + timedelta(seconds=60))
    assert ApiToken.objects.get().last_used_at == NOW + timedelta(seconds=60)


def test_a_token_ends_by_time_and_by_revocation() -> None:
    token = actions.create_token(BOSS, "ci", NOW, 7)
    actions.holder_of(token, NOW + timedelta(days=7, seconds=-1))
    with pytest.raises(Unauthorized, match="expired"):
        actions.holder_of(token, NOW + timedelta(days=7))
    actions.revoke_token(BOSS, "ci")
    with pytest.raises(Unauthorized):
        actions.holder_of(token, NOW)
    with pytest.raises(NotFound):
        actions.revoke_token(BOSS, "ci")


@pytest.mark.parametrize(
    ("name", "days"), [("", None), (" ", None), ("x" * 65, None), ("a\nb", None), ("t", 0), ("t", 9999)]
)
def test_a_token_that_makes_no_sense_is_not_made(name: str, days: int | None) -> None:
    with pytest.raises(BadRequest):
        actions.create_token(BOSS, name, NOW, days)
    assert not ApiToken.objects.exists()


def test_two_tokens_do_not_share_a_name() -> None:
    actions.create_token(BOSS, "ci", NOW)
    with pytest.raises(Conflict):
        actions.create_token(BOSS, "ci", NOW)


def test_guessing_passwords_is_slowed_per_origin() -> None:
    make_user()
    request = RequestFactory().post("/")
    now = AuditEntry(at=NOW).at
    for _ in range(ATTEMPTS):
        with pytest.raises(Unauthorized):
            actions.sign_in(request, "admin", "wrong", "10.0.0.9", now)
    AuditEntry.objects.update(at=NOW)
    with pytest.raises(TooManyAttempts) as refusal:
        actions.sign_in(request, "admin", PASSWORD, "10.0.0.9", NOW + timedelta(seconds=60))
    assert refusal.value.fields["retry_after"] == 240
    with pytest.raises(Unauthorized):
        actions.sign_in(request, "admin", "wrong", "10.0.0.8", NOW + timedelta(seconds=60))
    with pytest.raises(Unauthorized):
        actions.sign_in(request, "admin", "wrong", "10.0.0.9", NOW + timedelta(seconds=301))
