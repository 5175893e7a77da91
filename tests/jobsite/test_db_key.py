"""The key of the control database: where it comes from, and what is said where it is wrong."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from jobsite.sqlite import keys, opening
from tests.jobsite.databases import PLAIN_HEADER, contents, environ, key_in, manage, python, refused, run

TEXT = "correct horse battery"
STRETCHED = "ff0493f9e3448bf50790d1635dbafc3856afe7a4dfc3af5d77e02b52aa56b852"


@pytest.fixture
def site_home(tmp_path: Path, migrated_sqlite: Path) -> Path:
    """A home with an encrypted database and its key."""
    home = tmp_path / "home"
    shutil.copytree(migrated_sqlite, home)
    return home


def leave_log(home: Path) -> None:
    """What a killed process leaves: a change that is in the write-ahead log only."""
    child = os.fork()
    if child == 0:
        connection = opening.connect(home / "control.db", key_in(home))
        connection.execute("PRAGMA journal_mode = WAL").fetchall()
        connection.execute("INSERT INTO proxy_knownplace VALUES ('logged', 'p', '2026-01-01')")
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert (home / "control.db-wal").stat().st_size > 0


def _state(home: Path) -> dict[str, bytes]:
    ours = ("control.db", "control.db-wal", "db_key")
    return {name: (home / name).read_bytes() for name in ours if (home / name).exists()}


def test_64_hex_digits_are_the_key_itself_and_another_text_is_stretched_to_one() -> None:
    assert keys.digits_of("AB" * 32, "here") == "ab" * 32
    assert keys.digits_of(TEXT, "here") == STRETCHED, "databases that were made with it must open for ever"
    assert keys.digits_of(TEXT + "!", "here") != STRETCHED


def test_a_text_that_is_too_short_is_refused(site_home: Path) -> None:
    with pytest.raises(ImproperlyConfigured, match="at least 16 characters"):
        keys.digits_of("short", "here")
    said = refused(manage("keys", "list", env=environ(site_home, SLUICEGATE_DB_KEY="short")))
    assert said.startswith("SLUICEGATE_DB_KEY must have 64 hex digits, or be a text of at least 16")


def test_a_fingerprint_tells_keys_apart_and_does_not_hold_them() -> None:
    one, other = secrets.token_hex(32), secrets.token_hex(32)
    assert keys.fingerprint(one) != keys.fingerprint(other)
    assert keys.fingerprint(one) not in one


def test_nothing_of_a_new_database_can_be_read_without_its_key(site_home: Path) -> None:
    manage("users", "create", "somebody-to-look-for", env=environ(site_home))
    path = site_home / "control.db"
    assert contents(path, key_in(site_home)).rows["proxy_user"] == 1
    for file in site_home.glob("control.db*"):
        raw = file.read_bytes()
        assert b"somebody-to-look-for" not in raw
        assert b"CREATE TABLE" not in raw
    assert path.read_bytes()[:16] != PLAIN_HEADER


@pytest.mark.parametrize(
    "command", [["prepare"], ["serve"], ["keys", "list"], ["check", "--database=default"]]
)
def test_a_wrong_key_says_so_and_changes_nothing(site_home: Path, command: list[str]) -> None:
    leave_log(site_home)
    before = _state(site_home)
    said = refused(manage(*command, env=environ(site_home, SLUICEGATE_DB_KEY=TEXT)))
    assert said.count("\n") == 1, "nothing else is said"
    assert f"{site_home / 'control.db'} does not open with the key in SLUICEGATE_DB_KEY" in said
    assert "nothing was changed" in said
    assert f"{site_home / 'db_key'} is there too" in said
    assert TEXT not in said
    assert _state(site_home) == before
    assert not (site_home / "master_key").exists()
    logged = "SELECT count(*) FROM proxy_knownplace WHERE backend = 'logged'"
    assert run(site_home / "control.db", key_in(site_home), logged) == [(1,)]


@pytest.mark.parametrize("command", ["prepare", "migrate"])
def test_a_missing_key_says_so_and_no_new_one_is_made(site_home: Path, command: str) -> None:
    (site_home / "db_key").unlink()
    before = _state(site_home)
    said = refused(manage(command, env=environ(site_home)))
    assert "its key is missing: SLUICEGATE_DB_KEY is not set" in said
    assert str(site_home / "db_key") in said
    assert _state(site_home) == before


def test_a_damaged_database_is_not_replaced_by_a_new_one(site_home: Path) -> None:
    path = site_home / "control.db"
    path.write_bytes(path.read_bytes()[:100] + b"x" * 5000)
    before = _state(site_home)
    assert "or it is damaged" in refused(manage("prepare", env=environ(site_home)))
    assert _state(site_home) == before


def test_the_environments_key_counts_and_may_be_any_long_text(tmp_path: Path) -> None:
    home, file = tmp_path / "home", tmp_path / "key"
    file.write_text(TEXT + "\n")
    env = environ(home, SLUICEGATE_DB_KEY_FILE=str(file))
    assert manage("prepare", env=env).returncode == 0
    assert not (home / "db_key").exists()
    assert contents(home / "control.db", keys.digits_of(TEXT, "here")).rows["auth_user"] == 1


def test_a_home_that_is_not_there_is_named(tmp_path: Path) -> None:
    said = refused(manage("keys", "list", env=environ(tmp_path / "nowhere")))
    assert f"{tmp_path / 'nowhere'} is not there yet" in said


MANY = """
import os, sys, time
import django; django.setup()
from django.db import connection
at = time.monotonic() + 0.2
children = []
for _ in range(6):
    child = os.fork()
    if child == 0:
        time.sleep(max(0, at - time.monotonic()))
        try:
            with connection.cursor() as cursor:
                cursor.execute("CREATE TABLE IF NOT EXISTS made (pid INTEGER)")
                cursor.execute("INSERT INTO made VALUES (%s)", [os.getpid()])
        except BaseException as error:
            print(error, file=sys.stderr)
            os._exit(1)
        os._exit(0)
    children.append(child)
sys.exit(any(os.waitpid(child, 0)[1] for child in children))
"""


def test_processes_that_make_a_database_at_once_make_one(tmp_path: Path) -> None:
    done = python("-c", MANY, env=environ(tmp_path))
    assert done.returncode == 0, done.stderr
    rows = run(tmp_path / "control.db", key_in(tmp_path), "SELECT count(DISTINCT pid) FROM made")
    assert rows == [(6,)]


def test_a_connection_to_a_file_that_is_swapped_meanwhile_is_made_again(
    site_home: Path, settings: Settings
) -> None:
    settings.HOME, settings.DB_KEY = site_home, None
    path, other = site_home / "control.db", site_home / "other.db"
    shutil.copy(path, other)
    inodes = []

    def connect() -> object:
        connection = opening.Database.connect(str(path), isolation_level=None)
        opening.use_key(connection, key_in(site_home))
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        inodes.append(path.stat().st_ino)
        if other.exists():
            other.replace(path)
        return connection

    opening.open_keyed(path, connect).close()
    assert len(inodes) == 2
    assert inodes[0] != inodes[1] == path.stat().st_ino
