"""What the tests of the object browser make: users of the gateway who sign in, and what they find."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from django.test import Client

from proxy import attachments, gate, routes, users
from proxy.backends.values import NewObject
from proxy.bucket_settings import BucketSettings
from proxy.models import User
from proxy.records import BucketRecord, change_settings, find_bucket
from proxy.store import Store
from tests.jobs.kinds.world import Bytes

PASSWORD = "a marsh full of cranes"


def make_person(name: str = "alice", *, policy: dict[str, Any] | None = None) -> User:
    """A user who can sign in; with a policy of that one statement."""
    person = users.create_user(name, password=PASSWORD)
    if policy is not None:
        text = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **policy}]})
        attachments.attach(person, "granted", text)
    return person


def signed_in(person: User) -> Client:
    client = Client()
    assert person.login is not None
    client.force_login(person.login)
    return client


def own_bucket(person: User, name: str = "photos", **settings: Any) -> BucketRecord:
    record = routes.create_bucket(name, person.owner_id, 1_750_000_000_000)
    if settings:
        assert isinstance(change_settings(record, **settings), BucketSettings)
    return find_bucket(name)


def put(bucket: BucketRecord, key: str, body: bytes = b"0123456789", **facts: Any) -> str:
    """The version id."""
    new = NewObject(key=key, owner_id=bucket.owner_id, **facts)
    return Store.of(bucket).put(new, Bytes(body)).version_id


def keys(bucket: BucketRecord) -> list[str]:
    return [info.key for info in Store.of(bucket).list().objects]


def shut(bucket: BucketRecord) -> None:
    """Close the gate, as a job does."""
    assert gate.close(bucket.id, "job:1") is not None


def item(key: str, version: str = "") -> str:
    return urlencode({"key": key, "version": version} if version else {"key": key})


def url(bucket: str, page: str = "", **query: Any) -> str:
    return f"/_/buckets/{bucket}/{page}" + (f"?{urlencode(query)}" if query else "")


def send(client: Client, bucket: str, key: str, body: bytes, **query: Any) -> Any:
    """Upload as the page's script does."""
    return client.post(
        url(bucket, "upload/", key=key, **query),
        body,
        content_type="application/octet-stream",
        headers={"Accept": "application/json"},
    )
