"""The Jobs page, one job's page, and the buckets."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client

from jobs import actions
from jobs.actions import Actor
from jobs.models import Job
from proxy.records import find_bucket
from tests.jobs.windows import NOW, make_bucket, make_failure, make_job

LIVE = {"HX-Request": "true"}


def text(page: bytes) -> str:
    """What a reader sees, in one line."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page.decode()))


def test_the_front_page_leads_to_the_jobs(boss: Client) -> None:
    assert boss.get("/_/")["Location"] == "/_/jobs/"


def test_an_empty_list_says_what_to_do(boss: Client) -> None:
    page = boss.get("/_/jobs/").content.decode()
    assert "No job yet" in page and "manage.py migrate_bucket BUCKET TARGET --wait" in page
    assert "No worker is alive" in page
    assert "No job matches" in boss.get("/_/jobs/?q=nothing").content.decode()


def test_the_list_shows_progress_status_and_actions(boss: Client) -> None:
    job = make_job(
        "running",
        phase="copy",
        phase_done=1,
        phase_total=2,
        processed=12_431,
        total=20_000,
        bytes_done=3 * 1024**2,
    )
    make_job("succeeded", bucket_name="logs", failed=2)
    page = boss.get("/_/jobs/")
    words = text(page.content)
    assert "25 %" in words and "12,431 of 20,000 objects" in words and "3.00 MiB" in words
    assert "succeeded with errors" in words
    assert f'href="/_/jobs/{job.public_id}/cancel/"' in page.content.decode()
    assert 'title="' in page.content.decode() and " UTC" in page.content.decode()


def test_tabs_count_and_keep_the_filters(boss: Client) -> None:
    make_job("running")
    make_job("queued", open_run=True, bucket_name="b2")
    make_job("failed", bucket_name="logs")
    page = boss.get("/_/jobs/?q=local").content.decode()
    counts = dict(re.findall(r'>([a-z]+) <span class="count">(\d+)</span>', page))
    assert (
        counts["all"] == "3"
        and counts["running"] == "2"
        and counts["queued"] == "0"
        and counts["failed"] == "1"
    )
    assert 'href="?q=local&amp;status=failed"' in page
    only = boss.get("/_/jobs/?q=local&status=failed").content.decode()
    assert "migrate logs" in only and "migrate photos" not in only


def test_a_page_of_jobs_leads_to_the_next(boss: Client) -> None:
    Job.objects.bulk_create(Job(kind="migrate", subsystem="maintenance", name=f"n{n:03}") for n in range(30))
    first = boss.get("/_/jobs/").content.decode()
    assert "n029" in first and "n004" not in first
    link = re.search(r'<a href="(\?[^"]*)" rel="next">', first)
    assert link is not None
    second = boss.get("/_/jobs/" + link[1].replace("&amp;", "&")).content.decode()
    assert "n004" in second and "n029" not in second and "First page" in second


def test_an_unchanged_list_costs_a_304(boss: Client) -> None:
    job = make_job("running", started_at=NOW)
    first = boss.get("/_/jobs/", headers=LIVE)
    assert first.status_code == 200 and b"<html" not in first.content
    assert "HX-Request" in first["Vary"]
    again = boss.get("/_/jobs/", headers=LIVE | {"If-None-Match": first["ETag"]})
    assert again.status_code == 304 and not again.content
    Job.objects.filter(pk=job.pk).update(processed=1, started_at=NOW + timedelta(seconds=1))
    changed = boss.get("/_/jobs/", headers=LIVE | {"If-None-Match": first["ETag"]})
    assert changed.status_code == 200 and changed["ETag"] != first["ETag"]


def test_a_job_page_shows_everything_about_it(boss: Client) -> None:
    job = make_job("failed", phase="verify", failed=3, last_error="2 keys differ", crashes=2)
    make_failure(job, "BadDigest", "a/<b>&c")
    make_failure(job, "NoSuchKey", "gone")
    page = boss.get(f"/_/jobs/{job.public_id}/")
    words = text(page.content)
    assert "2 keys differ" in words and "From local" in words and "To archive" in words
    assert "a/&lt;b&gt;&amp;c" in page.content.decode()
    assert "The latest 2 of 3" in words and "Crash recoveries 2" in words
    assert 'class="step-stopped">verify' in page.content.decode()
    only = boss.get(f"/_/jobs/{job.public_id}/?code=NoSuchKey").content.decode()
    assert "<code>gone</code>" in only and "a/&lt;b&gt;" not in only
    live = boss.get(f"/_/jobs/{job.public_id}/", headers=LIVE)
    assert b"<html" not in live.content
    etag = {"If-None-Match": live["ETag"]}
    assert boss.get(f"/_/jobs/{job.public_id}/", headers=LIVE | etag).status_code == 304


@pytest.mark.parametrize(
    "path",
    ["/_/jobs/maintenance:9/", "/_/jobs/x/", "/_/jobs/maintenance:9/cancel/", "/_/jobs/maintenance:9/x/"],
)
def test_what_is_not_there_is_a_page_with_404(boss: Client, path: str) -> None:
    answer = boss.get(path)
    assert answer.status_code == 404 and b"That did not work" in answer.content


def test_cancel_asks_first_and_then_does_it(boss: Client) -> None:
    job = make_job("running", has_effects=True)
    url = f"/_/jobs/{job.public_id}/cancel/"
    page = boss.get(url).content.decode()
    assert "The source is untouched" in page and '<form method="post">' in page
    job.refresh_from_db()
    assert job.status == "running"
    answer = boss.post(url, follow=True)
    assert answer.redirect_chain == [(f"/_/jobs/{job.public_id}/", 302)]
    job.refresh_from_db()
    assert job.status == "cancelling"
    words = text(answer.content)
    assert "Cancel was asked for" in words and "cancel by admin from 127.0.0.1" in words
    assert boss.get(url).status_code == 409 and boss.post(url).status_code == 409


def test_cancel_after_the_turn_says_what_it_still_can_do(boss: Client) -> None:
    job = make_job("running", turned=True, has_effects=True, phase="cleanup")
    assert "Cancel stops the cleanup" in boss.get(f"/_/jobs/{job.public_id}/cancel/").content.decode()


def test_retry_leads_to_the_new_job(boss: Client) -> None:
    bucket = make_bucket()
    job = make_job("failed", bucket_id=bucket.id)
    answer = boss.post(f"/_/jobs/{job.public_id}/retry-failed/", follow=True)
    new = Job.objects.latest("pk")
    assert answer.redirect_chain == [(f"/_/jobs/{new.public_id}/", 302)] and new.parent == job
    assert f'retry of <a href="/_/jobs/{job.public_id}/">' in answer.content.decode()


def test_retrying_what_deletes_asks_for_the_buckets_name(boss: Client) -> None:
    bucket = make_bucket()
    spec = {
        "target_backend": "archive",
        "delete_source": True,
        "replace_target": False,
        "source_backend": "local",
    }
    job = make_job("failed", bucket_id=bucket.id, spec=spec)
    url = f"/_/jobs/{job.public_id}/retry-failed/"
    assert 'name="confirm"' in boss.get(url).content.decode()
    answer = boss.post(url, {"confirm": "photo"})
    assert answer.status_code == 400 and b"Nothing was started" in answer.content
    assert Job.objects.count() == 1
    assert boss.post(url, {"confirm": "photos"}).status_code == 302
    assert Job.objects.latest("pk").spec["delete_source"] is True


def test_buckets_show_backend_gate_and_job(boss: Client) -> None:
    make_bucket("photos")
    make_bucket("logs")
    job = actions.start_migration(Actor("admin", "-"), "photos", "archive")
    page = boss.get("/_/buckets/")
    assert "photos" in text(page.content) and "paused" in text(page.content)
    assert f'href="/_/jobs/{job.public_id}/"' in page.content.decode()
    assert 'href="/_/migrate/?bucket=logs"' in page.content.decode()
    assert 'href="/_/migrate/?bucket=photos"' not in page.content.decode()
    etag = {"If-None-Match": boss.get("/_/buckets/", headers=LIVE)["ETag"]}
    assert boss.get("/_/buckets/", headers=LIVE | etag).status_code == 304
    assert find_bucket("photos").gate.closed


def test_a_site_without_buckets_says_how_to_make_one(boss: Client) -> None:
    for path in ("/_/buckets/", "/_/migrate/"):
        assert "aws --endpoint-url http://testserver s3 mb s3://photos" in boss.get(path).content.decode()
