"""Backups: whole, of one moment, verified, made while everything is in use; and never half there."""

from __future__ import annotations

import json
import shutil
import tarfile
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pytest_django import Settings

from jobsite.backup import checking, files, manifest, writing
from jobsite.backup.manifest import BadBackup, RouteRow
from jobsite.sqlite import keys, opening
from proxy.backends.filesystem import copies
from tests.jobsite.backed_up import Instance, make, same
from tests.jobsite.databases import contents, key_in, manage, refused, run
from tests.sites import Site

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> Instance:
    return make(tmp_path_factory.mktemp("instance") / "home", migrated_sqlite)


@pytest.fixture
def instance(made: Instance, tmp_path: Path, settings: Settings) -> Instance:
    found = same(made, tmp_path / "home")
    settings.HOME, settings.DB_KEY = found.home, None
    return found


def test_a_backup_holds_the_database_encrypted_every_index_and_who_is_where(
    instance: Instance, tmp_path: Path
) -> None:
    done = manage("backup", str(tmp_path / "backup"), env=instance.env)
    assert done.returncode == 0, done.stderr
    backup = tmp_path / "backup"
    found = manifest.read((backup / "manifest.json").read_text())
    assert f"{len(found.files)} files" in done.stdout
    assert "3 buckets; verified" in done.stdout
    assert contents(backup / "control.db", key_in(instance.home)) == contents(
        instance.path, key_in(instance.home)
    )
    assert not opening.opens(backup / "control.db", None)
    assert found.key_fingerprint == keys.fingerprint(key_in(instance.home)) and found.key_fingerprint
    photos = instance.place("photos")
    assert RouteRow("photos", photos.bucket_id, "local", photos.bucket, photos.incarnation) in found.routes
    assert found.rows["proxy_bucket"] == 3
    assert found.places["local"] == json.loads((instance.root / "backend.id").read_text())["id"]
    place = backup / "backends" / "local" / instance.folder("photos").name
    assert copies.is_whole(place / "index.db")
    assert (place / "bucket.id").read_text() == (instance.folder("photos") / "bucket.id").read_text()
    assert {path.stat().st_mode & 0o777 for path in backup.rglob("*") if path.is_file()} == {0o600}
    everything = b"".join(path.read_bytes() for path in backup.rglob("*") if path.is_file())
    for secret in ("db_key", "master_key"):
        assert (instance.home / secret).read_text().strip().encode() not in everything


def test_a_backup_does_not_hold_the_keys_of_the_configuration(instance: Instance, tmp_path: Path) -> None:
    key, file = "ab" * 32, tmp_path / "sluicegate.yaml"
    file.write_text(
        "storage:\n  backends:\n    - name: local\n      type: filesystem\n      path: local\n"
        f"      encryption: {{keys: [{{id: k, key: {key}}}]}}\n  default_backend: local\n"
    )
    env = {**instance.env, "SLUICEGATE_CONFIG": str(file)}
    done = manage("backup", str(tmp_path / "backup"), env=env)
    assert done.returncode == 0, done.stderr
    kept = (tmp_path / "backup" / "sluicegate.yaml").read_text()
    assert kept == file.read_text().replace(key, "(left out)")
    same_configuration = manage("restore", str(tmp_path / "backup"), "--check", env=env)
    assert same_configuration.returncode == 0 and "differs" not in same_configuration.stdout


def test_a_tar_file_holds_the_same(instance: Instance, tmp_path: Path) -> None:
    done = manage("backup", str(tmp_path / "b.tar"), env=instance.env)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "b.tar").stat().st_mode & 0o777 == 0o600
    with checking.opened(tmp_path / "b.tar") as folder:
        assert len(checking.require_sound(folder).routes) == 3
    assert list((instance.home / "unpacked").iterdir()) == []
    assert [path.name for path in tmp_path.iterdir() if "partial" in path.name] == []


def test_what_is_there_already_is_not_overwritten(instance: Instance, tmp_path: Path) -> None:
    (tmp_path / "backup").mkdir()
    assert "exists already" in refused(manage("backup", str(tmp_path / "backup"), env=instance.env))
    with pytest.raises(opening.Refused, match="is not there"):
        writing.write_backup(tmp_path / "nowhere" / "backup", NOW)


@pytest.fixture
def own_connection(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    """`write_backup` in this process is about the instance's database."""
    monkeypatch.setitem(writing.connection.settings_dict, "NAME", instance.path)
    monkeypatch.setattr(
        writing.settings, "STORAGE", {"backends": {"local": _filesystem(instance.root)}}, raising=False
    )


def _filesystem(root: Path) -> dict[str, str]:
    return {"type": "filesystem", "path": str(root)}


def test_writers_go_on_and_the_copy_is_of_one_moment(
    instance: Instance, tmp_path: Path, own_connection: None
) -> None:
    digits, ended, written = key_in(instance.home), threading.Event(), []
    run(instance.path, digits, "CREATE TABLE pairs (word TEXT)")

    def write() -> None:
        connection = opening.connect(instance.path, digits)
        while not ended.is_set():
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO pairs VALUES ('one')")
            connection.execute("INSERT INTO pairs VALUES ('other')")
            connection.execute("COMMIT")
            written.append(2)
        connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(5):
            before = len(written)
            writing.write_backup(tmp_path / f"backup-{number}", NOW)
            assert len(written) > before
            rows = run(tmp_path / f"backup-{number}" / "control.db", digits, "SELECT count(*) FROM pairs")
            assert rows[0][0] % 2 == 0
    finally:
        ended.set()
        writer.join()


def test_a_backup_that_does_not_verify_is_not_there(
    instance: Instance, tmp_path: Path, own_connection: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = files.write

    def damages_another(target: Path, content: bytes) -> None:
        real(target, content)
        if target.name != manifest.NAME:
            return
        with (target.parent / "control.db").open("r+b") as file:
            file.seek(5000)
            file.write(b"damage")

    monkeypatch.setattr(files, "write", damages_another)
    with pytest.raises(BadBackup, match=r"control\.db of the backup is not what was written"):
        writing.write_backup(tmp_path / "backup", NOW)
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_what_cannot_be_read_is_named_and_the_rest_is_kept(instance: Instance, tmp_path: Path) -> None:
    (instance.folder("videos") / "index.db").write_bytes(b"junk" * 5000)
    (instance.folder("videos") / "index.db-wal").unlink(missing_ok=True)
    shutil.rmtree(instance.home / "archive", ignore_errors=True)
    said = refused(manage("backup", str(tmp_path / "backup"), env=instance.env))
    assert f"lacks what is not to be read: local/{instance.folder('videos').name}, archive" in said
    found = checking.require_sound(tmp_path / "backup")
    assert f"backends/local/{instance.folder('photos').name}/index.db" in found.files
    assert f"backends/local/{instance.folder('videos').name}/index.db" not in found.files


def test_a_backup_of_a_database_on_postgresql_holds_routes_and_indexes(
    postgres_site: Site, tmp_path: Path
) -> None:
    actor = postgres_site.actor()
    actor.call("create", name="photos")
    said = postgres_site.manage("backup", str(tmp_path / "backup"))
    assert "use pg_dump" in said
    found = checking.require_sound(tmp_path / "backup")
    assert (found.database, [route.bucket for route in found.routes]) == ("postgresql", ["photos"])
    assert "control.db" not in found.files
    assert any(name.endswith("/index.db") for name in found.files)
    assert "proxy.0001_initial" in found.migrations
    assert "every bucket is where" in postgres_site.manage("restore", "--check").lower()
    said = refused(manage("restore", str(tmp_path / "backup"), "--yes", env=postgres_site.env))
    assert "restore it with pg_restore" in said


# -- what is refused as a backup -----------------------------------------------------------------
@pytest.fixture(scope="module")
def written(made: Instance, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("written") / "backup"
    assert manage("backup", str(target), env=made.env).returncode == 0
    return target


@pytest.fixture
def backup(written: Path, tmp_path: Path, instance: Instance) -> Path:
    return Path(shutil.copytree(written, tmp_path / "backup"))


def test_a_missing_an_altered_and_a_foreign_file_are_named(backup: Path) -> None:
    index = next(backup.glob("backends/*/*/index.db"))
    kept = index.read_bytes()
    index.unlink()
    with pytest.raises(BadBackup, match=r"index.db is missing in the backup"):
        checking.require_sound(backup)
    index.write_bytes(kept[:-1] + b"x")
    with pytest.raises(BadBackup, match="SHA-256 differs"):
        checking.require_sound(backup)
    with pytest.raises(BadBackup, match="is no backup"):
        checking.require_sound(backup / "backends")


def _altered(backup: Path, **facts: object) -> None:
    path = backup / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | facts))


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"format": 2}, "newer version"),
        ({"migrations": ["proxy.9999_of_the_future"]}, "does not know the migration proxy.9999"),
        ({"files": {"../outside": {"size": 1, "sha256": ""}}}, "manifest.json of the backup is damaged"),
        ({"routes": [1]}, "manifest.json of the backup is damaged"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(
    backup: Path, facts: dict[str, object], expected: str
) -> None:
    checking.require_sound(backup)
    _altered(backup, **facts)
    with pytest.raises(BadBackup, match=expected):
        checking.require_sound(backup)


def test_a_backup_under_another_key_says_which_key_it_wants(backup: Path, instance: Instance) -> None:
    wanted = keys.fingerprint(key_in(instance.home))
    (instance.home / "db_key").write_text("ab" * 32)
    with pytest.raises(BadBackup, match=f"made with the key {wanted} .fingerprint., and here is"):
        checking.require_sound(backup)


def test_a_tar_file_that_leads_out_or_is_cut_short_is_refused(tmp_path: Path, instance: Instance) -> None:
    with tarfile.open(tmp_path / "bad.tar", "w") as tar:
        tar.add(instance.home / "db_key", "../../outside")
    with pytest.raises(BadBackup, match="no whole tar file"), checking.opened(tmp_path / "bad.tar"):
        pass
    (tmp_path / "cut.tar").write_bytes(b"\0" * 10)
    with pytest.raises(BadBackup), checking.opened(tmp_path / "cut.tar"):
        pass
    with pytest.raises(BadBackup, match="is not there"), checking.opened(tmp_path / "none.tar"):
        pass
