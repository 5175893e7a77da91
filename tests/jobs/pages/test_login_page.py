"""The wall in front of the console."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.jobs.windows import PASSWORD, logged_in, make_job, make_user

PAGES = ["/_/jobs/", "/_/jobs/maintenance:1/", "/_/jobs/maintenance:1/cancel/", "/_/migrate/", "/_/buckets/"]


@pytest.mark.parametrize("path", PAGES)
def test_strangers_are_sent_to_the_login_page_and_back(site: None, path: str) -> None:
    make_user()
    client = Client(enforce_csrf_checks=True)
    answer = client.get(path + "?q=1")
    assert answer.status_code == 302 and answer["Location"].startswith("/_/login/?next=")
    page = client.get(answer["Location"])
    form = {"username": "admin", "password": PASSWORD, "next": path + "?q=1"}
    form["csrfmiddlewaretoken"] = page.context["csrf_token"]
    answer = client.post("/_/login/", form)
    assert answer.status_code == 302 and answer["Location"] == path + "?q=1"


def test_a_login_without_csrf_token_is_refused(site: None) -> None:
    make_user()
    client = Client(enforce_csrf_checks=True)
    assert client.post("/_/login/", {"username": "admin", "password": PASSWORD}).status_code == 403


@pytest.mark.parametrize(
    "target", ["https://evil.example/_/", "//evil.example", "/photos/evil.html", "javascript:alert(1)"]
)
def test_a_login_leads_nowhere_else(site: None, target: str) -> None:
    make_user()
    answer = Client().post("/_/login/", {"username": "admin", "password": PASSWORD, "next": target})
    assert answer["Location"] == "/_/"


def test_a_wrong_password_says_so_and_keeps_the_name(site: None) -> None:
    make_user()
    answer = Client().post("/_/login/", {"username": "admin<", "password": "wrong"})
    assert answer.status_code == 401
    assert b"password is wrong" in answer.content and b'value="admin&lt;"' in answer.content


def test_who_is_no_staff_stays_outside(site: None) -> None:
    make_user("guest", staff=False, operates=False)
    client = Client()
    answer = client.post("/_/login/", {"username": "guest", "password": PASSWORD})
    assert answer.status_code == 403
    assert client.get("/_/jobs/").status_code == 302


def test_a_poll_whose_session_has_ended_is_told_where_to_log_in(site: None) -> None:
    answer = Client().get("/_/jobs/", headers={"HX-Request": "true"})
    assert answer.status_code == 401 and answer["HX-Redirect"] == "/_/login/?next=%2F_%2Fjobs%2F"


def test_logging_out_ends_the_session_and_needs_a_post(boss: Client) -> None:
    assert boss.get("/_/logout/").status_code == 405
    assert boss.post("/_/logout/")["Location"] == "/_/login/"
    assert boss.get("/_/jobs/").status_code == 302


def test_who_may_only_look_sees_no_buttons_and_is_refused(site: None) -> None:
    job = make_job("running")
    client = logged_in(make_user("reader", operates=False))
    for path in ("/_/jobs/", f"/_/jobs/{job.public_id}/", "/_/buckets/"):
        page = client.get(path).content.decode()
        assert "/cancel/" not in page and "/_/migrate/" not in page, path
    assert client.get("/_/migrate/").status_code == 403
    assert client.post(f"/_/jobs/{job.public_id}/cancel/").status_code == 403
    job.refresh_from_db()
    assert job.status == "running"
