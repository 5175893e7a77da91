from __future__ import annotations

from pathlib import Path
from textwrap import indent
from typing import Any

import jsonschema
import pytest
import yaml

from jobsite.config import json_schema, load_rules
from tests.jobsite.ruled import FRAME, findings_of, specs, written

FULL = (
    FRAME
    + """\
  replication:
    enabled: true
    rules:
      - name: mirror-releases-to-dr
        source: {bucket: releases, prefix: ""}
        destination: {bucket: releases-dr, prefix: ""}
        interval: 24h
        trigger: events
        replicate_deletes: false
        conflict: newer-wins
        include_globs: ["**/*.tar"]
        exclude_globs: []
        bandwidth: 50MiB/s
        window: {from: "22:00", to: "06:00", timezone: Europe/Berlin}
  lifecycle:
    enabled: false
    rules:
      - name: expire-nightly-dumps
        bucket: db-archive
        prefix: nightly/
        action: delete
        expire_after: 90d
        noncurrent_expire_after: 30d
        abort_multipart_after: 7d
      - name: to-the-cellar
        bucket: db-archive
        prefix: old/
        expire_after: 2w
        action:
          type: transition
          destination: {bucket: cellar, prefix: from-db/}
          delete_source_after_success: false
      - name: seven
        enabled: false
        bucket: db-archive
        prefix: weekly/
        interval: 15m
        action:
          {type: retain-newest, count: 7, qualify: {min_size: 10MiB, min_age: 1h}, protect_younger_than: 3d}
"""
)
COMMON = {"interval_s": 86_400, "concurrency": 8, "timeout_s": 300}
ENTRY: dict[str, Any] = {
    "tags": {},
    "min_size": None,
    "max_size": None,
    "include_globs": [],
    "exclude_globs": [],
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


def test_rules_become_specs_in_seconds_and_bytes(tmp_path: Path) -> None:
    mirror, expire, cellar, seven = specs(tmp_path, FULL)
    assert mirror == {
        "kind": "replication",
        "name": "mirror-releases-to-dr",
        "enabled": True,
        "spec": {
            "source": {"bucket": "releases", "prefix": ""},
            "destination": {"bucket": "releases-dr", "prefix": ""},
            "trigger": "events",
            "replicate_deletes": False,
            "conflict": "newer-wins",
            "bandwidth": 50 * 1024**2,
            "window": {"from": "22:00", "to": "06:00", "timezone": "Europe/Berlin"},
            "include_globs": ["**/*.tar"],
            "exclude_globs": [],
            **COMMON,
        },
    }
    first = ENTRY | {
        "id": "expire-nightly-dumps",
        "prefix": "nightly/",
        "action": "delete",
        "after_s": 90 * 86_400,
        "noncurrent_after_s": 30 * 86_400,
        "abort_multipart_after_s": 7 * 86_400,
    }
    assert expire["spec"] == {"bucket": "db-archive", **COMMON, "rules": [first]}
    second = ENTRY | {
        "id": "to-the-cellar",
        "prefix": "old/",
        "action": "transition",
        "after_s": 14 * 86_400,
        "destination": {"bucket": "cellar", "prefix": "from-db/"},
        "delete_source": False,
    }
    assert cellar["spec"]["rules"] == [second]
    third = ENTRY | {
        "id": "seven",
        "prefix": "weekly/",
        "action": "retain-newest",
        "count": 7,
        "qualify": {"min_size": 10 * 1024**2, "min_age_s": 3600},
        "protect_younger_than_s": 3 * 86_400,
    }
    assert (seven["spec"]["interval_s"], seven["spec"]["rules"]) == (900, [third])


def test_a_section_that_is_disabled_disables_its_rules(tmp_path: Path) -> None:
    def enabled(text: str) -> list[bool]:
        return [rule["enabled"] for rule in specs(tmp_path, text)]

    assert enabled(FULL) == [True, False, False, False]
    assert enabled(FULL.replace("enabled: false\n    rules", "enabled: true\n    rules")) == [
        True,
        True,
        True,
        False,
    ]


def test_without_the_sections_there_are_no_rules_and_lifecycles_of_buckets_are_on(tmp_path: Path) -> None:
    assert load_rules(written(tmp_path, FRAME), tmp_path, {}) == {"rules": [], "lifecycle": True}
    assert load_rules(written(tmp_path, FULL), tmp_path, {})["lifecycle"] is False


def test_a_rule_knows_the_lines_of_its_keys(tmp_path: Path) -> None:
    mirror, _, cellar, _ = load_rules(written(tmp_path, FULL), tmp_path, {})["rules"]
    text = FULL.splitlines()
    assert text[mirror["lines"][""] - 1].endswith("- name: mirror-releases-to-dr")
    assert "bucket: releases-dr" in text[mirror["lines"]["destination.bucket"] - 1]
    assert "bucket: cellar" in text[cellar["lines"]["action.destination.bucket"] - 1]


def test_the_schema_accepts_rules_and_refuses_a_misspelling() -> None:
    document = yaml.safe_load(FULL)
    jsonschema.validate(document, json_schema())
    document["storage"]["lifecycle"]["rules"][0]["action"] = "remove"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, json_schema())


REPLICATION = """\
- name: one
  source: {bucket: aaa}
  destination: {bucket: bbb}
"""
LIFECYCLE = """\
- name: one
  bucket: aaa
"""
DURATION = "write a duration as a whole number and a unit: 30s, 15m, 24h, 90d or 2w"
CLOCK = 'write a time of day in quotes, with 24 hours: "22:00"'


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("interval: 24", DURATION),
        ("interval: 1h30m", DURATION),
        ("interval: 0h", DURATION),
        ("interval: 59s", "must be 1m to 366d"),
        ("timeout: 25h", "must be 1s to 24h"),
        ("bandwidth: 50MiB", "write a rate as a size per second: 500KB/s, 50MiB/s"),
        ("bandwidth: 1B/s", "must be 1KB/s to 1TiB/s"),
        ("triger: events", "unknown key 'triger'; did you mean 'trigger'?"),
        ("trigger: cron", "input should be 'events' or 'schedule'"),
        ("conflict: newest", "input should be 'newer-wins', 'content-diff' or 'skip-if-dest-exists'"),
        ("concurrency: 0", "input should be greater than or equal to 1"),
        ("replicate_deletes: 1", "input should be true or false"),
        ("replicate_deletes:", "input should be true or false"),
        ("concurrency: '8'", "input should be a whole number, without quotes"),
        ("include_globs: '*'", "input should be a list"),
        ("include_globs: [2024]", "input should be text; in quotes, if YAML takes it for something else"),
        ('include_globs: ["a\\0"]', "may not contain the character NUL"),
        ("window: always", "input should be a mapping"),
        ("include_globs: ['[a']", "[a: the [ has no ]."),
        ("include_globs: ['[z-a]']", "[z-a]: z-a is no range."),
        ("exclude_globs: ['']", "string should have at least 1 character"),
        ("exclude_globs: [" + "a, " * 101 + "]", "list should have at most 100 items"),
        ("window: {from: 22:00, to: '06:00'}", CLOCK),
        ("window: {from: '22:00', to: '24:00'}", CLOCK),
        ("window: {from: '22:00', til: '23:00'}", "unknown key 'til'; known here: from, to, timezone"),
        ("window: {from: '22:00', to: '22:00'}", "the window ends when it begins"),
        ("window: {from: '22:00', to: '6:00'}", CLOCK),
        (
            "window: {from: '22:00', to: '23:00', timezone: Europe/Berln}",
            "there is no such time zone; did you mean 'Europe/Berlin'?",
        ),
        (
            "window: {from: '22:00', to: '23:00', timezone: ../../etc/passwd}",
            "there is no such time zone; write one as UTC or Europe/Berlin",
        ),
    ],
)
def test_what_is_wrong_with_a_replication_rule_is_told_with_its_line(
    tmp_path: Path, more: str, expected: str
) -> None:
    findings = findings_of(tmp_path, "replication", REPLICATION + f"  {more}\n")
    assert any(expected in text for _, text in findings)
    assert {line for line, _ in findings} == {4}


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("action: delete", "delete needs 'expire_after': from what age it acts"),
        ("action: transition", "needs more: write a mapping with 'type: transition'"),
        ("action: remove", "input should be 'delete', or a mapping of type transition or retain-newest"),
        ("action: {type: moon}", "input should be 'delete' or 'transition' or 'retain-newest'"),
        ("action: {}", "'type' is missing"),
        ("action: {type: retain-newest}", "'count' is missing"),
        ("action: {type: retain-newest, cnt: 3, count: 3}", "unknown key 'cnt'; did you mean 'count'?"),
        ("action: {type: retain-newest, count: 0}", "input should be greater than or equal to 1"),
        (
            "action: {type: retain-newest, count: 3, qualify: {min_size: 3}}",
            "write a size as a whole number and a unit: 512B, 64KB, 10MiB, 2GiB",
        ),
        ("expire_after: 3d, action: {type: retain-newest, count: 3}", "has no meaning with retain-newest"),
        (
            "expire_after: 3d, action: {type: transition, destination: {bucket: aaa, prefix: x/}}",
            "aaa/ -> aaa/x/: the rule would find again what it has put there",
        ),
        ("expire_after: 3d", "needs 'action'"),
        ("prefix: x/", "does nothing: give at least one of"),
        ("noncurrent_keep: 3, expired_delete_markers: true", "has no meaning without"),
        ("abort_multipart_after: 0d", DURATION),
    ],
)
def test_what_is_wrong_with_a_lifecycle_rule_is_told_with_its_line(
    tmp_path: Path, more: str, expected: str
) -> None:
    findings = findings_of(tmp_path, "lifecycle", f"- {{name: one, bucket: aaa, {more}}}\n")
    assert any(expected in text for _, text in findings)
    assert {line for line, _ in findings} == {1}


def test_names_are_unique_in_their_section_alone(tmp_path: Path) -> None:
    assert findings_of(tmp_path, "replication", REPLICATION + REPLICATION.replace("bbb", "ccc")) == [
        (4, "a second rule with the name 'one'")
    ]
    both = FRAME + "  replication:\n    rules:\n" + indent(REPLICATION, " " * 6)
    both += (
        "  lifecycle:\n    rules:\n" + indent(LIFECYCLE, " " * 6) + "        expired_delete_markers: true\n"
    )
    assert [rule["name"] for rule in specs(tmp_path, both)] == ["one", "one"]


@pytest.mark.parametrize("name", ["", "a b", "a/b", "a:b", "x" * 65, "ä"])
def test_a_name_is_made_of_few_signs(tmp_path: Path, name: str) -> None:
    [(line, text)] = findings_of(tmp_path, "replication", REPLICATION.replace("one", f"'{name}'"))
    assert (line, text) == (1, "use up to 64 letters, digits, '_', '.' and '-'")
