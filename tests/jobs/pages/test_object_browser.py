"""The object browser: what a user sees, uploads, downloads, deletes and restores."""

from __future__ import annotations

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from jobs.models import AuditEntry
from jobs.pages.browser.one import _attachment
from proxy.bucket_settings import ENABLED
from proxy.models import User
from proxy.store import Store
from proxy.versioning import deletion
from tests.jobs.visitors import item, keys, make_person, own_bucket, put, send, signed_in, url
from tests.jobs.windows import read

HOSTILE = [
    '"><script>alert(1)<-script>',
    "line\nbreak",
    "\u202egnp.exe",
    "..",
    "ключ 鶴 🌾",
    "a b+c%2F&d=e#f?g",
]


def _alice() -> User:
    return User.objects.get(name="alice")


@pytest.fixture
def alice(site: None) -> Client:
    return signed_in(make_person())


def test_a_folder_shows_its_folders_and_objects(alice: Client) -> None:
    own_bucket(make_person("bob"), "others")
    assert alice.get(url("others")).status_code == 404
    bucket = own_bucket(_alice())
    for key in ("a.txt", "2026/b.txt", "2026/raw/c.txt"):
        put(bucket, key)
    page = read(alice, url("photos")).decode()
    assert "a.txt" in page and "?prefix=2026%2F" in page and "b.txt" not in page
    page = read(alice, url("photos", prefix="2026/")).decode()
    assert "b.txt" in page and "raw/" in page and "a.txt" not in page
    found = read(alice, url("photos", prefix="2026/", q="b")).decode()
    assert "b.txt" in found and "raw/" not in found
    assert b"No name begins with" in read(alice, url("photos", q="zzz"))


def test_pages_follow_each_other_and_keep_the_address(alice: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.pages.browser.objects.PAGE", 2)
    bucket = own_bucket(_alice())
    for number in range(5):
        put(bucket, f"in/{number}")
    seen, address = [], url("photos", prefix="in/")
    while address:
        answer = alice.get(address)
        seen += [row["name"] for row in answer.context["rows"]]
        address = answer.context["next"]
        assert not address or "prefix=in%2F" in address
    assert seen == ["0", "1", "2", "3", "4"]


def test_a_file_is_uploaded_described_and_downloaded(alice: Client) -> None:
    bucket = own_bucket(_alice())
    answer = send(alice, "photos", "2026/page.html", b"<script>1</script>", type="text/html")
    assert answer.status_code == 201 and answer.json()["key"] == "2026/page.html"
    info = Store.of(bucket).head("2026/page.html")
    assert info.owner_id == bucket.owner_id and info.headers["content-type"] == "text/html"
    page = read(alice, url("photos", "object/", key="2026/page.html")).decode()
    assert info.etag in page and "CRC64NVME" in page and "18 bytes" in page
    saved = alice.get(url("photos", "download/", key="2026/page.html"))
    assert b"".join(saved.streaming_content) == b"<script>1</script>"
    assert saved["Content-Disposition"].startswith("attachment;") and saved["Content-Length"] == "18"
    assert saved["Content-Security-Policy"].startswith("sandbox")
    assert saved["X-Content-Type-Options"] == "nosniff"
    entry = AuditEntry.objects.get(action="object-upload")
    assert entry.actor == "alice" and entry.detail["key"] == "2026/page.html"


def test_an_object_is_replaced_only_for_who_asked_for_it(alice: Client) -> None:
    bucket = own_bucket(_alice())
    put(bucket, "k", b"old")
    assert alice.get(url("photos", "upload/", key="k", size=3)).status_code == 412
    assert send(alice, "photos", "k", b"new").json()["code"] == "PreconditionFailed"
    form = {"files": [SimpleUploadedFile("k", b"new"), SimpleUploadedFile("l", b"more")]}
    page = alice.post(url("photos", "upload/"), form, follow=True).content.decode()
    assert "1 object uploaded" in page and "k: there is an object of this name already" in page
    assert Store.of(bucket).head("k").size == 3 and keys(bucket) == ["k", "l"]
    assert send(alice, "photos", "k", b"newer", replace=1).status_code == 201
    assert Store.of(bucket).head("k").size == 5


@pytest.mark.parametrize("key", ["", "folder/", "x" * 1025])
def test_a_name_that_cannot_be_is_refused(alice: Client, key: str) -> None:
    bucket = own_bucket(_alice())
    answer = send(alice, "photos", key, b"x")
    assert answer.status_code == 400 and set(answer.json()) == {"error", "code"}
    assert keys(bucket) == []


def test_a_selection_is_deleted_after_its_number_was_said(alice: Client) -> None:
    bucket = own_bucket(_alice())
    names = [*HOSTILE, "stays"]
    for name in names:
        put(bucket, name)
    chosen = {"item": [item(name) for name in HOSTILE]}
    page = alice.post(url("photos", "delete/"), chosen)
    assert f"Delete {len(HOSTILE)} objects from photos?" in page.content.decode()
    assert len(keys(bucket)) == len(names), "asking deletes nothing"
    assert f'name="item" value="{item(HOSTILE[1])}"' in page.content.decode()
    answer = alice.post(url("photos", "delete/"), chosen | {"confirmed": "1"}, follow=True)
    assert f"{len(HOSTILE)} objects deleted." in answer.content.decode()
    assert keys(bucket) == ["stays"]
    assert AuditEntry.objects.get(action="object-delete").detail["count"] == len(HOSTILE)


def test_hostile_names_are_shown_and_opened_harmlessly(alice: Client) -> None:
    bucket = own_bucket(_alice())
    for name in HOSTILE:
        put(bucket, name)
    page = read(alice, url("photos")).decode()
    assert "<script>alert" not in page and "line[U+000A]break" in page and "[U+202E]gnp.exe" in page
    for row in alice.get(url("photos")).context["rows"]:
        assert alice.get(row["url"]).status_code == 200
        saved = alice.get(row["download"])
        assert b"".join(saved.streaming_content) == b"0123456789"
        assert not set("\r\n\u202e") & set(saved["Content-Disposition"])


def test_no_page_holds_inline_script_or_style(alice: Client) -> None:
    put(own_bucket(_alice(), versioning=ENABLED), "k")
    pages = [alice.get(url("photos")), alice.get(url("photos", versions=1)), alice.get(url("photos", q="z"))]
    pages += [alice.get(url("photos", "object/", key="k")), alice.get("/_/buckets/")]
    pages += [alice.post(url("photos", "delete/"), {"item": item("k")}), alice.get(url("none"))]
    for page in pages:
        text = page.content.decode()
        assert not re.search(r"<script(?![^>]*\bsrc=)[^>]*>\s*\S|\son[a-z]+=|\sstyle=", text)
        assert "script-src 'self';" in page["Content-Security-Policy"]
        assert "no-store" in page["Cache-Control"]


def test_attachments_keep_the_name_and_lose_what_is_dangerous() -> None:
    assert _attachment("a/b c.txt") == "attachment; filename=\"b c.txt\"; filename*=UTF-8''b%20c.txt"
    assert _attachment('x/"\\\r\n') == "attachment; filename=\"____\"; filename*=UTF-8''%22%5C__"
    assert "filename*=UTF-8''%E9%B6%B4" in _attachment("鶴")


def test_versions_are_shown_restored_and_deleted(alice: Client) -> None:
    bucket = own_bucket(_alice(), versioning=ENABLED)
    first = send(alice, "photos", "k", b"first", type="text/plain").json()["version"]
    second = send(alice, "photos", "k", b"second").json()["version"]
    assert first != second != "null"
    done = {"item": item("k"), "confirmed": "1"}
    alice.post(url("photos", "delete/"), done)
    assert keys(bucket) == [] and b"This bucket is empty" in read(alice, url("photos"))
    rows = alice.get(url("photos", versions=1)).context["rows"]
    assert [(row["marker"], row["latest"]) for row in rows] == [(True, True), (False, False), (False, False)]
    page = alice.post(url("photos", "restore/"), {"item": item("k", first)}, follow=True)
    assert b"current one again" in page.content
    assert Store.of(bucket).head("k").size == 5
    assert Store.of(bucket).head("k").headers["content-type"] == "text/plain"
    alice.post(url("photos", "delete/"), {"item": item("k", second), "confirmed": "1", "versions": "1"})
    left = [row["version"] for row in alice.get(url("photos", versions=1)).context["rows"]]
    assert first in left and second not in left and len(left) == 3


def test_a_locked_version_stays_and_says_why(alice: Client) -> None:
    lock = {"object_lock": True, "lock_mode": "GOVERNANCE", "lock_days": 1}
    bucket = own_bucket(_alice(), versioning=ENABLED, **lock)
    version = send(alice, "photos", "k", b"1").json()["version"]
    assert b"Governance" in read(alice, url("photos", "object/", key="k"))
    page = alice.post(url("photos", "delete/"), {"item": item("k", version), "confirmed": "1"}, follow=True)
    assert b"object lock" in page.content
    assert Store.of(bucket).head("k", version).size == 1


def test_a_missing_object_is_not_found(alice: Client) -> None:
    bucket = own_bucket(_alice(), versioning=ENABLED)
    put(bucket, "k", version_id="one")
    Store.of(bucket).delete(deletion(bucket.settings, "k"))
    for path in (url("photos", "object/", key="k"), url("photos", "download/", key="nothing")):
        assert alice.get(path).status_code == 404
    assert alice.get(url("photos", "object/")).status_code == 400
    assert alice.post(url("photos", "delete/"), {"item": "nonsense"}).status_code == 400
    assert alice.post(url("photos", "restore/"), {"item": item("k", "two")}).status_code == 404


def test_what_its_writers_key_seals_is_described_and_deleted_but_not_read_here(alice: Client) -> None:
    bucket = own_bucket(_alice(), versioning=ENABLED)
    put(bucket, "k", b"secret", version_id="one", customer_key=b"k" * 32)
    put(bucket, "k", b"newer", version_id="two")
    page = read(alice, url("photos", "object/", key="k", version="one")).decode()
    assert "own (SSE-C)" in page and "cannot be downloaded here" in page
    assert "download/" not in page and "restore/" not in page
    for answer in (
        alice.get(url("photos", "download/", key="k", version="one")),
        alice.post(url("photos", "restore/"), {"item": item("k", "one")}),
    ):
        assert answer.status_code == 400 and "only an S3 client with that key" in answer.content.decode()
    alice.post(url("photos", "delete/"), {"item": item("k", "one"), "confirmed": "1", "versions": "1"})
    assert [row["version"] for row in alice.get(url("photos", versions=1)).context["rows"]] == ["two"]
    assert "download/" in read(alice, url("photos", "object/", key="k")).decode()
