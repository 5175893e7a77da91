"""Which keys a rule takes in."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.globs import MOST_CHARACTERS, MOST_GLOBS, BadGlob, Globs, Selection

CASES = [
    ("a", "a", True), ("a", "ab", False), ("a", "b", False),
    ("*.tmp", "a.tmp", True), ("*.tmp", ".tmp", True), ("*.tmp", "x/a.tmp", False),
    ("**/*.tmp", "a.tmp", True), ("**/*.tmp", "x/a.tmp", True), ("**/*.tmp", "x/y/a.tmp", True),
    ("**/a", "xa", False), ("x/**/a", "x/a", True), ("x/**/a", "xa", False), ("x/**/a", "x/y/z/a", True),
    ("logs/**", "logs/a/b", True), ("logs/**", "logs/", True), ("logs/**", "logs", False),
    ("a**c", "a/b/c", True), ("a**c", "ac", True), ("**", "", True), ("**", "a/b", True),
    ("a?c", "abc", True), ("a?c", "a/c", False), ("a?c", "ac", False),
    ("[abc]", "b", True), ("[a-c]", "d", False), ("[!a-c]", "d", True), ("[^a]", "a", False),
    ("[!a]", "/", False), ("[]]", "]", True), ("[a-]", "-", True), ("[.]", ".", True), ("a.c", "abc", False),
    ("日*", "日本", True), ("*", "\U0001f600", True),
]  # fmt: skip


@pytest.mark.parametrize(("glob", "key", "matches"), CASES)
def test_a_glob_matches_whole_keys(glob: str, key: str, matches: bool) -> None:
    assert Globs([glob]).match(key) is matches


@pytest.mark.parametrize(
    "globs", [[""], ["[a"], ["[c-a]"], ["a" * (MOST_CHARACTERS + 1)], ["a"] * (MOST_GLOBS + 1)]
)
def test_what_means_nothing_is_refused(globs: list[str]) -> None:
    with pytest.raises(BadGlob):
        Globs(globs)


def test_without_includes_everything_is_taken_and_excludes_win() -> None:
    assert Selection.of([], []).takes("a")
    chosen = Selection.of(["*.bin", "b/**"], ["b/x*", "old.bin"])
    taken = [key for key in ("a.bin", "old.bin", "b/y", "b/x", "c") if chosen.takes(key)]
    assert taken == ["a.bin", "b/y"]


def translated(glob: str) -> str:
    """The same glob as a regular expression, by the definition."""
    words = re.findall(r"\*\*+/?|.", glob)
    found = ""
    for word in words:
        if word.startswith("**"):
            whole = word.endswith("/") and (not found or found.endswith("/"))
            found += r"(?:.*/)?" if whole else ".*" + ("/" if word.endswith("/") else "")
        else:
            found += {"*": "[^/]*", "?": "[^/]"}.get(word, re.escape(word))
    return found


@given(
    globs=st.lists(st.text("ab/*?", min_size=1, max_size=8), min_size=1, max_size=3),
    keys=st.lists(st.text("ab/", max_size=8), min_size=1),
)
def test_globs_mean_what_their_regular_expressions_mean(globs: list[str], keys: list[str]) -> None:
    ours, theirs = Globs(globs), [re.compile(translated(glob), re.DOTALL) for glob in globs]
    for key in keys:
        assert ours.match(key) is any(each.fullmatch(key) for each in theirs), (globs, key)


def test_a_glob_of_many_stars_takes_a_key_in_one_pass() -> None:
    """With backtracking this would not end."""
    assert not Globs(["*a" * 90 + "b", "**/*a" * 30]).match("a" * 1000 + "c")
