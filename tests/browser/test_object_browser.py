"""The object browser in a real browser: a user's everyday, a bucket on the move, names that attack."""

from __future__ import annotations

import json
import urllib.request
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.browser.browsing import Browser
from tests.browser.test_jobs_page import unfinished_upload
from tests.jobsite.service import Service, until
from tests.needs import needs

pytestmark = [
    needs("chromium", "the pages are driven in a real browser"),
    needs("chromedriver", "it drives Chromium"),
    needs("selenium", "it speaks to chromedriver"),
    pytest.mark.timeout(300),
]
PASSWORD = "a marsh full of cranes"
HOSTILE = ['"><img src=x onerror=alert(1)>', "line\nbreak", "..", "鶴"]
PAGE = b"""<!doctype html><title>harmless</title><script>document.title = "ran";
fetch("/_/buckets/", {credentials: "include"});</script>"""


@pytest.fixture(scope="module")
def alice(chromium: Any, service: Service) -> Any:
    """A user whom the administrator made on the Users page; the user's S3 client."""
    browser = Browser(chromium, service)
    browser.reset()
    browser.log_in()
    browser.click("nav a[href='/_/users/']")
    browser.type("#name", "alice")
    browser.type("#password", PASSWORD)
    browser.click(".make button")
    browser.wait_for(".note-success", "alice was made")
    browser.click("#create-key")
    browser.wait_for(".made", "shown this once")
    return boto3.client(
        "s3",
        endpoint_url=service.url,
        aws_access_key_id=browser.text("#made-access-key"),
        aws_secret_access_key=browser.text("#made-secret-key"),
        region_name="us-east-1",
    )


def migrate(service: Service, bucket: str) -> None:
    """As a script of the administrator."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    def post(path: str, token: str = "", **body: str) -> Any:
        headers = {"Content-Type": "application/json", "X-CSRFToken": token}
        address = f"{service.url}/_/api/admin/{path}"
        with opener.open(urllib.request.Request(address, json.dumps(body).encode(), headers)) as answer:
            return json.load(answer)

    token = post("login", username="admin", password=service.password)["csrf_token"]
    post(f"buckets/{bucket}/migrate", token, target_backend="archive")


def test_a_user_uploads_sees_downloads_and_deletes(browser: Browser, alice: Any, tmp_path: Path) -> None:
    alice.create_bucket(Bucket="mine")
    browser.log_in("alice", PASSWORD, "/_/")
    assert "Jobs" not in browser.text("nav") and "mine" in browser.text("#live")
    browser.click("#bucket-mine a")
    assert "This bucket is empty" in browser.text(".empty")
    names = ["notes.txt", "grün & <b>.txt"]
    for name in names:
        (tmp_path / name).write_bytes(name.encode() * 1000)
    browser.find("#files").send_keys("\n".join(str(tmp_path / name) for name in names))
    browser.click("#upload button")
    browser.wait_for("#objects", "notes.txt", 20)
    assert browser.text("#uploads").count("Uploaded.") == 2
    assert alice.get_object(Bucket="mine", Key=names[1])["Body"].read() == names[1].encode() * 1000
    saved = tmp_path / "saved"
    facts = {"behavior": "allow", "downloadPath": str(saved)}
    browser.driver.execute_cdp_cmd("Browser.setDownloadBehavior", facts)
    browser.click(".rows a[href*='download/?key=notes']")
    until(lambda: (saved / "notes.txt").exists(), 20)
    assert (saved / "notes.txt").read_bytes() == b"notes.txt" * 1000
    browser.click("[data-all]")
    assert browser.text("[data-selected]") == "2 selected"
    browser.click(".below button")
    browser.wait_for(".ask", "Delete 2 objects from mine?", 20)
    browser.click(".ask .danger")
    browser.wait_for(".note-success", "2 objects deleted")
    assert "Contents" not in alice.list_objects_v2(Bucket="mine")
    assert browser.complaints() == []


def test_a_bucket_that_closes_under_the_page_takes_its_forms_away_and_back(
    browser: Browser, alice: Any, service: Service, tmp_path: Path
) -> None:
    (tmp_path / "waits").write_bytes(b"patience")
    alice.create_bucket(Bucket="moving")
    alice.put_object(Bucket="moving", Key="k", Body=b"1")
    browser.log_in("alice", PASSWORD, "/_/buckets/moving/")
    assert browser.find("#upload").is_displayed() and not browser.find("#busy").is_displayed()
    with unfinished_upload(alice, "moving"):
        migrate(service, "moving")
        browser.wait_for("#busy", "takes no writes now", 20)
        assert "Migrate" in browser.text("#busy") and "started" in browser.text("#busy")
        assert not browser.find("#upload").is_displayed()
        assert not browser.find("input[name=item]").is_displayed()
        assert browser.find("a[href*='download/']").is_displayed()
        browser.find("#files").send_keys(str(tmp_path / "waits"))
        browser.script("document.getElementById('upload').requestSubmit()")
        browser.wait_for("#uploads", "this goes on when it does", 20)
    browser.wait_for("#uploads", "Uploaded.", 60)
    assert browser.find("#upload").is_displayed() and not browser.find("#busy").is_displayed()
    assert alice.get_object(Bucket="moving", Key="waits")["Body"].read() == b"patience"


def test_names_and_pages_that_attack_are_harmless(browser: Browser, alice: Any) -> None:
    alice.create_bucket(Bucket="hostile")
    for name in HOSTILE:
        alice.put_object(Bucket="hostile", Key=name, Body=PAGE, ContentType="text/html")
    browser.resize(380, 800)
    browser.log_in("alice", PASSWORD, "/_/buckets/hostile/")
    shown = browser.text("#objects")
    assert all(name in shown for name in (HOSTILE[0], "line[U+000A]break", "..", "鶴"))
    assert browser.script("return document.documentElement.scrollWidth") <= 380
    links = "return [...document.querySelectorAll('.rows a.main')].map(a => a.getAttribute('href'))"
    for path in browser.script(links):
        browser.go(path)
        assert browser.text("h1") and browser.script("return document.documentElement.scrollWidth") <= 380
    assert browser.complaints() == [], "nothing tried to run"
    # What a page of the console would show if it framed or opened the object itself:
    address = browser.script("return document.querySelector('.head a.primary').href")
    found = browser.driver.execute_async_script(
        "const done = arguments[1]; fetch(arguments[0]).then(answer => done(["
        "answer.headers.get('content-disposition'), answer.headers.get('content-security-policy')]))",
        address,
    )
    assert found[0].startswith("attachment") and found[1].startswith("sandbox")
    browser.driver.get(alice.generate_presigned_url("get_object", {"Bucket": "hostile", "Key": HOSTILE[3]}))
    assert browser.driver.title == "harmless"
    assert any("sandbox" in line for line in browser.complaints())
