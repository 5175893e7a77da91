"""The change feed of a bucket, as whoever serves or replicates it reads it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from proxy import routes
from proxy.backends.values import FeedLost, NewObject, Route
from proxy.errors import NoSuchBucket
from proxy.records import BucketRecord, find_bucket
from proxy.store import Store
from tests.bodies import Bytes

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture(params=["memory", "filesystem"])
def bucket(request: pytest.FixtureRequest, settings: Any, tmp_path: Path) -> Iterator[BucketRecord]:
    """An empty bucket on the backend `here`; `there` is another."""
    backends = {name: {"type": request.param, "path": str(tmp_path / name)} for name in ("here", "there")}
    settings.STORAGE = {"backends": backends, "default_backend": "here", "buckets": {}}
    yield routes.create_bucket("photos", "a" * 64, 1)
    for name in backends:
        getattr(routes.backend(name), "close", lambda: None)()


def _put(store: Store, key: str) -> None:
    store.put(NewObject(key), Bytes(b"body"))


def _move(bucket: BucketRecord) -> None:
    """The bucket is served from an empty place on `there` from now on."""
    place = routes.new_place(bucket.id, bucket.name, "there")
    routes.backend("there").create_bucket(place)
    with transaction.atomic():
        assert routes.switch(bucket.id, bucket.route, Route("there", place))


def test_what_happened_since_the_head_was_noted_is_told(bucket: BucketRecord) -> None:
    store = Store.of(bucket)
    assert store.feeds_changes
    _put(store, "before")
    noted = store.feed_head()
    assert (noted.bucket_id, noted.incarnation) == (bucket.id, bucket.route.place.incarnation)
    _put(store, "after")
    assert [change.key for change in store.changes(noted).changes] == ["after"]
    assert store.changes(noted).position == store.feed_head()


def test_a_position_of_before_a_move_is_lost_after_it(bucket: BucketRecord) -> None:
    noted = Store.of(bucket).feed_head()
    _move(bucket)
    store = Store.of(find_bucket(bucket.name))
    with pytest.raises(FeedLost):
        store.changes(noted)
    assert store.changes(store.feed_head()).changes == ()


def test_a_reader_that_finds_the_old_place_gone_does_not_go_on_at_the_new_one(bucket: BucketRecord) -> None:
    store = Store.of(bucket)
    noted = store.feed_head()
    _move(bucket)
    routes.backend("here").delete_bucket(bucket.route.place)
    with pytest.raises(FeedLost):
        store.changes(noted)
    assert store.feed_head().incarnation == find_bucket(bucket.name).route.place.incarnation


def test_the_feed_of_a_bucket_that_was_removed_is_no_feed(bucket: BucketRecord) -> None:
    store = Store.of(bucket)
    noted = store.feed_head()
    routes.delete_bucket(bucket)
    with pytest.raises(NoSuchBucket):
        store.changes(noted)
    again = Store.of(routes.create_bucket("photos", "a" * 64, 2))
    with pytest.raises(FeedLost):
        again.changes(noted)
