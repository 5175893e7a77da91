"""Django admin shows everything and changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from jobs import actions
from jobs.actions import Actor
from jobs.models import ApiToken, AuditEntry, Failure, Job, RuleSync, Run
from proxy import attachments, keys, users
from proxy.models import AccessKey, Bucket, Group, Policy
from proxy.models import User as S3User
from tests.jobs.windows import logged_in, make_bucket, make_failure, make_job

MODELS: list[Any] = [
    Job,
    Run,
    Failure,
    RuleSync,
    ApiToken,
    AuditEntry,
    Bucket,
    S3User,
    AccessKey,
    Group,
    Policy,
]


SECRET = "a-secret-that-nobody-sees"


@pytest.fixture
def root(site: None) -> Client:
    make_bucket()
    alice = users.create_user("alice")
    keys.create_key(alice, "SGALICE", SECRET)
    attachments.create_group("readers").members.add(alice)
    Policy.objects.create(user=alice, name="read", text="{}")
    make_failure(make_job("running"))
    RuleSync.objects.create(tried_at=timezone.now(), findings=[[3, "there is no bucket 'x'"]])
    actions.create_token(Actor("admin", "-"), "ci", timezone.now())
    return logged_in(User.objects.create_superuser("root", password="x"))


@pytest.mark.parametrize("model", MODELS)
def test_even_a_superuser_only_looks(root: Client, model: Any) -> None:
    name = f"/_/admin/{model._meta.app_label}/{model._meta.model_name}"
    row = model.objects.first()
    assert root.get(f"{name}/").status_code == 200
    assert root.get(f"{name}/{row.pk}/change/").status_code == 200
    assert root.get(f"{name}/add/").status_code == 403
    assert root.post(f"{name}/{row.pk}/change/", {}).status_code == 403
    assert root.post(f"{name}/{row.pk}/delete/", {"post": "yes"}).status_code == 403
    assert model.objects.filter(pk=row.pk).exists()


def test_a_tokens_digest_is_not_shown(root: Client) -> None:
    token = ApiToken.objects.get()
    for path in ("", f"{token.pk}/change/"):
        page = root.get(f"/_/admin/jobs/apitoken/{path}").content.decode()
        assert "ci" in page and token.digest not in page


def test_the_queue_is_not_in_the_admin() -> None:
    assert "django_q" not in {model._meta.app_label for model in admin.site._registry}


def test_there_is_one_login_and_it_limits_guesses(site: None) -> None:
    answer = Client().get("/_/admin/", follow=True)
    assert answer.redirect_chain[-1] == ("/_/login/?next=%2F_%2Fadmin%2F", 302)
    assert Client().post("/_/admin/login/", {"username": "root", "password": "x"}).status_code == 302


def test_users_and_keys_are_disabled_and_enabled_there_and_secrets_are_not_shown(root: Client) -> None:
    for model, name in ((S3User, "user"), (AccessKey, "accesskey")):
        path, row = f"/_/admin/proxy/{name}/", model.objects.get()
        sealed = bytes(AccessKey.objects.get().sealed_secret)
        page = root.get(f"{path}{row.pk}/change/").content + root.get(path).content
        assert SECRET.encode() not in page and b"sealed" not in page and sealed not in page
        for action, enabled in (("disable", False), ("enable", True)):
            answer = root.post(path, {"action": action, "_selected_action": [row.pk]}, follow=True)
            assert f"is {action}d." in answer.content.decode()
            row.refresh_from_db()
            assert row.enabled is enabled


def test_root_stays_enabled_there(root: Client) -> None:
    keys.ensure_root_key("SGROOT", SECRET)
    user = S3User.objects.get(root=True)
    chosen = {"action": "disable", "_selected_action": [user.pk]}
    assert "root user" in root.post("/_/admin/proxy/user/", chosen, follow=True).content.decode()
    user.refresh_from_db()
    assert user.enabled


def test_who_may_only_look_switches_nothing(site: None) -> None:
    keys.create_key(users.create_user("alice"), "SGALICE", SECRET)
    looking = User.objects.create_user("looking", is_staff=True)
    looking.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client = logged_in(looking)
    assert client.get("/_/admin/proxy/accesskey/").status_code == 200
    chosen = {"action": "disable", "_selected_action": ["SGALICE"]}
    client.post("/_/admin/proxy/accesskey/", chosen)
    assert AccessKey.objects.get().enabled
