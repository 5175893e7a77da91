"""Who may call the API: sessions with CSRF, bearer tokens, nobody else."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from jobs import actions
from jobs.actions import Actor
from jobs.models import ApiToken, AuditEntry, Job
from tests.jobs.windows import ADMIN, PASSWORD, logged_in, make_bucket, make_job, make_user

JSON: dict[str, Any] = {"content_type": "application/json"}
BOSS = Actor("admin", "-")


def login(client: Client, username: str = "admin", password: str = PASSWORD) -> Any:
    return client.post(f"{ADMIN}/login", {"username": username, "password": password}, **JSON)


def test_a_password_gives_a_session_and_a_csrf_token(site: None) -> None:
    make_user()
    make_bucket()
    client = Client(enforce_csrf_checks=True)
    answer = login(client)
    assert answer.status_code == 200 and answer.json()["user"] == "admin"
    assert client.get(f"{ADMIN}/jobs").status_code == 200
    body = {"target_backend": "archive"}
    refused = client.post(f"{ADMIN}/buckets/photos/migrate", body, **JSON)
    assert refused.status_code == 403 and refused.json()["code"] == "Forbidden"
    headers = {"X-CSRFToken": answer.json()["csrf_token"]}
    assert client.post(f"{ADMIN}/buckets/photos/migrate", body, **JSON, headers=headers).status_code == 202
    assert client.post(f"{ADMIN}/logout", **JSON, headers=headers).status_code == 204
    assert client.get(f"{ADMIN}/jobs").status_code == 401


@pytest.mark.parametrize(
    ("username", "password"), [("admin", "wrong"), ("nobody", PASSWORD), ("ad\x00min", "x")]
)
def test_a_wrong_name_and_a_wrong_password_get_the_same_answer(
    site: None, username: str, password: str
) -> None:
    make_user()
    answer = login(Client(), username, password)
    assert answer.status_code in (400, 401)
    if answer.status_code == 401:
        assert answer.json() == {"error": "The user name or the password is wrong.", "code": "Unauthorized"}
    assert "sluicegate_session" not in answer.cookies


def test_the_eleventh_guess_is_not_even_looked_at(site: None) -> None:
    make_user()
    for _ in range(10):
        assert login(Client(), password="wrong").status_code == 401
    answer = login(Client())
    assert answer.status_code == 429 and answer.json()["code"] == "TooManyAttempts"
    assert 1 <= int(answer["Retry-After"]) <= 300


@pytest.mark.parametrize(
    "body", ['{"username": "admin"', "[]", '{"username": "admin"}', '{"username": 1, "password": {}}', ""]
)
def test_a_malformed_login_is_a_bad_request(site: None, body: str) -> None:
    answer = Client().post(f"{ADMIN}/login", body, **JSON)
    assert answer.status_code == 400 and set(answer.json()) == {"error", "code"}


def test_a_form_cannot_log_anybody_in(site: None) -> None:
    make_user()
    answer = Client().post(f"{ADMIN}/login", {"username": "admin", "password": PASSWORD})
    assert answer.status_code == 415 and answer.json()["code"] == "UnsupportedMediaType"


def test_a_token_does_what_its_maker_may_without_csrf(site: None) -> None:
    make_bucket()
    token = actions.create_token(BOSS, "ci", timezone.now())
    client = Client(enforce_csrf_checks=True, headers={"Authorization": f"Bearer {token}"})
    assert client.get(f"{ADMIN}/jobs").status_code == 200
    answer = client.post(f"{ADMIN}/buckets/photos/migrate", {"target_backend": "archive"}, **JSON)
    assert answer.status_code == 202
    assert Job.objects.get().created_by == "token:ci"
    assert AuditEntry.objects.get(action="migrate").actor == "token:ci"
    assert ApiToken.objects.get().last_used_at is not None


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer a b", "Bearer nothing", "Bearer \xff", "Basic YTpi", "sgt_x"]
)
def test_a_wrong_authorization_is_401(site: None, header: str) -> None:
    make_job()
    answer = Client().get(f"{ADMIN}/jobs", headers={"Authorization": header})
    assert answer.status_code == 401 and answer.json()["code"] == "Unauthorized"
    assert answer["WWW-Authenticate"] == "Bearer"


def test_an_expired_token_says_so(site: None) -> None:
    token = actions.create_token(BOSS, "ci", timezone.now(), 1)
    ApiToken.objects.update(expires_at=timezone.now())
    answer = Client().get(f"{ADMIN}/jobs", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401 and "expired" in answer.json()["error"]


def test_an_account_that_is_nobody_reads_nothing(site: None) -> None:
    job = make_job("running")
    client = logged_in(make_user("guest", staff=False, operates=False))
    for path in (
        "jobs",
        f"jobs/{job.public_id}",
        f"jobs/{job.public_id}/runs",
        "buckets",
        "jobs/bucket/photos",
    ):
        answer = client.get(f"{ADMIN}/{path}")
        assert answer.status_code == 403 and answer.json()["code"] == "Forbidden", path
    assert client.post(f"{ADMIN}/jobs/{job.public_id}/cancel").status_code == 403


def test_staff_without_the_permission_look_but_do_not_touch(site: None) -> None:
    make_bucket()
    job = make_job("running", bucket_name="other")
    client = logged_in(make_user("reader", operates=False))
    assert client.get(f"{ADMIN}/jobs").status_code == 200
    assert client.post(f"{ADMIN}/jobs/{job.public_id}/cancel").status_code == 403
    body = {"target_backend": "archive"}
    assert client.post(f"{ADMIN}/buckets/photos/migrate/preview", body, **JSON).status_code == 200
    answer = client.post(f"{ADMIN}/buckets/photos/migrate", body, **JSON)
    assert answer.status_code == 403 and "not act" in answer.json()["error"]
    assert Job.objects.count() == 1
