"""The rules over the API: what is in force, checking the file, and taking it over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from jobs.models import AuditEntry, Job
from tests.jobs.declaring import EXPIRE, Rules, buckets
from tests.jobs.windows import ADMIN, logged_in, make_user

NOTHING = {"added": 0, "changed": 0, "removed": 0, "unchanged": 0}
NO_CHANGES: dict[str, list[str]] = {"added": [], "changed": [], "removed": []}


@pytest.fixture
def rules(settings: Any, tmp_path: Path, boss: Client) -> Rules:
    made = Rules(settings, tmp_path)
    buckets("dumps")
    made.write(lifecycle=EXPIRE)
    return made


def _post(client: Client, what: str) -> Any:
    return client.post(f"{ADMIN}/rules/{what}", content_type="application/json")


def test_before_any_attempt_nothing_is_in_force(boss: Client, rules: Rules) -> None:
    assert boss.get(f"{ADMIN}/rules").json() == {"file": str(rules.path), "rules": []}


def test_a_sync_answers_what_it_changed_and_a_check_what_one_would(boss: Client, rules: Rules) -> None:
    done = NOTHING | {"added": 1, "changes": NO_CHANGES | {"added": ["lifecycle:expire"]}, "notes": []}
    checked = _post(boss, "check")
    assert (checked.status_code, checked.json()) == (200, done | {"refused": False, "findings": []})
    assert not Job.objects.exists()
    synced = _post(boss, "sync")
    assert (synced.status_code, synced.json()) == (200, done)
    state = boss.get(f"{ADMIN}/rules").json()
    assert state["rules"] == [
        {
            "id": "lifecycle:expire",
            "kind": "lifecycle",
            "rule": "expire",
            "name": "lifecycle of dumps/",
            "bucket": "dumps",
            "enabled": True,
            "paused": False,
        }
    ]
    attempt = state["last_attempt"]
    assert attempt["at"] == state["in_force_since"] and attempt["by"] == "admin"
    assert (attempt["refused"], attempt["findings"]) == (False, [])
    assert boss.get(f"{ADMIN}/jobs/lifecycle:expire").status_code == 200


def test_a_file_that_is_wrong_is_a_409_with_lines_and_the_rules_stay(boss: Client, rules: Rules) -> None:
    _post(boss, "sync")
    rules.write(lifecycle=EXPIRE.replace("90d", "90"))
    refused = _post(boss, "sync")
    line = rules.line_of("expire_after: 90")
    [finding] = refused.json()["findings"]
    assert (refused.status_code, refused.json()["code"]) == (409, "RulesRefused")
    assert finding["line"] == line and "write a duration as" in finding["text"]
    assert f"{rules.path}:{line}: " in refused.json()["error"]
    checked = _post(boss, "check")
    assert (checked.status_code, checked.json()["refused"]) == (200, True)
    assert checked.json()["findings"] == [finding]
    state = boss.get(f"{ADMIN}/rules").json()
    assert state["last_attempt"]["findings"] == [finding] and state["last_attempt"]["refused"]
    assert [rule["id"] for rule in state["rules"]] == ["lifecycle:expire"]


def test_who_may_only_look_may_check_and_not_sync(boss: Client, rules: Rules) -> None:
    guest = logged_in(make_user("guest", operates=False))
    assert guest.get(f"{ADMIN}/rules").status_code == 200
    assert _post(guest, "check").status_code == 200
    assert _post(guest, "sync").status_code == 403
    entry = AuditEntry.objects.get(action="sync-rules")
    assert (entry.actor, entry.detail["outcome"]) == ("guest", "refused")
    assert not Job.objects.exists()


@pytest.mark.parametrize("path", ["rules", "rules/check", "rules/sync"])
def test_strangers_see_nothing(path: str, db: None) -> None:
    assert Client().get(f"{ADMIN}/{path}").status_code in (401, 403, 405)
    assert Client().post(f"{ADMIN}/{path}").status_code in (401, 403)
