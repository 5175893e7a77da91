"""A target that cannot keep versions, in every window: 409 with counts, and what `drop` allows."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from jobs import actions
from jobs.models import AuditEntry, Job
from proxy import routes
from proxy.backends.values import NewObject
from proxy.bucket_settings import SUSPENDED
from proxy.records import change_settings, find_bucket
from proxy.store import Store
from tests.jobs.kinds.world import Bytes
from tests.jobs.windows import ADMIN, logged_in, make_bucket, make_user, two_backends

pytestmark = pytest.mark.django_db

WISH = {"bucket": "photos", "target_backend": "poor"}


@pytest.fixture
def boss(settings: Any, tmp_path: Path) -> Client:
    """An operator's browser; `photos` has two versions of a key, and `poor` keeps none."""
    two_backends(settings, tmp_path)
    more = {"poor": {"type": "memory", "keeps_versions": False}}
    settings.STORAGE = settings.STORAGE | {"backends": settings.STORAGE["backends"] | more}
    routes.prepare_backends()
    bucket = make_bucket()
    for number in range(2):
        Store.of(bucket).put(NewObject(key="k", version_id=f"v-{number}"), Bytes(b"x"))
    change_settings(bucket, versioning=SUSPENDED)
    return logged_in(make_user())


def _post(client: Client, path: str, **body: Any) -> Any:
    asked = {"target_backend": "poor", **body}
    return client.post(f"{ADMIN}/buckets/photos/{path}", asked, content_type="application/json")


def _command(*words: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("migrate_bucket", "photos", "poor", *words, stdout=out, stderr=err)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


def test_the_api_refuses_with_counts_until_the_loss_is_named(boss: Client) -> None:
    for path in ("migrate", "migrate/preview"):
        answer = _post(boss, path)
        assert answer.status_code == 409
        body = answer.json()
        assert body.pop("error").startswith("poor cannot keep 1 older versions")
        assert body == {
            "code": "TargetCannotKeep",
            "versions": 1,
            "version_ids": 1,
            "locked": 0,
            "uploads": 0,
            "drop": ["versions"],
        }
    assert not Job.objects.exists() and not find_bucket("photos").gate.closed
    preview = _post(boss, "migrate/preview", drop=["versions"]).json()
    assert preview["dropped"]["versions"] == 1 and preview["versions"] == 1
    assert _post(boss, "migrate", drop=["versions"]).status_code == 202
    assert Job.objects.get().spec["drop"] == ["versions"]
    assert AuditEntry.objects.filter(detail__drop=["versions"]).exists()


def test_a_retry_gives_up_what_the_first_job_was_allowed_to(boss: Client) -> None:
    _post(boss, "migrate", drop=["versions"])
    who = actions.Actor("boss", "here")
    actions.cancel(who, Job.objects.get().public_id)
    again = actions.retry_failed(who, Job.objects.get().public_id)
    assert again.shown.job.spec["drop"] == ["versions"]


def test_the_api_refuses_a_drop_that_names_nothing_it_knows(boss: Client) -> None:
    wrong: list[Any] = ["versions", ["version"], [1], {"versions": 1}, None, ["versions"] * 3]
    for drop in wrong:
        answer = _post(boss, "migrate", drop=drop)
        assert answer.status_code == 400, answer.content
    assert not Job.objects.exists()


def test_the_command_refuses_and_asks_before_something_is_lost(
    boss: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, _, err = _command()
    assert code == 2 and "TargetCannotKeep" in err and "drop versions" in err
    monkeypatch.setattr("sys.stdin", io.StringIO())
    code, out, err = _command("--drop", "versions")
    assert code == 2 and "1 older versions and delete markers do not move" in out and "--yes" in err
    code, out, _ = _command("--drop", "versions", "--drop", "uploads", "--yes")
    assert code == 0 and Job.objects.get().spec["drop"] == ["versions", "uploads"]


def test_the_commands_preview_tells_of_versions(boss: Client) -> None:
    _, out, _ = _command("--drop", "versions", "--preview")
    assert "1 older versions and delete markers, 1 B" in out
    assert not Job.objects.exists()


def test_the_page_offers_to_go_on_without_only_where_something_would_be_lost(boss: Client) -> None:
    def page(**more: Any) -> tuple[int, str]:
        answer = boss.get("/_/migrate/", WISH | {"preview": "1"} | more)
        return answer.status_code, answer.content.decode()

    assert 'name="drop"' not in boss.get("/_/migrate/").content.decode()
    status, text = page()
    assert status == 409 and 'type="checkbox" name="drop" value="versions"' in text
    assert 'value="uploads"' not in text
    status, text = page(drop="versions")
    assert status == 200 and "do not move" in text and 'name="confirm"' in text
    assert '<input type="hidden" name="drop" value="versions">' in text
    assert boss.post("/_/migrate/", WISH | {"drop": "versions"}).status_code == 400
    assert boss.post("/_/migrate/", WISH | {"drop": "versions", "confirm": "photos"}).status_code == 302
    assert Job.objects.get().spec["drop"] == ["versions"]
