"""Restoring: verified first, the former database kept, killed at every step, and what differs told."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from pytest_django import Settings

from jobsite.sqlite import opening
from tests.jobsite.backed_up import Instance, make, same
from tests.jobsite.databases import contents, environ, key_in, killed_at, manage, python, refused, run

RESTORING, SWAPPING = "jobsite.backup.restoring", "jobsite.sqlite.swapping"
STEPS = [
    (RESTORING, "require_room", "after"),
    (SWAPPING, "_fold_log", "after"),
    (RESTORING, "sync_folder", "after"),
    (RESTORING, "keep_aside", "after"),
    (RESTORING, "swap", "after"),
]
CREATE = "import django; django.setup(); from proxy import routes; routes.create_bucket('later', 'o', 1)"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> Instance:
    """With a backup beside the home, and a bucket that is younger than the backup."""
    found = make(tmp_path_factory.mktemp("instance") / "home", migrated_sqlite)
    assert manage("backup", str(found.home.parent / "backup.tar"), env=found.env).returncode == 0
    done = python("-c", CREATE, env=found.env)
    assert done.returncode == 0, done.stderr
    return found


@pytest.fixture
def instance(made: Instance, tmp_path: Path, settings: Settings) -> Instance:
    found = same(made, tmp_path / "home")
    settings.HOME, settings.DB_KEY = found.home, None
    return found


@pytest.fixture
def backup(made: Instance) -> str:
    return str(made.home.parent / "backup.tar")


def _buckets(path: Path, digits: str) -> list[str]:
    return [name for (name,) in run(path, digits, "SELECT name FROM proxy_bucket ORDER BY name")]


def _asides(home: Path) -> list[Path]:
    return sorted(home.glob("replaced-*"))


def test_a_restore_brings_the_database_of_then_and_keeps_the_present_one(
    instance: Instance, backup: str
) -> None:
    digits, held = key_in(instance.home), contents(instance.path, key_in(instance.home))
    done = manage("restore", backup, "--yes", env=instance.env)
    assert done.returncode == 0, done.stderr
    assert "no bucket is routed to this place" in done.stdout, "of the bucket that is younger"
    assert _buckets(instance.path, digits) == ["empty", "photos", "videos"]
    (aside,) = _asides(instance.home)
    assert str(aside) in done.stdout
    assert contents(aside / "control.db", digits) == held
    assert manage("prepare", env=instance.env).returncode == 0
    assert len(instance.read("photos", "large")) == 100_000
    assert list((instance.home / "unpacked").iterdir()) == []


def test_without_a_yes_nothing_is_changed(instance: Instance, backup: str) -> None:
    before = instance.path.read_bytes()
    for answer in ("no\n", ""):
        assert "Nothing was changed." in refused(manage("restore", backup, env=instance.env, text=answer))
    assert instance.path.read_bytes() == before
    assert _asides(instance.home) == []
    assert manage("restore", backup, env=instance.env, text="yes\n").returncode == 0
    assert "later" not in _buckets(instance.path, key_in(instance.home))


def test_a_damaged_backup_replaces_nothing(instance: Instance, backup: str, tmp_path: Path) -> None:
    raw = bytearray(Path(backup).read_bytes())
    raw[raw.index(b"\0" * 512) - 100] ^= 1
    raw[2000] ^= 1
    (tmp_path / "bad.tar").write_bytes(raw)
    before = instance.path.read_bytes()
    refused(manage("restore", str(tmp_path / "bad.tar"), "--yes", env=instance.env))
    assert instance.path.read_bytes() == before
    assert _asides(instance.home) == []


def test_while_the_instance_is_in_use_nothing_is_replaced(instance: Instance, backup: str) -> None:
    other = opening.connect(instance.path, key_in(instance.home))
    try:
        assert "is in use" in refused(manage("restore", backup, "--yes", env=instance.env))
        assert other.execute("SELECT count(*) FROM proxy_bucket").fetchone() == (4,)
    finally:
        other.close()
    assert _asides(instance.home) == []


@pytest.mark.parametrize("loss", ["missing", "damaged"])
def test_a_database_that_is_lost_is_restored_and_its_remains_are_kept(
    instance: Instance, backup: str, loss: str
) -> None:
    if loss == "damaged":
        instance.path.write_bytes(b"damage" * 1000)
    else:
        instance.path.unlink()
    (instance.home / "control.db-wal").write_bytes(b"the log of what is lost")
    done = manage("restore", backup, "--yes", env=instance.env)
    assert done.returncode == 0, done.stderr
    assert _buckets(instance.path, key_in(instance.home)) == ["empty", "photos", "videos"]
    (aside,) = _asides(instance.home)
    assert (aside / "control.db-wal").read_bytes() == b"the log of what is lost"
    assert (aside / "control.db").exists() == (loss == "damaged")


def test_a_new_home_with_the_old_keys_is_all_that_a_restore_needs(
    instance: Instance, backup: str, tmp_path: Path
) -> None:
    home = tmp_path / "new"
    home.mkdir()
    for name in ("db_key", "master_key"):
        shutil.copy(instance.home / name, home / name)
    shutil.copytree(instance.root, home / "local")
    env = environ(home)
    done = manage("restore", backup, "--yes", env=env)
    assert done.returncode == 0, done.stderr
    assert "backend archive cannot be asked" in done.stdout
    assert _buckets(home / "control.db", key_in(home)) == ["empty", "photos", "videos"]
    assert "Everything agrees." in manage("store_check", "local", env=env).stdout


@pytest.mark.parametrize(("module", "step", "when"), STEPS)
def test_a_kill_at_any_step_leaves_a_database_that_opens(
    instance: Instance, backup: str, module: str, step: str, when: str
) -> None:
    digits, held = key_in(instance.home), contents(instance.path, key_in(instance.home))
    killed_at(instance.home, module, step, when, "restore", backup)
    is_swapped = (step, when) == ("swap", "after")
    assert (contents(instance.path, digits) == held) != is_swapped
    if step == "keep_aside":
        done = manage("restore", backup, "--yes", env=instance.env)
        assert done.returncode == 0, done.stderr
        assert _buckets(instance.path, digits) == ["empty", "photos", "videos"]
        assert len(_asides(instance.home)) == 2
        assert not list(instance.home.glob("control.db.*"))
        assert list((instance.home / "unpacked").iterdir()) == []


# -- comparing -------------------------------------------------------------------------------
def test_a_check_says_what_differs_and_changes_nothing(instance: Instance, backup: str) -> None:
    shutil.rmtree(instance.folder("empty"))
    videos = instance.folder("videos")
    other = json.loads((videos / "bucket.id").read_text()) | {"incarnation": "other"}
    (videos / "bucket.id").write_text(json.dumps(other))
    videos.rename(videos.with_name("videos~other"))
    (instance.folder("photos") / "index.db").unlink()
    before = instance.path.read_bytes()
    now = manage("restore", "--check", env=instance.env)
    assert now.returncode == 0, now.stderr
    assert f"empty: its place local/{instance.folder('empty').name} is missing" in now.stdout
    assert (
        f"videos: its place local/{videos.name} is missing; there is another incarnation: other" in now.stdout
    )
    assert "the index of local/photos~" in now.stdout
    assert "there is no copy" in now.stdout
    then = manage("restore", backup, "--check", env=instance.env)
    assert "`restore --index photos` can put back" in then.stdout
    assert instance.path.read_bytes() == before


# -- one index -------------------------------------------------------------------------------
def test_a_lost_index_is_put_back_from_a_backup_and_everything_is_read_again(
    instance: Instance, backup: str
) -> None:
    folder = instance.folder("photos")
    instance.put("photos", "younger", 50_000)
    for path in folder.glob("index.db*"):
        path.unlink()
    done = manage("restore", backup, "--index", "photos", "--yes", env=instance.env)
    assert done.returncode == 0, done.stderr
    assert "1 bodies that it does not name" in done.stdout
    assert len(instance.read("photos", "small")) == 100
    assert len(instance.read("photos", "large")) == 100_000
    found = refused(manage("store_check", "local", env=instance.env))
    assert found.strip() == "CommandError: 1 finding."


def test_an_index_that_opens_is_not_replaced(instance: Instance, backup: str) -> None:
    said = refused(manage("restore", backup, "--index", "photos", "--yes", env=instance.env))
    assert "there is nothing to put back" in said
    said = refused(manage("restore", backup, "--index", "nobodys", "--yes", env=instance.env))
    assert "There is no bucket nobodys." in said


def test_without_any_copy_that_is_said(instance: Instance) -> None:
    (instance.folder("photos") / "index.db").unlink()
    assert "no whole copy of the index of photos" in refused(
        manage("restore", "--index", "photos", "--yes", env=instance.env)
    )
