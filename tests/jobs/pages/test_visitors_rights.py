"""What a session without staff rights may not do: every route is walked over, every write is refused."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from jobs.api import urls as api_urls
from jobs.models import AuditEntry, Job
from jobs.pages import urls as page_urls
from proxy.backends.values import NewObject
from proxy.models import User
from proxy.records import find_bucket
from proxy.store import Store
from tests.jobs.kinds.world import Bytes
from tests.jobs.visitors import (
    PASSWORD,
    item,
    keys,
    make_person,
    own_bucket,
    put,
    send,
    shut,
    signed_in,
    url,
)
from tests.jobs.windows import ADMIN, make_job, read

VISITORS = {
    "page": {
        "home",
        "login",
        "logout",
        "buckets",
        "objects",
        "object",
        "download",
        "upload",
        "delete",
        "restore",
    },
    "api": {"login", "logout", "busy"},
}
"""All that is open to a user of the gateway; whatever else is routed answers 403."""
ROUTES = [("/_/", "page", page_urls.urlpatterns), ("/_/api/", "api", api_urls.urlpatterns)]


def _path(root: str, route: str) -> str:
    job = Job.objects.get()
    names = {"job_id": job.public_id, "action": "cancel", "bucket": "photos", "name": "root"}
    for name, value in names.items():
        route = route.replace(f"<str:{name}>", value)
    assert "<" not in route, f"the test does not know a part of {route}"
    return root + route


def test_every_other_route_refuses_a_user(site: None) -> None:
    person = make_person()
    own_bucket(person)
    job = make_job("running")
    client, seen = signed_in(person), 0
    for root, world, patterns in ROUTES:
        for pattern in patterns:
            if pattern.name in VISITORS[world]:
                continue
            path = _path(root, str(pattern.pattern))
            for answer in (client.get(path), client.post(path, {}, content_type="application/json")):
                seen += 1
                assert answer.status_code == 403 or (world == "page" and answer.status_code == 405), path
                if world == "api":
                    assert answer.json()["code"] == "Forbidden" and answer.json()["error"], path
            assert client.get(path).status_code == 403, path
    assert seen >= 30
    job.refresh_from_db()
    assert job.status == "running"


def test_the_busy_state_is_told_for_buckets_that_the_user_sees(site: None) -> None:
    person = make_person()
    own_bucket(person)
    own_bucket(make_person("bob"), "secret")
    client = signed_in(person)
    answer = client.get(f"{ADMIN}/jobs/bucket/photos")
    assert answer.json() == {"active": None}
    again = client.get(f"{ADMIN}/jobs/bucket/photos", headers={"If-None-Match": answer["ETag"]})
    assert again.status_code == 304
    job = make_job("running", gated=True, phase="copy")
    active = client.get(f"{ADMIN}/jobs/bucket/photos", headers={"If-None-Match": answer["ETag"]}).json()
    assert active["active"]["id"] == job.public_id and active["active"]["gated"] is True
    for name in ("secret", "nowhere", "-"):
        refused = client.get(f"{ADMIN}/jobs/bucket/{name}")
        assert refused.status_code == 404 and refused.json()["code"] == "NoSuchBucket", name


def test_a_user_signs_in_and_begins_with_the_buckets(site: None) -> None:
    own_bucket(make_person())
    own_bucket(make_person("bob"), "secret")
    client = Client()
    form = {"username": "alice", "password": PASSWORD}
    answer = client.post("/_/login/", form, follow=True)
    page = answer.content.decode()
    assert answer.redirect_chain[-1][0] == "/_/buckets/" and "photos" in page and "secret" not in page
    assert "/_/jobs/" not in page and "/_/admin/" not in page and "Backend" not in page
    assert client.get("/_/admin/", follow=True).status_code == 403
    User.objects.filter(name="alice").update(enabled=False)
    assert client.get("/_/buckets/").status_code == 403


def test_who_may_only_read_is_offered_nothing_else_and_refused(site: None) -> None:
    bucket = own_bucket(make_person("bob"), "shared")
    put(bucket, "k")
    arns = ["arn:aws:s3:::shared", "arn:aws:s3:::shared/*"]
    reader = make_person(policy={"Action": ["s3:ListBucket", "s3:GetObject"], "Resource": arns})
    client = signed_in(reader)
    assert "shared" in client.get("/_/buckets/").content.decode()
    page = client.get(url("shared")).content.decode()
    assert 'name="files"' not in page and 'name="item"' not in page and "Delete" not in page
    page = client.get(url("shared", "object/", key="k")).content.decode()
    assert "Download" in page and "Delete" not in page
    assert read(client, url("shared", "download/", key="k"))
    assert client.get(url("shared", "upload/", key="n", size=1)).status_code == 403
    assert send(client, "shared", "n", b"x").json()["code"] == "AccessDenied"
    assert client.post(url("shared", "delete/"), {"item": item("k")}).status_code == 403
    client.post(url("shared", "delete/"), {"item": item("k"), "confirmed": "1"})
    assert keys(bucket) == ["k"]
    refusals = AuditEntry.objects.filter(actor="alice", action__startswith="object-")
    assert {entry.detail["outcome"] for entry in refusals} == {"refused"}


def test_who_may_only_list_may_not_download(site: None) -> None:
    put(own_bucket(make_person("bob"), "shared"), "k")
    client = signed_in(make_person(policy={"Action": "s3:ListBucket", "Resource": "arn:aws:s3:::shared"}))
    assert "Download" not in client.get(url("shared")).content.decode()
    for page in ("object/", "download/"):
        assert client.get(url("shared", page, key="k")).status_code == 403


def test_a_policy_for_one_folder_opens_that_folder_alone(site: None) -> None:
    bucket = own_bucket(make_person("bob"), "shared")
    put(bucket, "home/alice/k")
    condition = {"StringLike": {"s3:prefix": "home/alice/*"}}
    policy = {"Action": "s3:ListBucket", "Resource": "arn:aws:s3:::shared", "Condition": condition}
    client = signed_in(make_person(policy=policy))
    assert client.get(url("shared", prefix="home/alice/")).status_code == 200
    for prefix in ("", "home/", "home/bob/"):
        assert client.get(url("shared", prefix=prefix)).status_code == 404, prefix


def test_a_gated_bucket_says_so_and_offers_no_writes(site: None) -> None:
    person = make_person()
    bucket = own_bucket(person)
    put(bucket, "k")
    job = make_job("running", bucket_id=bucket.id, gated=True, phase="copy")
    shut(bucket)
    client = signed_in(person)
    for path in (url("photos"), url("photos", "object/", key="k")):
        page = client.get(path).content.decode()
        assert "takes no writes now" in page and f'data-job="{job.public_id}"' in page
        assert 'name="files"' not in page and 'name="item"' not in page, path
    answer = send(client, "photos", "n", b"x")
    assert answer.status_code == 503 and answer.json()["code"] == "SlowDown" and answer["Retry-After"]
    assert client.get(url("photos", "upload/", key="n", size=1)).status_code == 503
    kept = client.post(url("photos", "delete/"), {"item": item("k"), "confirmed": "1"})
    assert kept.status_code == 503 and item("k") in kept.content.decode()
    assert keys(find_bucket("photos")) == ["k"]
    saved: Any = client.get(url("photos", "download/", key="k"))
    assert b"".join(saved.streaming_content) == b"0123456789"


def test_an_object_of_another_owner_is_not_shown_to_the_buckets_owner(site: None) -> None:
    person = make_person()
    bucket = own_bucket(person)
    put(bucket, "mine")
    stranger = make_person("bob")
    Store.of(bucket).put(NewObject(key="theirs", owner_id=stranger.owner_id), Bytes(b"x"))
    client = signed_in(person)
    assert client.get(url("photos", "object/", key="mine")).status_code == 200
    assert client.get(url("photos", "download/", key="theirs")).status_code == 403


@pytest.mark.parametrize("page", ["", "object/", "download/", "upload/"])
def test_who_is_not_signed_in_is_sent_to_the_door(site: None, page: str) -> None:
    own_bucket(make_person())
    assert Client().get(url("photos", page, key="k")).status_code == 302
    assert (
        Client().get(url("photos", page, key="k"), headers={"Accept": "application/json"}).status_code == 401
    )
