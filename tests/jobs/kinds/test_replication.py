"""A rule brings its destination in line, and then finds nothing more to do."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.errors import Deferred, JobFailed
from jobs.kinds.outages import PATIENCE_MS
from jobs.kinds.replicas.pacing import Throttle
from jobs.kinds.replicate import Replicate
from jobs.kinds.replication.ground import Ground, Limits
from jobs.kinds.replication.grouping import Wanted, item_of
from proxy import gate, routes
from proxy.errors import (
    AccessDenied,
    BackendUnavailable,
    InternalError,
    NoSuchBucket,
    NoSuchUpload,
    S3Error,
    SlowDown,
)
from proxy.records import find_bucket
from proxy.store import Store
from tests.jobs.kinds.conftest import every_pair
from tests.jobs.kinds.driving import InTestWork, Saved, nothing
from tests.jobs.kinds.replicating import DESTINATION, SOURCE, content, copied, delete, rule
from tests.jobs.kinds.world import (
    KIB,
    MIB,
    NOW_MS,
    fill,
    keys,
    make_bucket,
    noise,
    open_upload,
    put,
    put_in_parts,
)

pytestmark = pytest.mark.django_db


@every_pair
def test_everything_is_copied_with_its_facts_and_a_second_run_copies_nothing(
    backends: tuple[str, str],
) -> None:
    mirror = rule()
    fill(mirror.source)
    first = mirror.run()
    assert copied(first) == len(keys(mirror.source)) and first.issues == []
    assert content(mirror.destination) == content(mirror.source)
    second = mirror.run()
    assert copied(second) == 0 and second.processed == first.processed
    assert mirror.notes["whole"] is True and mirror.notes["large"] == []
    assert mirror.destination.list_uploads().uploads == ()


def test_only_what_changed_moves(backends: tuple[str, str]) -> None:
    mirror = rule(replicate_deletes=True)
    for number in range(20):
        put(mirror.source, f"key-{number:02d}", noise(number, 300 * number))
    mirror.run()
    put(mirror.source, "key-03", b"another")
    put(mirror.source, "new", b"new")
    delete(mirror.source, "key-07")
    run = mirror.run()
    assert (copied(run), run.deleted) == (2, 1)
    assert content(mirror.destination) == content(mirror.source)


def test_prefixes_are_mapped_and_nothing_outside_of_them_is_touched(backends: tuple[str, str]) -> None:
    mirror = rule(
        source={"bucket": "releases", "prefix": "fw/"},
        destination={"bucket": DESTINATION, "prefix": "mirror/fw/"},
        replicate_deletes=True,
    )
    for key in ("fw/a", "fw/b/c", "fw", "fx/d", "fw/"):
        put(mirror.source, key, key.encode())
    for key in ("mirror/fw/extra", "mirror/fv", "mirror/fw", "fw/a", "z"):
        put(mirror.destination, key, b"theirs")
    run = mirror.run()
    assert keys(mirror.destination) == ["fw/a", "mirror/fv", "mirror/fw", "mirror/fw/a", "mirror/fw/b/c", "z"]
    assert (copied(run), run.deleted) == (2, 1)


def test_globs_say_what_is_copied_and_what_may_be_deleted(backends: tuple[str, str]) -> None:
    mirror = rule(include_globs=["*.bin"], exclude_globs=["old*"], replicate_deletes=True)
    for key in ("a.bin", "a.txt", "old.bin", "d/a.bin"):
        put(mirror.source, key, b"x")
    for key in ("gone.bin", "gone.txt", "oldest.bin"):
        put(mirror.destination, key, b"x")
    mirror.run()
    assert keys(mirror.destination) == ["a.bin", "gone.txt", "oldest.bin"]


def test_deletes_are_replicated_only_if_the_rule_says_so(backends: tuple[str, str]) -> None:
    mirror = rule()
    put(mirror.source, "a")
    mirror.run()
    delete(mirror.source, "a")
    assert mirror.run().deleted == 0 and keys(mirror.destination) == ["a"]
    mirror.said["replicate_deletes"] = True
    assert mirror.run().deleted == 1 and keys(mirror.destination) == []


def test_what_a_listing_lacked_is_deleted_only_if_the_source_has_none(backends: tuple[str, str]) -> None:
    mirror = rule(replicate_deletes=True)
    put(mirror.source, "there")
    for key in ("there", "not there"):
        put(mirror.destination, key, b"theirs")
    extra = item_of("", [Wanted("there"), Wanted("not there")])
    work = InTestWork(Saved(SOURCE, "", mirror.said, NOW_MS, mode="reconcile"), nothing)
    assert Replicate().apply(work, "reconcile", extra).deleted == 1
    assert keys(mirror.destination) == ["there"]


@pytest.mark.parametrize("error", [BackendUnavailable, SlowDown, NoSuchBucket, InternalError, AccessDenied])
def test_an_error_of_the_source_is_no_absence(
    error: type[S3Error], backends: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = rule(replicate_deletes=True)
    put(mirror.destination, "a", b"theirs")

    def fails(*_: Any, **__: Any) -> Any:
        raise error()

    monkeypatch.setattr(type(mirror.source.backend), "open", fails)
    with pytest.raises(error):
        mirror.run()
    assert keys(mirror.destination) == ["a"]


def test_a_large_object_goes_over_in_pieces_and_its_upload_does_not_stay(
    backends: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = rule()
    monkeypatch.setattr(type(mirror.destination.backend), "can_link", lambda self, reader: False)
    put(mirror.source, "large", noise(1, 700 * KIB + 3), metadata={"camera": "one"}, tags={"a": "b"})
    put(mirror.source, "small", b"x")
    run = mirror.run()
    assert content(mirror.destination) == content(mirror.source)
    assert copied(run) == 2 and run.bytes_done == 700 * KIB + 4
    assert mirror.destination.list_uploads().uploads == ()
    assert copied(mirror.run()) == 0


@pytest.mark.parametrize("backends", [("memory", "memory")], indirect=True)
def test_an_upload_that_was_left_goes_however_many_others_there_are(backends: tuple[str, str]) -> None:
    mirror = rule()
    for number in range(1000):
        open_upload(mirror.destination, f"theirs-{number}", "a", {})
    open_upload(mirror.destination, "replica-1-left", "b", {})
    open_upload(mirror.destination, "replica-11-another-rule", "b", {})
    mirror.run()
    assert len(mirror.destination.list_uploads(limit=2000).uploads) == 1001
    with pytest.raises(NoSuchUpload):
        mirror.destination.head_upload("replica-1-left")


def test_a_large_replica_that_is_deleted_goes_over_again(backends: tuple[str, str]) -> None:
    mirror = rule()
    put(mirror.source, "large", noise(1, 700 * KIB))
    mirror.run()
    for mode in ("reconcile", "retry"):
        delete(mirror.destination, "large")
        assert copied(mirror.run(mode, keys=("large",))) == 1
        assert content(mirror.destination) == content(mirror.source)


def test_an_object_of_large_parts_goes_over_in_smaller_pieces(
    backends: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each piece has the whole time of an object."""
    mirror = rule()
    monkeypatch.setattr(type(mirror.destination.backend), "can_link", lambda self, reader: False)
    put_in_parts(mirror.source, "k", noise(1, 5 * MIB), noise(2, 300))
    pieces: list[int] = []
    real = type(mirror.destination).put_part

    def put_part(store: Store, upload: str, number: int, body: Any, carried: Any = None) -> Any:
        pieces.append(body.length)
        return real(store, upload, number, body, carried)

    monkeypatch.setattr(Store, "put_part", put_part)
    mirror.run()
    assert max(pieces) == mirror.limits.part_bytes and sum(pieces) == 5 * MIB + 300
    assert content(mirror.destination) == content(mirror.source)


def test_a_closed_gate_defers_and_nothing_is_written(backends: tuple[str, str]) -> None:
    mirror = rule()
    put(mirror.source, "a")
    assert gate.close(find_bucket(DESTINATION).id, "maintenance:7")
    with pytest.raises(Deferred, match="maintenance:7"):
        mirror.run()
    assert keys(mirror.destination) == []


HOURS = [("00:00", "23:59", False), ("02:00", "03:00", True)]
"""NOW_MS is at 15:06 UTC."""


@pytest.mark.parametrize(("opens", "closes", "waits"), HOURS)
@pytest.mark.parametrize("mode", ["reconcile", "events", "retry"])
def test_outside_its_window_a_rule_waits_until_it_opens(
    mode: str, opens: str, closes: str, waits: bool, backends: tuple[str, str]
) -> None:
    mirror = rule()
    mirror.run()
    put(mirror.source, "a")
    mirror.said["window"] = {"from": opens, "to": closes, "timezone": "UTC"}
    if not waits:
        assert copied(mirror.run(mode, keys=("a",))) == 1
        return
    with pytest.raises(Deferred, match="window") as deferred:
        mirror.run(mode, keys=("a",))
    opening_ms = NOW_MS + deferred.value.wait_s * 1000
    assert opening_ms % (24 * 3600 * 1000) == 2 * 3600 * 1000
    assert keys(mirror.destination) == []


def test_an_audit_needs_no_window_since_it_moves_no_bytes(backends: tuple[str, str]) -> None:
    mirror = rule(window={"from": "02:00", "to": "03:00", "timezone": "UTC"})
    put(mirror.source, "a")
    mirror.run("verify")
    assert mirror.notes["verify"]["counts"]["missing"] == 1


def test_with_a_bandwidth_a_page_is_no_longer_than_that_brings_over_in_a_moment(
    backends: tuple[str, str],
) -> None:
    mirror = rule(bandwidth=1000 * KIB)
    ground = Ground(InTestWork(Saved(SOURCE, "", mirror.said, NOW_MS), nothing), Limits())
    assert (ground.limits.page_bytes, ground.limits.large_bytes) == (2000 * KIB, 5 * MIB)
    assert ground.pacing.throttle is ground.pacing.throttle is not None


def test_the_pieces_of_an_object_are_of_one_size_though_the_bandwidth_changes(
    backends: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = rule(bandwidth=3 * MIB)
    mirror.limits = Limits(large_bytes=8 * MIB, part_bytes=8 * MIB, page_bytes=8 * MIB)
    monkeypatch.setattr(type(mirror.destination.backend), "can_link", lambda self, reader: False)
    monkeypatch.setattr(Throttle, "take", lambda self, amount: 0.0)
    put(mirror.source, "large", noise(1, 17 * MIB))
    checkpoints = 0

    def changes(event: str) -> None:
        nonlocal checkpoints
        checkpoints += event == "checkpoint"
        if checkpoints == 4:
            mirror.said["bandwidth"] = None

    mirror.happens = changes
    run = mirror.run()
    assert copied(run) == 1 and checkpoints > 4 and run.bytes_done == 17 * MIB
    assert content(mirror.destination) == content(mirror.source)
    assert mirror.destination.head("large").parts == ()


def test_a_spec_that_is_none_fails_the_run(backends: tuple[str, str]) -> None:
    mirror = rule(conflict="older-wins")
    with pytest.raises(JobFailed, match="older-wins"):
        mirror.run()


def test_a_destination_that_is_gone_fails_the_run(backends: tuple[str, str]) -> None:
    mirror = rule()
    put(mirror.source, "a")
    routes.delete_bucket(find_bucket(DESTINATION))
    with pytest.raises(JobFailed, match=f"Bucket {DESTINATION} does not exist"):
        mirror.run()


def test_a_destination_that_goes_between_two_changes_fails_the_run_and_no_object(
    backends: tuple[str, str],
) -> None:
    mirror = rule()
    mirror.run()
    put(mirror.source, "a")
    routes.delete_bucket(find_bucket(DESTINATION))
    with pytest.raises(JobFailed, match=f"Bucket {DESTINATION} does not exist") as failed:
        mirror.run("events")
    assert failed.value.code == "NoSuchBucket"
    make_bucket(DESTINATION)
    mirror.run("events")
    assert mirror.notes["whole"] is False, "a walk is needed"
    mirror.run()
    assert keys(mirror.destination) == ["a"]


def test_a_side_that_stays_away_defers_the_run_and_fails_no_object(
    backends: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = rule()
    put(mirror.source, "a")
    work = InTestWork(Saved(SOURCE, "", mirror.said, NOW_MS, mode="reconcile"), nothing)
    item = item_of("", [Wanted("a")])

    def away(*_: Any, **__: Any) -> Any:
        raise BackendUnavailable("the disk is not mounted")

    with monkeypatch.context() as patch:
        patch.setattr(type(mirror.destination.backend), "put", away)
        for later_ms in (0, PATIENCE_MS, 2 * PATIENCE_MS):
            work.clock_ms = NOW_MS + later_ms
            with pytest.raises(BackendUnavailable):
                Replicate().apply(work, "reconcile", item)
        patch.setattr(type(mirror.destination.backend), "check", away)
        with pytest.raises(Deferred, match="not mounted"):
            Replicate().apply(work, "reconcile", item)
    assert Replicate().apply(work, "reconcile", item).objects == 1
    assert work.local.get("away since") is None
