"""Rules on the Jobs page and on pages of their own: shown, asked for, previewed, reloaded."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from jobs.models import AuditEntry, Job, RuleSync, Run
from jobs.rules.syncing import Synced
from tests.jobs.pages.test_jobs_pages import LIVE, text
from tests.jobs.rule_rows import make_failed_object, make_rule, make_run
from tests.jobs.windows import NOW, logged_in, make_bucket, make_job, make_user

VERIFY: dict[str, Any] = {
    "began_ms": 1_766_000_000_000,
    "finished_ms": 1_766_000_001_000,
    "counts": {"in_sync": 1200, "missing": 2, "extra": 0, "different": 0, "unverifiable": 0},
    "samples": {
        "missing": [{"key": "a/<b>", "reason": "The destination has no such object.", "fix": "Reconcile."}],
        "extra": [],
    },
}


def one_row(page: bytes, job: Job) -> str:
    """The row of that job, as a reader sees it."""
    found = re.search(rf'<tr id="job-{re.escape(job.public_id)}".*?</tr>', page.decode(), re.S)
    assert found is not None
    return text(found[0].encode())


def test_rules_stand_first_with_scope_trigger_and_what_is_next(boss: Client) -> None:
    make_job("succeeded")
    mirror = make_rule(lifetime_objects=12_431, lifetime_bytes=3 * 1024**2)
    expire = make_rule("lifecycle", "expire", "succeeded", last_error="")
    make_run(expire)
    page = boss.get("/_/jobs/").content
    row = one_row(page, mirror)
    assert "releases/firmware/ → releases-dr" in row and "continuous" in row and "not run yet" in row
    assert "12,431 objects, 3.00 MiB in all its runs" in row and "in 1 h" in row
    row = one_row(page, expire)
    assert "db-archive/nightly/" in row and "scheduled" in row and "succeeded" in row
    order = re.findall(r'<tr id="job-([^"]+)"', page.decode())
    assert order[:2] == ["lifecycle:expire", "replication:mirror"] and len(order) == 3


@pytest.mark.parametrize(
    ("columns", "chip", "next_run"),
    [
        ({"status": "succeeded", "paused": True}, "paused", False),
        ({"status": "succeeded", "enabled": False}, "disabled", False),
        ({"status": "failed", "enabled": False, "paused": True}, "disabled", False),
        ({"status": "failed", "enabled": False, "declared": False}, "withdrawn", False),
        ({"status": "queued", "paused": True}, "paused", False),
        ({"status": "failed"}, "failed", True),
    ],
)
def test_paused_and_disabled_outrank_the_last_status(
    boss: Client, columns: dict[str, Any], chip: str, next_run: bool
) -> None:
    job = make_rule(**columns)
    page = boss.get("/_/jobs/").content.decode()
    assert re.findall(r'class="chip chip-(\w+)"', page) == [chip]
    assert ("in 1 h" in page) is next_run
    assert f'chip-{chip}"' in boss.get(f"/_/jobs/{job.public_id}/").content.decode()


def test_a_run_against_the_switches_is_shown_running_and_paused(boss: Client) -> None:
    make_rule(status="running", paused=True, run_anyway=True)
    page = boss.get("/_/jobs/").content.decode()
    assert re.findall(r'class="chip chip-(\w+)"', page) == ["running", "paused"]


def test_a_run_that_was_put_off_says_so(boss: Client) -> None:
    job = make_rule(last_error="releases-dr takes no writes now (maintenance:7 has it).")
    make_run(job, status="idle", status_raw="deferred")
    page = boss.get(f"/_/jobs/{job.public_id}/")
    assert 'chip-deferred"' in page.content.decode() and "maintenance:7 has it" in text(page.content)


def test_filters_find_rules_by_trigger_pause_and_destination(boss: Client) -> None:
    make_job("succeeded")
    make_rule(paused=True)
    make_rule("lifecycle", "expire")
    for query, expected in {
        "trigger=continuous": ["replication:mirror"],
        "trigger=scheduled": ["lifecycle:expire"],
        "paused=true": ["replication:mirror"],
        "bucket=releases-dr": ["replication:mirror"],
        "q=expi": ["lifecycle:expire"],
    }.items():
        page = boss.get(f"/_/jobs/?{query}").content.decode()
        assert re.findall(r'<tr id="job-([^"]+)"', page) == expected, query


def test_a_rules_page_shows_its_definition_runs_chart_and_failures(boss: Client) -> None:
    job = make_rule(status="succeeded", mode="reconcile", failed=1, lifetime_objects=30)
    runs = [make_run(job, objects_processed=10, bytes_done=number * 1024**2) for number in range(1, 4)]
    make_failed_object(job, runs[0], "firmware/<a>")
    make_failed_object(job, runs[-1], "firmware/<a>")
    page = boss.get(f"/_/jobs/{job.public_id}/")
    words, source = text(page.content), page.content.decode()
    assert "1 object could not be brought in line" in words, "those of the latest run"
    assert "- name: mirror" in words and "interval: 1d" in words and "trigger: events" in words
    assert source.count("<rect ") == 3 and "at most 307 KiB/s" in words
    assert f"run {runs[0].pk}: 102 KiB/s" in source
    assert "firmware/&lt;a&gt;" in source and "→ <code>&lt;a&gt;</code>" in source
    assert f'href="/_/jobs/{job.public_id}/retry-failed/"' in source
    assert "reconcile scheduler" in words and "10 s" in words
    live = boss.get(f"/_/jobs/{job.public_id}/", headers=LIVE)
    etag = {"If-None-Match": live["ETag"]}
    assert boss.get(f"/_/jobs/{job.public_id}/", headers=LIVE | etag).status_code == 304


def test_a_rules_page_shows_what_verify_found(boss: Client) -> None:
    job = make_rule(status="succeeded", mode="verify", state={"verify": VERIFY})
    page = boss.get(f"/_/jobs/{job.public_id}/")
    words = text(page.content)
    assert "In sync 1,200" in words and "Missing 2" in words and "a/&lt;b&gt;" in page.content.decode()
    assert "The destination has no such object." in words and "Reconcile." in words


@pytest.mark.parametrize(
    ("action", "columns", "asked", "done"),
    [
        ("run-now", {}, "Run replication:mirror now?", "A run was begun"),
        ("pause", {}, "stays paused when the rules are loaded again", "It is paused"),
        ("resume", {"paused": True}, "goes on where it was", "It goes on"),
        ("verify", {"paused": True}, "The rule is paused and stays so", "A run that compares was begun"),
    ],
)
def test_actions_ask_first_and_then_do_it(
    boss: Client, action: str, columns: dict[str, Any], asked: str, done: str
) -> None:
    job = make_rule(**columns)
    url = f"/_/jobs/{job.public_id}/{action}/"
    assert f'href="{url}"' in boss.get(f"/_/jobs/{job.public_id}/").content.decode()
    assert asked in text(boss.get(url).content)
    assert not Run.objects.exists() and not AuditEntry.objects.exists()
    answer = boss.post(url, follow=True)
    assert answer.redirect_chain == [(f"/_/jobs/{job.public_id}/", 302)]
    assert done in text(answer.content) and f"{action} by admin" in text(answer.content)
    assert boss.get(url).status_code == 409


def test_a_rule_says_where_it_is_declared(boss: Client) -> None:
    make_rule("lifecycle", "bucket:logs", created_by="configuration")
    make_rule("lifecycle", "logs", created_by="configuration")
    of_bucket, of_file = (
        text(boss.get(f"/_/jobs/lifecycle:{rule}/").content) for rule in ("bucket:logs", "logs")
    )
    told = "the bucket's lifecycle configuration"
    assert told in of_bucket and told not in of_file


def test_the_page_says_that_what_failed_was_looked_at_again(boss: Client) -> None:
    job = make_rule(status="succeeded", mode="retry")
    make_failed_object(job, make_run(job, errors=1))
    page, told = f"/_/jobs/{job.public_id}/", "A later run has looked at all of these objects again."
    assert told not in text(boss.get(page).content)
    make_run(job, "retry")
    assert told in text(boss.get(page).content)


def test_what_failed_is_tried_again_from_the_page(boss: Client) -> None:
    job = make_rule(status="succeeded")
    make_failed_object(job, make_run(job, errors=1))
    asked = text(boss.get(f"/_/jobs/{job.public_id}/retry-failed/").content)
    assert "looks once more at the 1 object that failed" in asked
    answer = boss.post(f"/_/jobs/{job.public_id}/retry-failed/", follow=True)
    assert "A run over what failed was begun" in text(answer.content)
    job.refresh_from_db()
    assert job.keys == ["firmware/a"]


def test_what_a_rule_does_not_have_is_no_page(boss: Client) -> None:
    assert boss.get(f"/_/jobs/{make_rule().public_id}/preview/").status_code == 404
    assert boss.get(f"/_/jobs/{make_rule('lifecycle', 'x').public_id}/verify/").status_code == 404


def test_a_preview_is_a_page_and_changes_nothing(boss: Client) -> None:
    make_bucket("db-archive", objects=2)
    entry = dict(make_rule("lifecycle", "y").spec["rules"][0]) | {"prefix": "k", "after_s": 1}
    job = make_rule("lifecycle", "expire", spec={"bucket": "db-archive", "rules": [entry]} | _TIMES)
    page = boss.get(f"/_/jobs/{job.public_id}/preview/")
    words = text(page.content)
    assert page.status_code == 200 and "Nothing was changed" in words and "Looked at 2" in words
    assert not Run.objects.exists()


_TIMES = {"interval_s": 86_400, "concurrency": 1, "timeout_s": 60}


def test_who_may_only_look_sees_no_buttons_and_is_refused(site: None) -> None:
    reader = logged_in(make_user("reader", operates=False))
    job = make_rule()
    for path in ("/_/jobs/", f"/_/jobs/{job.public_id}/"):
        page = reader.get(path).content.decode()
        assert "/run-now/" not in page and "/pause/" not in page and "/rules/reload/" not in page
    expire = make_rule("lifecycle", "expire").public_id
    assert f"/_/jobs/{expire}/preview/" in reader.get(f"/_/jobs/{expire}/").content.decode()
    for path in (f"/_/jobs/{job.public_id}/run-now/", "/_/rules/reload/"):
        assert reader.get(path).status_code == 403 and reader.post(path).status_code == 403
    assert not Run.objects.exists()


# -- the rules as a whole ---------------------------------------------------------------------


def test_rules_that_were_refused_are_told_with_their_lines_and_since_when_others_are_in_force(
    boss: Client,
) -> None:
    assert b"rules-refused" not in boss.get("/_/jobs/").content
    RuleSync.objects.create(
        tried_at=timezone.now(), synced_at=NOW, by="SIGHUP", findings=[[12, "there is no bucket 'relaeses'"]]
    )
    page = boss.get("/_/jobs/")
    words = text(page.content)
    assert "were refused" in words and "line 12: there is no bucket &#x27;relaeses&#x27;" in words
    assert "asked by SIGHUP" in words and "2026-05-01 12:00:00 UTC" in page.content.decode()
    RuleSync.objects.update(findings=[])
    assert b"rules-refused" not in boss.get("/_/jobs/").content


def test_reloading_says_first_what_would_change(boss: Client, settings: Any) -> None:
    gone = make_rule("lifecycle", "gone")
    settings.LOAD_RULES = lambda: {"rules": [], "lifecycle": True}
    page = text(boss.get("/_/rules/reload/").content)
    assert "Gone lifecycle:gone" in page and "New none" in page
    gone.refresh_from_db()
    assert gone.declared
    answer = boss.post("/_/rules/reload/", follow=True)
    assert "1 removed" in text(answer.content)
    gone.refresh_from_db()
    assert not gone.declared


def test_rules_that_are_refused_change_nothing_and_say_why(
    boss: Client, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    job = make_rule()
    settings.LOAD_RULES = lambda: {"rules": [], "lifecycle": True}
    wrong = Synced(findings=((7, "there is no bucket 'x'"),))
    monkeypatch.setattr("jobs.rules.syncing.sync", lambda *given, **named: wrong)
    monkeypatch.setattr("jobs.rules.syncing.preview", lambda **named: wrong)
    answer = boss.post("/_/rules/reload/")
    assert answer.status_code == 409 and "Nothing was changed" in text(answer.content)
    assert "line 7: there is no bucket" in text(answer.content)
    job.refresh_from_db()
    assert job.declared


def test_an_empty_list_shows_how_a_rule_is_declared(boss: Client) -> None:
    page = boss.get("/_/jobs/").content.decode()
    assert "name: mirror-releases-to-dr" in page and "manage.py rules sync" in page
