"""Django admin shows everything and changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from jobs import actions
from jobs.actions import Actor
from jobs.models import ApiToken, AuditEntry, Failure, Job, Run
from proxy.models import Bucket
from tests.jobs.windows import logged_in, make_bucket, make_failure, make_job

MODELS: list[Any] = [Job, Run, Failure, ApiToken, AuditEntry, Bucket]


@pytest.fixture
def root(site: None) -> Client:
    make_bucket()
    make_failure(make_job("running"))
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


def test_access_keys_are_not_in_the_admin() -> None:
    assert "AccessKey" not in {model.__name__ for model in admin.site._registry}
