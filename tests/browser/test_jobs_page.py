"""The console as an operator uses it: a real browser, a real service, a real migration."""

from __future__ import annotations

import http.client
import itertools
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.browser.browsing import Browser
from tests.jobsite.service import until
from tests.needs import needs

pytestmark = [
    needs("chromium", "the pages are driven in a real browser"),
    needs("chromedriver", "it drives Chromium"),
    needs("selenium", "it speaks to chromedriver"),
    pytest.mark.timeout(300),
]
_numbers = itertools.count(1)
MIB = 1024 * 1024


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"pictures-{next(_numbers)}"
    s3.create_bucket(Bucket=name)
    return name


def fill(s3: Any, bucket: str, objects: int) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(
            pool.map(lambda n: s3.put_object(Bucket=bucket, Key=f"{n:05}", Body=b"x" * 4096), range(objects))
        )


@contextmanager
def unfinished_upload(s3: Any, bucket: str) -> Iterator[None]:
    """A client that has sent a part of its body and waits: no drain ends before it does."""
    url = urlsplit(s3.generate_presigned_url("put_object", {"Bucket": bucket, "Key": "slow"}))
    connection = http.client.HTTPConnection(url.netloc, timeout=60)
    connection.putrequest("PUT", f"{url.path}?{url.query}")
    connection.putheader("Content-Length", str(16 * MIB))
    connection.endheaders()
    connection.send(b"x" * 4 * MIB)
    try:
        yield
    finally:
        connection.close()


def start(browser: Browser, bucket: str, target: str = "archive") -> str:
    """Fill in the form, look at the preview, start; the job's id."""
    browser.click("#migrate-link")
    browser.type("#bucket", bucket)
    browser.script("document.getElementById('target').value = arguments[0]", target)
    browser.click("form button[name=preview]")
    browser.wait_for(".move", bucket)
    browser.click("#start")
    browser.wait_for(".note-success", "was started")
    return browser.text(".crumbs").rpartition(" ")[2]


def test_a_bucket_is_moved_from_the_page_with_live_progress(browser: Browser, s3: Any, bucket: str) -> None:
    fill(s3, bucket, 3000)
    browser.log_in()
    job = start(browser, bucket)
    browser.script("window.notReloaded = true")
    seen = set()

    def progress() -> bool:
        seen.add(browser.text(".figures"))
        return browser.text(".state .chip") == "succeeded"

    until(progress, 120, "it did not succeed")
    assert browser.script("return window.notReloaded"), "the page was loaded anew"
    assert len(seen) >= 3, seen
    assert "3,000 objects" in browser.text(".figures")
    browser.go("/_/jobs/")
    assert browser.text(f"[id='job-{job}'] .chip") == "succeeded"
    browser.go("/_/buckets/")
    assert browser.text(f"#bucket-{bucket} .kind") == "archive"
    assert s3.get_object(Bucket=bucket, Key="00042")["Body"].read() == b"x" * 4096
    assert browser.complaints() == []


def test_a_running_migration_is_cancelled_from_the_page(browser: Browser, s3: Any, bucket: str) -> None:
    fill(s3, bucket, 5)
    browser.log_in()
    with unfinished_upload(s3, bucket):
        job = start(browser, bucket)
        browser.go(f"/_/jobs/?bucket={bucket}")
        browser.wait_for(f"[id='job-{job}'] .chip", "running", 30)
        browser.click(f"[id='job-{job}'] .act a")
        assert "source is untouched" in browser.text(".ask")
        browser.click(".ask .danger")
        browser.wait_for(".note-success", "Cancel was asked for")
        browser.wait_for(".state .chip", "cancelled", 60)
    assert "cancel by admin" in browser.text(".trail")
    until(lambda: s3.put_object(Bucket=bucket, Key="after", Body=b"1"), 20)
    browser.go("/_/buckets/")
    assert browser.text(f"#bucket-{bucket} .kind") == "local"
    assert browser.complaints() == []


def test_what_deletes_wants_the_buckets_name(browser: Browser, s3: Any, bucket: str) -> None:
    browser.log_in()
    browser.go(f"/_/migrate/?bucket={bucket}&target_backend=archive&delete_source=on&preview=1")
    browser.type("#confirm", "something else")
    browser.click("#start")
    browser.wait_for(".note-error", "Nothing was started")
    browser.go(f"/_/jobs/?bucket={bucket}")
    assert "No job matches" in browser.text(".empty")


@pytest.mark.parametrize("width", [380, 1280])
def test_no_page_scrolls_sideways(browser: Browser, s3: Any, bucket: str, width: int) -> None:
    browser.resize(width, 800)
    browser.log_in()
    job = start(browser, bucket)
    browser.wait_for(".state .chip", "succeeded")
    preview = f"/_/migrate/?bucket={bucket}&target_backend=local&replace_target=on&preview=1"
    for path in ("/_/jobs/", f"/_/jobs/{job}/", preview, "/_/buckets/", "/_/jobs/?q=nothing"):
        browser.go(path)
        assert browser.script("return document.documentElement.scrollWidth") <= width, path


def test_keys_search_move_and_explain(browser: Browser, s3: Any, bucket: str) -> None:
    browser.log_in()
    job = start(browser, bucket)
    browser.go("/_/jobs/?trigger=oneoff")
    browser.press("/")
    assert browser.script("return document.activeElement.id") == "search"
    browser.script("document.activeElement.blur()")
    browser.press("?")
    assert browser.script("return document.getElementById('help').open")
    browser.click("#help button")
    browser.press("\ue015")
    assert job in browser.script("return document.activeElement.href")
    time.sleep(4)
    assert job in browser.script("return document.activeElement.href"), "a poll took the focus away"
    browser.press("p")
    assert "paused" in browser.text("#live-state")


def test_everything_works_without_scripts(browser: Browser, s3: Any, bucket: str) -> None:
    off = "Emulation.setScriptExecutionDisabled"
    browser.driver.execute_cdp_cmd(off, {"value": True})
    try:
        browser.log_in()
        browser.go(f"/_/migrate/?bucket={bucket}&target_backend=archive&preview=1")
        browser.click("#start")
        browser.wait_for(".note-success", "was started")

        def ended() -> bool:
            browser.driver.refresh()
            return browser.text(".state .chip") == "succeeded"

        until(ended, 60)
    finally:
        browser.driver.execute_cdp_cmd(off, {"value": False})


HOSTILE = """<!doctype html><title>harmless</title><body>
<form id="f" method="post" action="/_/migrate/"><input name="bucket" value="{bucket}">
<input name="target_backend" value="archive"><button id="b">Win a prize</button></form>
<script>
document.title = "the script ran";
fetch("/_/api/admin/buckets/{bucket}/migrate", {{method: "POST", credentials: "include",
  headers: {{"Content-Type": "application/json"}}, body: '{{"target_backend": "archive"}}'}});
document.getElementById("f").submit();
</script><script src="/{bucket}/evil.js"></script>"""


def test_a_hostile_object_on_the_same_origin_starts_nothing(browser: Browser, s3: Any, bucket: str) -> None:
    page = HOSTILE.format(bucket=bucket)
    s3.put_object(Bucket=bucket, Key="evil.html", Body=page.encode(), ContentType="text/html")
    s3.put_object(Bucket=bucket, Key="evil.js", Body=b"document.title = 'ran'", ContentType="text/javascript")
    browser.log_in()
    browser.driver.get(s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "evil.html"}))
    assert browser.driver.title == "harmless"
    browser.click("#b")
    assert "/_/" not in browser.driver.current_url
    assert any("sandbox" in line for line in browser.complaints())
    browser.go(f"/_/jobs/?bucket={bucket}")
    assert "No job matches" in browser.text(".empty"), "somebody was logged in, and nothing was started"
