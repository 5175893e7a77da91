"""A rule that is shown can be copied into the configuration file, and is the same rule there."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.models import Job
from jobs.presentation import definition
from jobs.presentation.definitions import duration, size
from jobs.presentation.yaml_text import entry, flow
from tests.jobs.rule_rows import ENTRY, LIFECYCLE, REPLICATION
from tests.jobsite.ruled import FRAME, specs

MOVE = {"destination": {"bucket": "cellar", "prefix": "old/"}, "action": "transition", "after_s": 14 * 86_400}
RULES: list[tuple[str, dict[str, Any]]] = [
    ("replication", REPLICATION),
    (
        "replication",
        REPLICATION
        | {
            "interval_s": 5400,
            "trigger": "schedule",
            "replicate_deletes": True,
            "conflict": "content-diff",
            "include_globs": ["**/*.tar", "a b", "yes", "1", "#x", "- y", "[ab]*"],
            "exclude_globs": ['quo"te', "back\\slash", "grün"],
            "bandwidth": 500_000,
            "window": {"from": "22:00", "to": "06:00", "timezone": "Europe/Berlin"},
            "timeout_s": 45,
        },
    ),
    ("lifecycle", LIFECYCLE),
    ("lifecycle", LIFECYCLE | {"rules": [ENTRY | MOVE]}),
    ("lifecycle", LIFECYCLE | {"rules": [ENTRY | MOVE | {"delete_source": False}]}),
    (
        "lifecycle",
        LIFECYCLE
        | {
            "rules": [
                ENTRY
                | {
                    "prefix": "",
                    "action": "retain-newest",
                    "after_s": None,
                    "count": 7,
                    "qualify": {"min_size": 10 << 20, "min_age_s": 3600},
                    "protect_younger_than_s": 3 * 86_400,
                }
            ]
        },
    ),
    (
        "lifecycle",
        LIFECYCLE
        | {
            "rules": [
                ENTRY
                | {
                    "action": "",
                    "after_s": None,
                    "noncurrent_after_s": 30 * 86_400,
                    "noncurrent_keep": 3,
                    "abort_multipart_after_s": 604_800,
                    "expired_delete_markers": True,
                }
            ]
        },
    ),
]


def rule_job(kind: str, spec: dict[str, Any], rule: str = "expire-dumps", **columns: Any) -> Job:
    bucket = spec["source"]["bucket"] if kind == "replication" else spec["bucket"]
    return Job(kind=kind, subsystem=kind, rule=rule, bucket_name=bucket, spec=spec, **columns)


@pytest.mark.parametrize(("kind", "spec"), RULES)
def test_the_yaml_of_a_rule_is_read_as_the_same_rule(tmp_path: Path, kind: str, spec: dict[str, Any]) -> None:
    for enabled in (True, False):
        shown = definition(rule_job(kind, spec, enabled=enabled))["yaml"]
        (read,) = specs(tmp_path, FRAME + f"  {kind}:\n    rules:\n" + indent(shown, " " * 6))
        assert read["spec"] == spec and read["name"] == "expire-dumps" and read["enabled"] is enabled


def test_a_buckets_own_configuration_says_where_it_is_from() -> None:
    spec = LIFECYCLE | {"rules": [ENTRY | {"tags": {"a": "b"}, "on_date_ms": 0}, ENTRY | {"id": "two"}]}
    shown = definition(rule_job("lifecycle", spec, "bucket:db-archive"))["yaml"]
    assert shown.startswith("# From the bucket's S3 lifecycle configuration")
    assert [each["id"] for each in yaml.safe_load(shown)] == ["expire-dumps", "two"]


def test_a_one_off_has_parameters_and_no_yaml() -> None:
    told = definition(Job(kind="migrate", bucket_name="photos", spec={"target_backend": "archive"}))
    assert told == {"kind": "migrate", "bucket": "photos", "parameters": {"target_backend": "archive"}}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(60, "1m"), (5400, "90m"), (86_400, "1d"), (90 * 86_400, "90d"), (61, "61s"), (0, "0s")],
)
def test_durations_are_in_the_largest_unit_that_divides_them(seconds: int, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0B"),
        (1, "1B"),
        (1024, "1KiB"),
        (1000, "1KB"),
        (50 << 20, "50MiB"),
        (1 << 40, "1TiB"),
        (1001, "1001B"),
    ],
)
def test_sizes_are_in_the_largest_unit_that_divides_them(count: int, text: str) -> None:
    assert size(count) == text


_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(PLAIN)
def test_whatever_is_written_is_read_as_it_was(value: Any) -> None:
    assert yaml.safe_load(flow(value)) == value


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(_TEXT, PLAIN, min_size=1, max_size=4))
def test_an_entry_is_one_of_a_list(values: dict[str, Any]) -> None:
    assert yaml.safe_load(entry(values)) == [values]
