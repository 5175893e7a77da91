"""The form that moves a bucket."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from jobs.models import Job
from tests.jobs.test_actions import make_left_behind
from tests.jobs.windows import make_bucket

WISH = {"bucket": "photos", "target_backend": "archive"}


def preview(client: Client, **more: str) -> Any:
    return client.get("/_/migrate/", WISH | {"preview": "1"} | more)


def test_a_preview_shows_what_will_happen_and_starts_nothing(boss: Client) -> None:
    make_bucket(objects=3)
    page = preview(boss).content.decode()
    assert "What will happen" in page and "<dd>3</dd>" in page and "30 B" in page
    assert "Writes pause for" in page and "about 10 seconds" in page
    assert "503 SlowDown" in page and "Start the migration" in page and 'name="confirm"' not in page
    assert not Job.objects.exists()


def test_a_preview_shows_the_pause_either_way_and_keeps_the_wish(boss: Client) -> None:
    make_bucket(objects=3)
    assert "Copied while clients write" in preview(boss).content.decode()
    page = preview(boss, precopy="on").content.decode()
    assert "Without precopy" in page and '<input type="hidden" name="precopy" value="on">' in page
    assert boss.post("/_/migrate/", WISH | {"precopy": "on"}).status_code == 302
    assert Job.objects.get().mode == "precopy"


def test_the_start_leads_to_the_job(boss: Client) -> None:
    make_bucket()
    answer = boss.post("/_/migrate/", WISH, follow=True)
    job = Job.objects.get()
    assert answer.redirect_chain == [(f"/_/jobs/{job.public_id}/", 302)]
    assert f"{job.public_id} was started" in answer.content.decode()


@pytest.mark.parametrize("flag", ["delete_source", "replace_target"])
def test_what_deletes_asks_for_the_buckets_name(boss: Client, flag: str) -> None:
    make_bucket()
    assert 'name="confirm"' in preview(boss, **{flag: "on"}).content.decode()
    for typed in ({}, {"confirm": ""}, {"confirm": "photo"}):
        answer = boss.post("/_/migrate/", WISH | {flag: "on"} | typed)
        assert answer.status_code == 400 and b"Nothing was started" in answer.content
    assert not Job.objects.exists()
    assert boss.post("/_/migrate/", WISH | {flag: "on", "confirm": "photos"}).status_code == 302
    assert Job.objects.get().spec[flag] is True


@pytest.mark.parametrize(
    ("wish", "status", "words"),
    [
        ({"bucket": "nothing"}, 404, "no bucket"),
        ({"bucket": ""}, 404, "no bucket"),
        ({"target_backend": "nowhere"}, 400, "no backend nowhere"),
        ({"target_backend": "local"}, 400, "is on local already"),
        ({"target_backend": ""}, 400, "missing"),
    ],
)
def test_a_wrong_wish_is_told_beside_the_form(
    boss: Client, wish: dict[str, str], status: int, words: str
) -> None:
    make_bucket()
    for answer in (preview(boss, **wish), boss.post("/_/migrate/", WISH | wish)):
        assert answer.status_code == status
        assert words in answer.content.decode() and 'id="bucket"' in answer.content.decode()
    assert not Job.objects.exists()


def test_a_busy_bucket_links_to_its_job(boss: Client) -> None:
    make_bucket()
    boss.post("/_/migrate/", WISH)
    job = Job.objects.get()
    answer = boss.post("/_/migrate/", WISH)
    assert answer.status_code == 409 and f'href="/_/jobs/{job.public_id}/"' in answer.content.decode()


def test_a_target_that_is_not_empty_shows_how_to_go_on(boss: Client) -> None:
    make_left_behind(make_bucket().id)
    answer = preview(boss)
    assert answer.status_code == 409 and "replace what the target holds" in answer.content.decode()
    page = preview(boss, replace_target="on").content.decode()
    assert "Removed from archive" in page and "1 objects" in page
