"""Routes and buckets over real processes, control databases and filesystem backends."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.sites import Actor, ActorError, Site


def _refusal(actor: Actor, do: str, **arguments: object) -> str:
    with pytest.raises(ActorError) as error:
        actor.call(do, **arguments)
    return error.value.kind


def _places(site: Site, backend: str = "local") -> list[Path]:
    return sorted(path for path in (site.home / backend).glob("*~*") if path.is_dir())


def test_a_new_bucket_is_whole_for_every_process(site: Site) -> None:
    one, two = site.actor(), site.actor()
    one.call("create", name="photos")
    two.call("put", name="photos", key="a", text="hello")
    assert one.call("get", name="photos", key="a") == "hello"


def test_a_name_that_is_taken_is_told_apart_by_its_owner(site: Site) -> None:
    actor = site.actor()
    actor.call("create", name="photos")
    assert _refusal(actor, "create", name="photos") == "BucketAlreadyOwnedByYou"
    assert _refusal(actor, "create", name="photos", owner="another") == "BucketAlreadyExists"
    assert len(_places(site)) == 1


def test_of_processes_that_create_the_same_buckets_each_has_one_winner_and_nothing_is_left_over(
    site: Site,
) -> None:
    names = [f"bucket-{number}" for number in range(12)]
    actors = [site.actor() for _ in range(4)]
    for actor in actors:
        actor.send("create_many", names=names, owner="o")
    made = [name for actor in actors for name in actor.receive()]
    assert sorted(made) == sorted(names)
    assert len(_places(site)) == len(names)


def test_a_creation_that_is_killed_leaves_no_bucket_and_the_name_free(site: Site) -> None:
    one, two = site.actor(), site.actor()
    one.send("create_and_die", name="photos")
    assert one.process.wait(10) == -9
    assert _refusal(two, "get", name="photos", key="a") == "NoSuchBucket"
    two.call("create", name="photos")
    two.call("put", name="photos", key="a", text="hello")
    assert two.call("get", name="photos", key="a") == "hello"


def test_a_deletion_that_is_killed_leaves_no_bucket_and_the_name_free(site: Site) -> None:
    one, two = site.actor(), site.actor()
    one.call("create", name="photos")
    one.send("delete_and_die", name="photos")
    assert one.process.wait(10) == -9
    two.call("create", name="photos")
    assert _refusal(two, "get", name="photos", key="a") == "NoSuchKey"


def test_only_an_empty_bucket_with_an_open_gate_is_deleted(site: Site) -> None:
    actor = site.actor()
    bucket = actor.call("create", name="photos")
    actor.call("put", name="photos", key="a", text="hello")
    assert _refusal(actor, "delete", name="photos") == "BucketNotEmpty"
    assert actor.call("get", name="photos", key="a") == "hello"
    actor.call("create", name="empty")
    actor.call("delete", name="empty")
    assert _refusal(actor, "delete", name="empty") == "NoSuchBucket"
    actor.call("close", bucket=bucket, holder="maintenance:1")
    assert _refusal(actor, "delete", name="photos") == "SlowDown"
    assert len(_places(site)) == 1


def test_a_bucket_deletion_waits_for_the_write_in_flight_and_then_finds_its_object(site: Site) -> None:
    one, two = site.actor(), site.actor()
    one.call("create", name="photos")
    two.call("enter", handle="a", name="photos")
    one.send("delete", name="photos")
    assert not one.answered(0.3)
    two.call("put_entered", handle="a", key="late", text="hello")
    two.call("leave", handle="a")
    with pytest.raises(ActorError, match="BucketNotEmpty"):
        one.receive()


def test_a_backend_is_built_anew_in_a_forked_child(sqlite_site: Site) -> None:
    actor = sqlite_site.actor()
    actor.call("create", name="photos")
    actor.call("put", name="photos", key="a", text="hello")
    assert actor.call("fork_gets", name="photos", key="a") == "hello"
    actor.call("put", name="photos", key="b", text="still mine")
    assert actor.call("get", name="photos", key="b") == "still mine"


def test_processes_that_prepare_at_once_agree_on_every_place(site: Site) -> None:
    actors = [site.actor() for _ in range(4)]
    for actor in actors:
        actor.send("prepare")
    found = [actor.receive() for actor in actors]
    assert set(found[0]) == {"local", "archive"}
    assert all(answer == found[0] for answer in found)


def test_a_disk_that_is_not_mounted_is_unavailable_and_never_an_empty_backend(sqlite_site: Site) -> None:
    one = sqlite_site.actor()
    one.call("create", name="photos")
    one.call("prepare")
    shutil.move(sqlite_site.home / "local", sqlite_site.home / "elsewhere")
    two = sqlite_site.actor()
    assert set(two.call("prepare")) == {"archive"}
    assert _refusal(two, "get", name="photos", key="a") == "BackendUnavailable"
    assert _refusal(two, "create", name="more") == "BackendUnavailable"
    (sqlite_site.home / "local").mkdir()  # the empty mount point
    assert _refusal(two, "get", name="photos", key="a") == "BackendUnavailable"
    (sqlite_site.home / "local").rmdir()
    shutil.move(sqlite_site.home / "elsewhere", sqlite_site.home / "local")
    assert _refusal(two, "get", name="photos", key="a") == "NoSuchKey"  # it is back, without a restart


def test_a_name_that_shows_another_place_is_unavailable(sqlite_site: Site) -> None:
    one = sqlite_site.actor()
    one.call("prepare")
    one.kill()
    shutil.move(sqlite_site.home / "local", sqlite_site.home / "swap")
    shutil.move(sqlite_site.home / "archive", sqlite_site.home / "local")
    shutil.move(sqlite_site.home / "swap", sqlite_site.home / "archive")
    assert sqlite_site.actor().call("prepare") == {}


def test_one_place_under_two_names_is_reported(sqlite_site: Site) -> None:
    config = sqlite_site.home / "two-names.yaml"
    config.write_text(
        "storage:\n  backends:\n"
        "    - {name: local, type: filesystem, path: local}\n"
        "    - {name: also, type: filesystem, path: local}\n"
        "  default_backend: local\n"
    )
    found = sqlite_site.actor(SLUICEGATE_CONFIG=str(config)).call("prepare")
    assert found["local"] == found["also"]
