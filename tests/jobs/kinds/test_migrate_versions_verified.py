"""Verification finds every way in which the versions of a copy can differ from those of its source."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from jobs.errors import JobFailed
from proxy.backends.base import ReaderBody
from proxy.backends.values import COMPLIANCE, GOVERNANCE, Amendment, Deletion, NewObject
from proxy.records import find_bucket
from proxy.store import Store
from tests.jobs.kinds.migrating import job, staged, versioned_bucket
from tests.jobs.kinds.world import Bytes, mark, noise, put, versions

pytestmark = pytest.mark.usefixtures("in_memory")


def _verify_fails_after(change: Any, match: str) -> None:
    versioned_bucket()
    drive = job()
    drive.run(until="verify")
    change(Store.at(staged(drive)))
    with pytest.raises(JobFailed, match=match):
        drive.run(until="flip")
    assert find_bucket("photos").route.backend == "here"


@pytest.mark.parametrize(
    ("key", "version"),
    [
        ("kept", "v-1"),
        ("kept", "v-2"),
        ("kept", "m-1"),
        ("hidden", "h-0"),
        ("hidden", "m-3"),
        ("hidden", "m-2"),
    ],
)
def test_a_version_or_marker_too_few_fails_the_job(key: str, version: str) -> None:
    _verify_fails_after(
        lambda target: target.delete(Deletion(key, version)),
        rf"^{key} \(version {version}\): the target has no such object",
    )


def test_a_null_version_too_few_fails_the_job() -> None:
    _verify_fails_after(
        lambda target: target.delete(Deletion("kept")), r"^kept: the target has no such object"
    )


@pytest.mark.parametrize("key", ["kept", "hidden", "zz"])
def test_a_version_too_many_fails_the_job(key: str) -> None:
    _verify_fails_after(
        lambda target: put(target, key, b"x", version_id="alien"),
        rf"^{key} \(version alien\): the source has no such object",
    )


def test_a_marker_too_many_fails_the_job() -> None:
    _verify_fails_after(
        lambda target: mark(target, "plain", "alien"), r"^plain \(version alien\): the source has no"
    )


def test_another_order_fails_the_job() -> None:
    def swap(target: Store) -> None:
        newest, oldest = target.head("kept", "v-3").ordinal, target.head("kept", "v-1").ordinal
        for version in ("v-1", "v-3"):
            target.delete(Deletion("kept", version))
        for version, ordinal in (("v-1", newest), ("v-3", oldest)):
            source = Store.at(find_bucket("photos").route)
            with source.open("kept", version) as reader:
                moved = NewObject.copy_of(replace(reader.info, ordinal=ordinal))
                target.put(moved, ReaderBody(reader))

    _verify_fails_after(swap, r"^kept \(version v-3\): in its place in line the target has version v-1")


def test_another_distance_in_the_same_order_fails_the_job() -> None:
    def further(target: Store) -> None:
        info = target.head("kept", "v-3")
        target.delete(Deletion("kept", "v-3"))
        target.put(NewObject.copy_of(replace(info, ordinal=info.ordinal + 9)), Bytes(noise(21, info.size)))

    _verify_fails_after(further, r"^kept \(version v-3\): ordinal is")


def test_a_marker_of_another_time_fails_the_job() -> None:
    def later(target: Store) -> None:
        marker = next(info for info in versions(target) if info.version_id == "m-1")
        target.delete(Deletion("kept", "m-1"))
        other = replace(marker, last_modified=marker.last_modified + 1)
        target.delete(Deletion("kept", "m-1", marker=True, carried=other))

    _verify_fails_after(later, r"^kept \(version m-1\): last_modified is")


@pytest.mark.parametrize(
    ("change", "fact"),
    [
        (Amendment(tags={"other": "tag"}), "tags"),
        (Amendment(acl="another"), "acl"),
        (Amendment(retention=(GOVERNANCE, 4_000_000_000_000)), "lock"),
        (Amendment(retention=(COMPLIANCE, 4_000_000_000_000)), "lock"),
        (Amendment(hold=True), "lock"),
    ],
    ids=["tags", "acl", "governance", "compliance", "hold"],
)
def test_another_fact_of_an_older_version_fails_the_job(change: Amendment, fact: str) -> None:
    _verify_fails_after(
        lambda target: target.amend("kept", "v-1", change), rf"^kept \(version v-1\): {fact} is"
    )


def test_another_body_of_an_older_version_fails_the_job() -> None:
    """A multipart ETag does not tell the bytes of the object as a whole: the parts do."""

    def swap(target: Store) -> None:
        info = target.head("in parts", "p-1")
        target.put(NewObject.copy_of(info), Bytes(noise(55, info.size)))

    _verify_fails_after(swap, r"^in parts \(version p-1\): the bytes 0 to \d+ have the MD5")
