"""A control database of a release before encryption is encrypted by the first start, whatever kills it."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pytest_django import Settings

from jobsite.sqlite import opening, swapping, upkeep
from tests.jobsite import databases
from tests.jobsite.databases import contents, environ, key_in, killed_at, make_plain, manage, refused, run

SWAPPING = "jobsite.sqlite.swapping"
STEPS = ("require_room", "_fold_log", "export", "verify", "settle", "swap")


@pytest.fixture
def plain_home(tmp_path: Path, migrated_sqlite: Path, settings: Settings) -> Path:
    """A home whose control database is plain and has some rows, a few of them in the log only."""
    home = tmp_path / "home"
    shutil.copytree(migrated_sqlite, home)
    make_plain(home)
    rows = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)"
    insert = f"{rows} INSERT INTO proxy_knownplace SELECT 'marker-' || i, 'p', '2026-01-01' FROM n"
    run(home / "control.db", None, insert, "PRAGMA user_version = 7")
    settings.HOME, settings.DB_KEY = home, None
    return home


def _files(home: Path) -> set[str]:
    return {path.name for path in home.iterdir() if path.name.startswith("control.db")}


def _has_plain_text(home: Path) -> bool:
    return any(b"marker-" in path.read_bytes() for path in home.iterdir() if path.is_file())


def test_a_plain_database_is_encrypted_whole_and_no_plain_file_is_left(plain_home: Path) -> None:
    path = plain_home / "control.db"
    held = contents(path, None)
    done = manage("prepare", env=environ(plain_home))
    assert done.returncode == 0, done.stderr
    assert not opening.opens(path, None)
    assert not _has_plain_text(plain_home)
    assert path.stat().st_mode & 0o777 == (plain_home / "db_key").stat().st_mode & 0o777 == 0o600
    after = contents(path, key_in(plain_home))
    # (`prepare` also made the root access key and the admin.)
    assert {table for table, rows in held.rows.items() if after.rows[table] < rows} == set()
    assert (after.values, after.schema) == (held.values, held.schema)
    assert after.rows["proxy_knownplace"] > 500, "the backends came on top"


def test_rows_keep_their_ids_and_the_next_one_is_not_given_twice(plain_home: Path) -> None:
    path = plain_home / "control.db"
    run(path, None, "CREATE TABLE numbered (id INTEGER PRIMARY KEY AUTOINCREMENT, word TEXT)")
    run(path, None, "INSERT INTO numbered (id, word) VALUES (7, 'seven'), (12, 'gone')")
    run(path, None, "DELETE FROM numbered WHERE id = 12")
    upkeep.attend(path, plain_home)
    run(path, key_in(plain_home), "INSERT INTO numbered (word) VALUES ('next')")
    assert run(path, key_in(plain_home), "SELECT * FROM numbered ORDER BY id") == [(7, "seven"), (13, "next")]


def test_any_other_command_says_that_the_database_is_plain_and_leaves_it(plain_home: Path) -> None:
    before = (plain_home / "control.db").read_bytes()
    said = refused(manage("keys", "list", env=environ(plain_home)))
    assert "is not encrypted yet" in said
    assert "manage.py prepare" in said
    assert (plain_home / "control.db").read_bytes() == before
    assert not (plain_home / "db_key").exists()


def test_a_database_that_another_process_has_open_is_left_plain(plain_home: Path) -> None:
    path = plain_home / "control.db"
    other = opening.connect(path, None)  # idle: it has only read
    try:
        said = refused(manage("prepare", env=environ(plain_home)))
        assert "is in use" in said
        assert other.execute("SELECT count(*) FROM proxy_knownplace").fetchone() == (500,)
    finally:
        other.close()
    assert opening.opens(path, None)
    assert "control.db.converting" not in _files(plain_home)


def test_without_room_for_a_second_copy_nothing_is_begun(
    plain_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = plain_home / "control.db"
    held = contents(path, None)
    full = shutil._ntuple_diskusage(10**9, 10**9, 1000)
    monkeypatch.setattr(swapping.shutil, "disk_usage", lambda folder: full)
    with pytest.raises(swapping.NoRoom, match="1,000 are free; nothing was changed"):
        upkeep.attend(path, plain_home)
    assert contents(path, None) == held


def test_a_copy_that_lacks_rows_is_never_put_in_place(
    plain_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = plain_home / "control.db"
    held, real = contents(path, None), swapping.export

    def loses_a_row(source: object, draft: Path, digits: str) -> object:
        exported = real(source, draft, digits)
        run(draft, digits, "DELETE FROM proxy_knownplace WHERE backend = 'marker-1'")
        return exported

    monkeypatch.setattr(swapping, "export", loses_a_row)
    with pytest.raises(opening.Refused, match="its tables or rows differ"):
        upkeep.attend(path, plain_home)
    assert contents(path, None) == held
    assert _files(plain_home) == {"control.db"}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_a_kill_at_any_step_leaves_a_database_that_opens_and_the_next_start_finishes(
    plain_home: Path, step: str, when: str
) -> None:
    path = plain_home / "control.db"
    held = contents(path, None)
    killed_at(plain_home, SWAPPING, step, when, "attend")
    is_swapped = (step, when) == ("swap", "after")
    assert contents(path, key_in(plain_home) if is_swapped else None) == held
    upkeep.attend(path, plain_home)
    assert contents(path, key_in(plain_home)) == held
    assert _files(plain_home) == {"control.db"}
    assert not _has_plain_text(plain_home)


def test_kills_at_random_moments_lose_nothing(plain_home: Path) -> None:
    path = plain_home / "control.db"
    run(path, None, "CREATE TABLE bulk (word TEXT)")
    rows = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)"
    run(path, None, f"{rows} INSERT INTO bulk SELECT hex(randomblob(500)) FROM n")
    held = contents(path, None)
    rng = random.Random(4)
    command = [sys.executable, "-m", databases.__name__, SWAPPING, "-", "after", "attend"]
    for _ in range(4):
        process = subprocess.Popen(command, cwd=databases.ROOT, env=environ(plain_home))
        while process.poll() is None and not (plain_home / "control.db.converting").exists():
            time.sleep(0.001)
        time.sleep(rng.random() * 0.5)
        process.send_signal(signal.SIGKILL)
        process.wait()
        plain = opening.opens(path, None)
        assert contents(path, None if plain else key_in(plain_home)) == held
    upkeep.attend(path, plain_home)
    assert contents(path, key_in(plain_home)) == held
