"""Everything that Django serves is fenced: the console shares its origin with objects."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from tests.jobs.windows import make_bucket, make_job, read

PAGES = [
    "/_/login/",
    "/_/jobs/",
    "/_/migrate/",
    "/_/buckets/",
    "/_/admin/",
    "/_/api/admin/jobs",
    "/_/nowhere",
]


@pytest.mark.parametrize("path", PAGES)
def test_every_answer_forbids_inline_script_frames_and_other_hosts(boss: Client, path: str) -> None:
    make_bucket()
    make_job("running")
    answer = boss.get(path, follow=True)
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "script-src 'self';" in policy and "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy and "form-action 'self'" in policy
    assert answer["X-Content-Type-Options"] == "nosniff"
    page = answer.content.decode()
    assert not re.search(r"<script(?![^>]*\bsrc=)[^>]*>\s*\S", page)
    assert not re.search(r"\son[a-z]+=|\sstyle=", page)
    assert not re.search(r'(?:src|href|action)="(?:https?:)?//', page)


def test_pages_are_not_kept_by_caches(boss: Client) -> None:
    assert "no-store" in boss.get("/_/jobs/")["Cache-Control"]


def test_every_static_file_that_a_page_names_is_served(boss: Client) -> None:
    page = boss.get("/_/jobs/").content.decode()
    files = re.findall(r'(?:src|href)="(/_/static/[^"]+)"', page)
    assert len(files) >= 4
    for path in files:
        assert read(boss, path), path
