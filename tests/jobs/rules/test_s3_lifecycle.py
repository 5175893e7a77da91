from __future__ import annotations

from typing import Any

import pytest

from jobs import standing
from jobs.kinds.base import Kind
from jobs.kinds.lifecycle_rules.spec import read_spec
from jobs.models import Job
from jobs.rules import s3_lifecycle, syncing
from proxy.models import Bucket
from proxy.records import change_settings, find_bucket
from proxy.wire.lifecycle import Lifecycle, LifecycleRule, lifecycle_text
from tests.jobs.declaring import EXPIRE, Rules, buckets, jobs

LOGS = "lifecycle:bucket:logs"
OLD = LifecycleRule("old", prefix="a/", days=30)


@pytest.fixture
def logs(rules: Rules) -> Rules:
    """A bucket `logs` with a configuration, and rules that were taken over."""
    buckets("logs", "dumps")
    _configure(OLD)
    assert not syncing.sync("tester", "here").refused
    return rules


def _configure(*rules: LifecycleRule) -> None:
    change_settings(find_bucket("logs"), lifecycle=lifecycle_text(Lifecycle(rules)) if rules else "")


def test_a_configuration_becomes_a_rule_of_its_bucket(logs: Rules) -> None:
    assert s3_lifecycle.sync() == 1
    job = jobs()[LOGS]
    assert (job.rule, job.bucket_name, job.enabled) == ("bucket:logs", "logs", True)
    assert [entry["id"] for entry in job.spec["rules"]] == ["old"]
    assert Job.objects.filter(standing.due(), pk=job.pk).exists()
    assert s3_lifecycle.sync() == 0


EMPTY: dict[str, Any] = {
    "prefix": "",
    "tags": {},
    "min_size": None,
    "max_size": None,
    "include_globs": [],
    "exclude_globs": [],
    "action": "",
    "after_s": None,
    "on_date_ms": None,
    "destination": None,
    "delete_source": True,
    "count": None,
    "qualify": {"min_size": None, "min_age_s": None},
    "protect_younger_than_s": None,
    "noncurrent_after_s": None,
    "noncurrent_keep": 0,
    "abort_multipart_after_s": None,
    "expired_delete_markers": False,
}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (OLD, {"prefix": "a/", "action": "delete", "after_s": 30 * 86_400}),
        (
            LifecycleRule("x", date_ms=1_800_000),
            {"action": "delete", "on_date_ms": 1_800_000},
        ),
        (
            LifecycleRule("x", tags={"a": "b"}, min_size=10, max_size=20, days=1),
            {"tags": {"a": "b"}, "min_size": 10, "max_size": 20, "action": "delete", "after_s": 86_400},
        ),
        (
            LifecycleRule("x", noncurrent_days=7, noncurrent_keep=3),
            {"noncurrent_after_s": 7 * 86_400, "noncurrent_keep": 3},
        ),
        (LifecycleRule("x", abort_days=2), {"abort_multipart_after_s": 2 * 86_400}),
        (LifecycleRule("x", expired_delete_markers=True), {"expired_delete_markers": True}),
    ],
)
def test_each_element_has_its_place_in_the_spec(rule: LifecycleRule, expected: dict[str, Any]) -> None:
    spec = s3_lifecycle.spec_of("logs", Lifecycle((rule,)))
    assert spec["rules"] == [EMPTY | {"id": rule.id} | expected]
    assert read_spec(spec).bucket == "logs"


def test_rules_that_are_disabled_are_left_out_and_without_any_nothing_runs(logs: Rules) -> None:
    off = LifecycleRule("off", enabled=False, days=1)
    _configure(OLD, off)
    s3_lifecycle.sync()
    assert [entry["id"] for entry in jobs()[LOGS].spec["rules"]] == ["old"]
    _configure(off)
    s3_lifecycle.sync()
    assert (jobs()[LOGS].enabled, jobs()[LOGS].declared) == (False, True)


@pytest.mark.parametrize("now", [(LifecycleRule("old", prefix="a/", days=400),), ()])
def test_who_was_stopped_after_the_look_brings_nothing_back(
    logs: Rules, monkeypatch: pytest.MonkeyPatch, now: tuple[LifecycleRule, ...]
) -> None:
    """Old days would delete what its owner has said since is to stay."""
    look = s3_lifecycle._differing

    def stopped(kind: Kind) -> set[str]:
        found = look(kind)
        _configure(*now)
        return found

    monkeypatch.setattr(s3_lifecycle, "_differing", stopped)
    s3_lifecycle.sync()
    rules = [job.spec["rules"][0]["after_s"] for job in jobs().values() if job.declared]
    assert rules == [400 * 86_400 for _ in now]


@pytest.mark.parametrize("gone", ["configuration", "bucket"])
def test_a_configuration_or_a_bucket_that_is_gone_stops_the_rule(logs: Rules, gone: str) -> None:
    s3_lifecycle.sync()
    if gone == "bucket":
        Bucket.objects.filter(name="logs").delete()
    else:
        _configure()
    assert s3_lifecycle.sync() == 1
    assert (jobs()[LOGS].declared, jobs()[LOGS].enabled) == (False, False)
    assert s3_lifecycle.sync() == 0


def test_the_switch_of_the_section_is_that_of_the_rules_in_force(logs: Rules) -> None:
    s3_lifecycle.sync()
    logs.write(on=False)
    assert s3_lifecycle.sync() == 0, "nobody has taken that file over"
    syncing.sync("tester", "here")
    assert s3_lifecycle.sync() == 1
    assert (jobs()[LOGS].enabled, jobs()[LOGS].declared) == (False, True)


def test_before_any_file_was_taken_over_nothing_runs(rules: Rules) -> None:
    buckets("logs")
    _configure(OLD)
    s3_lifecycle.sync()
    assert not jobs()[LOGS].enabled


def test_taking_over_the_file_leaves_the_rules_of_buckets_alone(logs: Rules) -> None:
    s3_lifecycle.sync()
    logs.write(lifecycle=EXPIRE)
    assert syncing.sync("tester", "here").difference.added == ("lifecycle:expire",)
    logs.write()
    assert syncing.sync("tester", "here").difference.removed == ("lifecycle:expire",)
    assert jobs()[LOGS].declared
