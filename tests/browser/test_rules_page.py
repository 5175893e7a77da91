"""Rules as an operator sees them: a real browser, a real service, rules that really run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.browsing import Browser
from tests.browser.test_jobs_page import fill
from tests.jobsite.service import until
from tests.needs import needs

pytestmark = [
    needs("chromium", "the pages are driven in a real browser"),
    needs("chromedriver", "it drives Chromium"),
    needs("selenium", "it speaks to chromedriver"),
    pytest.mark.timeout(300),
]
CONFIGURATION = """\
storage:
  backends:
    - {name: local, type: filesystem, path: local}
    - {name: archive, type: filesystem, path: archive}
  default_backend: local
  buckets: {ruled-copy: {backend: archive}}
"""
RULES = """\
  replication:
    rules:
      - name: slow
        source: {bucket: ruled}
        destination: {bucket: ruled-copy, prefix: copy/}
        trigger: schedule
        bandwidth: 15KB/s
        concurrency: 1
  lifecycle:
    rules:
      - name: expire
        enabled: false
        bucket: ruled
        action: delete
        expire_after: 1s
"""
JOB = "/_/jobs/replication:slow/"


@pytest.fixture(scope="module")
def rules(s3: Any, configuration: Path) -> Iterator[Path]:
    """Two buckets, and a file with rules about them; none is there any more afterwards."""
    before = configuration.read_text()
    configuration.write_text(CONFIGURATION + RULES)
    for name in ("ruled", "ruled-copy"):
        s3.create_bucket(Bucket=name)
    fill(s3, "ruled", 60)
    yield configuration
    configuration.write_text(before)


@pytest.fixture
def operator(browser: Browser, rules: Path) -> Browser:
    browser.log_in()
    return browser


def reload(browser: Browser) -> None:
    browser.go("/_/jobs/")
    browser.click("#reload-link")
    browser.click("#reload")


def ask(browser: Browser, action: str, told: str) -> None:
    """Press an action's button, and the one that confirms it."""
    browser.click(f".act a[href$='/{action}/']")
    browser.click(".ask form button")
    browser.wait_for(".note-success", told)


def test_a_rule_is_loaded_runs_waits_and_goes_on(operator: Browser, s3: Any, rules: Path) -> None:
    operator.go("/_/rules/reload/")
    assert "replication:slow" in operator.text(".facts") and "lifecycle:expire" in operator.text(".facts")
    operator.click("#reload")
    operator.wait_for(".note-success", "2 added")
    operator.wait_for("[id='job-replication:slow'] .chip", "running", 30)
    assert operator.text("[id='job-lifecycle:expire'] .chip") == "disabled"
    operator.go(JOB)
    operator.script("window.notReloaded = true")
    seen: set[str] = set()
    until(lambda: seen.add(operator.text(".figures")) or len(seen) >= 3, 30, "no progress was seen")
    assert operator.script("return window.notReloaded"), "the page was loaded anew"
    ask(operator, "pause", "It is paused")
    operator.wait_for(".state .chip", "paused", 20)
    assert s3.list_objects_v2(Bucket="ruled-copy")["KeyCount"] < 60
    rules.write_text(CONFIGURATION + RULES.replace("15KB/s", "15MB/s"))
    reload(operator)
    operator.wait_for(".note-success", "1 changed")
    operator.go(JOB)
    assert operator.text(".state .chip") == "paused" and "bandwidth: 15MB/s" in operator.text(".yaml")
    ask(operator, "resume", "It goes on")
    operator.wait_for(".state .chip", "succeeded", 60)
    assert len(s3.list_objects_v2(Bucket="ruled-copy", Prefix="copy/")["Contents"]) == 60
    assert "source: {bucket: ruled" in operator.text(".yaml")
    assert operator.complaints() == []


def test_a_second_run_moves_nothing_and_verify_says_why(operator: Browser, s3: Any) -> None:
    operator.go(JOB)
    operator.wait_for(".state .chip", "succeeded")
    ask(operator, "run-now", "A run was begun")
    operator.wait_for(".state .chip", "succeeded")
    first = operator.text(".runs tbody tr")
    assert "run-now" in first and "0 B" in first
    s3.put_object(Bucket="ruled-copy", Key="copy/stray", Body=b"1")
    ask(operator, "verify", "A run that compares was begun")
    operator.wait_for("#verify .figures-big", "60")
    operator.wait_for("#verify table", "stray")
    assert "run-now by admin" in operator.text(".trail") and "verify by admin" in operator.text(".trail")


def test_a_preview_lists_what_a_disabled_rule_would_delete(operator: Browser, s3: Any) -> None:
    operator.go("/_/jobs/lifecycle:expire/")
    operator.click(".act a[href$='/preview/']")
    assert "60 objects" in operator.text(".facts .bad")
    assert "00000" in operator.text(".candidates") and "older than" in operator.text(".candidates")
    assert s3.list_objects_v2(Bucket="ruled")["KeyCount"] == 60


def test_rules_that_are_refused_are_told_until_they_are_mended(operator: Browser, rules: Path) -> None:
    rules.write_text(CONFIGURATION + RULES.replace("{bucket: ruled}", "{bucket: rueld}"))
    reload(operator)
    assert "did you mean 'ruled'?" in operator.text(".note-error")
    operator.go("/_/jobs/")
    assert "line 10" in operator.text("#rules-refused") and "rueld" in operator.text("#rules-refused")
    rules.write_text(CONFIGURATION + RULES)
    reload(operator)
    operator.wait_for(".note-success", "1 unchanged")
    assert not operator.there("#rules-refused")


@pytest.mark.parametrize("width", [380, 1280])
def test_no_page_of_a_rule_scrolls_sideways(operator: Browser, width: int) -> None:
    operator.resize(width, 800)
    preview = "/_/jobs/lifecycle:expire/preview/"
    for path in ("/_/jobs/", JOB, f"{JOB}run-now/", preview, "/_/rules/reload/"):
        operator.go(path)
        assert operator.script("return document.documentElement.scrollWidth") <= width, path


def test_rules_work_without_scripts(operator: Browser) -> None:
    off = "Emulation.setScriptExecutionDisabled"
    operator.driver.execute_cdp_cmd(off, {"value": True})
    try:
        operator.go(JOB)
        ask(operator, "pause", "It is paused")
        assert operator.text(".state .chip") == "paused"
        ask(operator, "resume", "It goes on")
    finally:
        operator.driver.execute_cdp_cmd(off, {"value": False})
