"""`manage.py reencrypt`: output, exit codes, refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jobs.management.commands import _watch
from jobs.models import Job
from tests.jobs.test_commands import run
from tests.jobs.windows import NOW, make_bucket, two_backends

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def site(settings: Any, tmp_path: Path) -> None:
    two_backends(settings, tmp_path)


def test_each_bucket_gets_a_job(site: None) -> None:
    for name in ("photos", "logs"):
        make_bucket(name)
    code, out, err = run("reencrypt", "photos", "logs", "--mode", "rewrap")
    assert (code, err) == (0, "")
    for job in Job.objects.all():
        assert f"Started {job.public_id}: re-encrypt {job.bucket_name}: rewrap." in out
        assert job.triggered_by == "command" and job.spec == {"mode": "rewrap"}


def test_a_refusal_is_exit_code_2_and_stops_no_other(site: None) -> None:
    make_bucket()
    code, out, err = run("reencrypt", "nothing", "photos")
    assert code == 2 and "Started" in out and err.startswith("Refused (NotFound) nothing")
    assert Job.objects.get().bucket_name == "photos"


def test_a_preview_starts_nothing(site: None) -> None:
    make_bucket(objects=2)
    code, out, _ = run("reencrypt", "photos", "--preview")
    assert code == 0 and "photos on local: none" in out and "right: 2 versions, 20 B" in out
    assert not Job.objects.exists()


def test_json_has_the_shapes_of_the_api(site: None) -> None:
    make_bucket()
    told = json.loads(run("reencrypt", "photos", "nothing", "--preview", "--json")[1])
    assert [each["bucket"] for each in told["previews"]] == ["photos"]
    assert [each["code"] for each in told["errors"]] == ["NotFound"]
    started = json.loads(run("reencrypt", "photos", "--json")[1])
    job = Job.objects.get()
    assert started == {
        "started": [{"bucket": "photos", "job_id": job.pk, "id": job.public_id}],
        "errors": [],
    }


@pytest.mark.parametrize(("status", "code"), [("succeeded", 0), ("failed", 1), ("cancelled", 1)])
def test_waiting_ends_with_the_end_of_every_job(
    site: None, monkeypatch: pytest.MonkeyPatch, status: str, code: int
) -> None:
    for name in ("photos", "logs"):
        make_bucket(name)

    def a_worker_ends_them(seconds: float) -> None:
        Job.objects.filter(bucket_name="photos").update(status="succeeded", finished_at=NOW)
        Job.objects.filter(bucket_name="logs").update(status=status, finished_at=NOW, last_error="why")

    monkeypatch.setattr(_watch.watch, "__defaults__", (a_worker_ends_them,))
    ended, _, err = run("reencrypt", "photos", "logs", "--wait")
    assert ended == code and (code == 0 or "why" in err)
