from __future__ import annotations

from pathlib import Path
from textwrap import indent

import pytest

from jobsite.config import ConfigError, load
from tests.jobsite.ruled import FRAME, findings_of, specs, written


def _graph(*rules: tuple[str, str, str, str], **more: str) -> str:
    """Rules from (bucket, prefix) to (bucket, prefix), each on three lines."""
    extra = "".join(f", {key}: {value}" for key, value in more.items())
    return "".join(
        f"- {{name: r{number}{extra},\n   source: {{bucket: {a}, prefix: '{p}'}},\n"
        f"   destination: {{bucket: {b}, prefix: '{q}'}}}}\n"
        for number, (a, p, b, q) in enumerate(rules)
    )


@pytest.mark.parametrize(
    ("rules", "line", "expected"),
    [
        (_graph(("aaa", "x/", "aaa", "")), 3, "aaa/x/ -> aaa/: the rule would find again"),
        (_graph(("aaa", "", "aaa", "x/")), 3, "aaa/ -> aaa/x/: the rule would find again"),
        (
            _graph(("aaa", "x", "bbb", ""), ("bbb", "", "aaa", "")),
            1,
            "objects would go in a circle: aaa/x -> bbb/ -> aaa/ (rules 'r0', 'r1'; disabled rules count too",
        ),
        (
            _graph(("aaa", "", "bbb", ""), ("bbb", "", "aaa", ""), enabled="false"),
            1,
            "objects would go in a circle: aaa/ -> bbb/ -> aaa/",
        ),
        (
            _graph(("ccc", "", "aaa", ""), ("aaa", "", "bbb", "k/"), ("bbb", "k/m/", "aaa", "z/")),
            4,
            "objects would go in a circle: aaa/ -> bbb/k/ -> aaa/z/ (rules 'r1', 'r2'",
        ),
    ],
)
def test_a_circle_is_refused_and_its_way_is_shown(
    tmp_path: Path, rules: str, line: int, expected: str
) -> None:
    [(found, text)] = findings_of(tmp_path, "replication", rules)
    assert found == line and expected in text


def test_a_transition_that_replication_brings_back_is_a_circle(tmp_path: Path) -> None:
    text = FRAME + "  replication:\n    rules:\n" + indent(_graph(("bbb", "", "aaa", "")), " " * 6)
    text += """\
  lifecycle:
    rules:
      - {name: away, bucket: aaa, expire_after: 1d, action: {type: transition, destination: {bucket: bbb}}}
"""
    with pytest.raises(ConfigError, match="bbb/ -> aaa/ -> bbb/"):
        load(written(tmp_path, text), tmp_path, {})


_MOVING = """\
  lifecycle:
    rules:
      - {name: away, bucket: aaa, expire_after: 1d, action: {type: transition, destination: {bucket: ddd}}}
"""


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (
            _graph(("aaa", "", "ddd", ""), replicate_deletes="true"),
            "'r0' with 'replicate_deletes' would delete",
        ),
        (
            _graph(("bbb", "", "ddd", "x/"), replicate_deletes="true", include_globs="[a/**]"),
            "would delete at ddd/ what this moves",
        ),
        (_graph(("bbb", "", "ddd", "")), "'r0' writes to ddd/ too, from another source: over what is moved"),
    ],
)
def test_what_a_transition_has_moved_is_not_left_to_another_rule(
    tmp_path: Path, rules: str, expected: str
) -> None:
    text = FRAME + "  replication:\n    rules:\n" + indent(rules, " " * 6) + _MOVING
    with pytest.raises(ConfigError, match=expected):
        load(written(tmp_path, text), tmp_path, {})


@pytest.mark.parametrize(
    "rules",
    [
        _graph(("aaa", "", "ddd", "")),
        _graph(("bbb", "", "ddd", ""), conflict="skip-if-dest-exists"),
        _graph(("bbb", "", "ddd", ""), include_globs="[a/**]"),
        _graph(("bbb", "", "eee", ""), replicate_deletes="true"),
    ],
)
def test_beside_a_transition_what_it_moves_is_safe_from_these(tmp_path: Path, rules: str) -> None:
    assert specs(tmp_path, FRAME + "  replication:\n    rules:\n" + indent(rules, " " * 6) + _MOVING)


def test_two_transitions_do_not_write_over_each_other(tmp_path: Path) -> None:
    second = _MOVING.splitlines()[-1].replace("away", "too").replace("aaa", "bbb")
    with pytest.raises(
        ConfigError, match="'away' writes to ddd/ too, from another source: over what is moved"
    ):
        load(written(tmp_path, FRAME + _MOVING + second + "\n"), tmp_path, {})


@pytest.mark.parametrize(
    "rules",
    [
        _graph(("aaa", "x/", "aaa", "y/")),
        _graph(
            ("aaa", "", "bbb", "k/"),
            ("bbb", "", "ccc", ""),
            ("ccc", "m/", "ddd", ""),
            ("ddd", "", "eee", "k/"),
            ("eee", "", "fff", ""),
            ("fff", "m/", "aaa", ""),
        ),
        _graph(("aaa", "", "ddd", ""), ("bbb", "", "ddd", "")),
        _graph(("aaa", "", "ddd", ""), ("bbb", "", "ddd", ""), conflict="skip-if-dest-exists"),
        _graph(("aaa", "", "ddd", ""), ("aaa", "x/", "ddd", "x/"), replicate_deletes="true"),
        _graph(
            ("aaa", "", "ddd", ""),
            ("bbb", "", "ddd", ""),
            replicate_deletes="true",
            include_globs="[a/**]",
        ),
    ],
)
def test_what_comes_to_rest_is_no_circle_and_no_quarrel(tmp_path: Path, rules: str) -> None:
    text = FRAME + "  replication:\n    rules:\n" + indent(rules, " " * 6)
    assert specs(tmp_path, text)


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (
            _graph(("aaa", "", "ddd", ""), ("aaa", "", "ddd", "")),
            "the same source and destination as rule 'r0'",
        ),
        (
            _graph(("aaa", "", "ddd", ""), ("bbb", "", "ddd", "x/"), replicate_deletes="true"),
            "'r0' with 'replicate_deletes' would delete what the other brings",
        ),
        (
            _graph(("aaa", "", "ddd", ""), ("bbb", "", "ddd", ""), conflict="content-diff"),
            "they would overwrite each other for ever",
        ),
        (
            _graph(("aaa", "", "ddd", ""), include_globs="['*.jpg']")
            + _graph(("bbb", "", "ddd", ""), replicate_deletes="true").replace("r0", "r1"),
            "'r1' with 'replicate_deletes' would delete what the other brings",
        ),
    ],
)
def test_rules_that_would_undo_each_other_for_ever_are_refused(
    tmp_path: Path, rules: str, expected: str
) -> None:
    findings = findings_of(tmp_path, "replication", rules)
    assert {line for line, _ in findings} == {6}
    assert any(expected in text for _, text in findings)
