"""The form that encrypts buckets anew."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from jobs.models import Job
from tests.jobs.windows import NOW, logged_in, make_bucket, make_job, make_user

PAGE = "/_/reencrypt/"


def preview(client: Client, **wish: Any) -> Any:
    return client.get(PAGE, {"preview": "1", **wish})


def test_a_preview_shows_what_each_bucket_needs_and_starts_nothing(boss: Client) -> None:
    make_bucket("photos", objects=3)
    make_bucket("logs")
    page = preview(boss, bucket=["photos", "logs"]).content.decode()
    assert page.count('<p class="move">') == 2 and "<dd>3</dd>" in page
    assert "Writes to photos are answered 503 SlowDown" in page and "Start 2 jobs" in page
    assert not Job.objects.exists()


def test_the_start_of_one_leads_to_its_job(boss: Client) -> None:
    make_bucket()
    answer = boss.post(PAGE, {"bucket": "photos", "mode": "rewrite"}, follow=True)
    job = Job.objects.get()
    assert answer.redirect_chain == [(f"/_/jobs/{job.public_id}/", 302)]
    text = answer.content.decode()
    assert f"{job.public_id} started" in text and "<dd>rewrite</dd>" in text
    assert "until the job is done. Reads go on." in text


def test_the_start_of_several_leads_to_the_list_and_tells_who_was_refused(boss: Client) -> None:
    for name in ("photos", "logs", "busy"):
        make_bucket(name)
    boss.post(PAGE, {"bucket": "busy"})
    answer = boss.post(PAGE, {"bucket": ["photos", "busy", "logs"]}, follow=True)
    assert answer.redirect_chain == [("/_/jobs/", 302)]
    assert "busy: Bucket busy is busy with maintenance:" in answer.content.decode()
    assert Job.objects.count() == 3


def test_a_refusal_is_told_beside_the_form(boss: Client) -> None:
    make_bucket()
    boss.post(PAGE, {"bucket": "photos"})
    first = Job.objects.get()
    for wish, status, words in (
        ({"bucket": "photos"}, 409, f'href="/_/jobs/{first.public_id}/"'),
        ({"bucket": "nothing"}, 404, "no bucket"),
        ({}, 400, "1 to 100"),
    ):
        answer = boss.post(PAGE, wish)
        assert answer.status_code == status
        assert words in answer.content.decode() and 'id="bucket"' in answer.content.decode()
    assert Job.objects.count() == 1


@pytest.mark.parametrize("page", ["/_/jobs/", "/_/buckets/"])
def test_each_kind_of_job_has_its_button(boss: Client, page: str) -> None:
    make_bucket()
    text = boss.get(page).content.decode()
    assert 'id="migrate-link"' in text and 'id="reencrypt-link"' in text


def test_a_bucket_is_chosen_by_the_link_beside_it(boss: Client) -> None:
    make_bucket()
    assert f'href="{PAGE}?bucket=photos"' in boss.get("/_/buckets/").content.decode()
    assert '<option value="photos" selected>' in boss.get(f"{PAGE}?bucket=photos").content.decode()


def test_who_may_only_look_sees_neither_form_nor_button(site: None) -> None:
    make_bucket()
    reader = logged_in(make_user("reader", operates=False))
    assert reader.get(PAGE).status_code == 403
    assert "reencrypt-link" not in reader.get("/_/jobs/").content.decode()


def test_a_job_tells_what_it_found_and_what_each_key_seals(boss: Client) -> None:
    survey = {"ways": {"rewrite": {"objects": 1200, "bytes": 2048}}, "modes": {}, "uploads": {}}
    job = make_job(
        "succeeded", kind="reencrypt", spec={"mode": ""}, state={"survey": survey, "seals": {"v1.b.k1": 1199}}
    )
    page = boss.get(f"/_/jobs/{job.public_id}/").content.decode()
    assert "1,200" in page and "2.00 KiB" in page and "bucket key k1" in page and "1,199" in page
    assert "are written again" in page


def test_a_cancel_says_that_what_was_done_stays(boss: Client) -> None:
    job = make_job("running", kind="reencrypt", spec={"mode": ""}, processed=12, started_at=NOW)
    page = boss.get(f"/_/jobs/{job.public_id}/cancel/").content.decode()
    assert "12 objects are done with and stay so" in page
