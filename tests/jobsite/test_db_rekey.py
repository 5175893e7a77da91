"""Another key for the control database: all of it or nothing of it, whatever kills the change."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from pytest_django import Settings

from jobsite.first_start import one_at_a_time
from jobsite.offline import only_server
from jobsite.sqlite import keys, opening, upkeep
from tests.jobsite.databases import contents, environ, key_in, killed_at, manage, refused
from tests.sites import Site

OLD, NEW = "a long text that was the key", "another long text, the key to come"
SWAPPING = "jobsite.sqlite.swapping"
STEPS = [
    ("jobsite.first_start", "write_new", "before"),
    *((SWAPPING, step, "after") for step in ("require_room", "_fold_log", "export", "verify", "settle")),
    (SWAPPING, "swap", "after"),
    ("jobsite.sqlite.upkeep", "end_rekey", "after"),
]


@pytest.fixture
def site_home(tmp_path: Path, migrated_sqlite: Path, settings: Settings) -> Path:
    """A home with an encrypted database and its key."""
    home = tmp_path / "home"
    shutil.copytree(migrated_sqlite, home)
    settings.HOME, settings.DB_KEY = home, None
    return home


def _given(key: str, new: str = "") -> dict[str, str]:
    return {"SLUICEGATE_DB_KEY": key} | ({"SLUICEGATE_DB_NEW_KEY": new} if new else {})


def test_a_generated_key_takes_the_place_of_the_old_one(site_home: Path) -> None:
    path, old = site_home / "control.db", key_in(site_home)
    held = contents(path, old)
    done = manage("db_rekey", "--generate", env=environ(site_home))
    assert done.returncode == 0, done.stderr
    assert f"The new key is in {site_home / 'db_key'}" in done.stdout
    assert key_in(site_home) != old
    assert contents(path, key_in(site_home)) == held
    assert not opening.opens(path, old)
    assert (site_home / "db_key").stat().st_mode & 0o777 == 0o600
    assert manage("keys", "list", env=environ(site_home)).returncode == 0


def test_a_key_from_a_file_is_kept_in_the_home(site_home: Path, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(NEW + "\n")
    done = manage("db_rekey", "--new-key-file", str(file), env=environ(site_home))
    assert done.returncode == 0, done.stderr
    assert key_in(site_home) == NEW
    assert opening.opens(site_home / "control.db", keys.digits_of(NEW, "here"))
    again = manage("db_rekey", "--new-key-file", str(file), env=environ(site_home))
    assert "That is the key which the database has" in refused(again)
    file.write_text("short")
    assert "at least 16" in refused(manage("db_rekey", "--new-key-file", str(file), env=environ(site_home)))
    assert not (site_home / "db_key.new").exists()


def test_a_key_of_the_environment_is_changed_to_the_one_that_it_announces(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert manage("prepare", env=environ(home, **_given(OLD))).returncode == 0
    assert "give the new key in SLUICEGATE_DB_NEW_KEY" in refused(
        manage("db_rekey", "--generate", env=environ(home, **_given(OLD)))
    )
    done = manage("db_rekey", env=environ(home, **_given(OLD, NEW)))
    assert done.returncode == 0, done.stderr
    assert "Set SLUICEGATE_DB_KEY to the new key now" in done.stdout
    assert manage("keys", "list", env=environ(home, **_given(NEW))).returncode == 0
    assert "does not open" in refused(manage("keys", "list", env=environ(home, **_given(OLD))))
    both = environ(home, **_given(OLD, NEW))
    assert manage("keys", "list", env=both).returncode == 0, "until the operator has changed it"
    assert manage("db_rekey", env=both).returncode == 0, "doing it again is no error"


def test_while_others_use_the_database_nothing_is_changed(site_home: Path) -> None:
    path, old = site_home / "control.db", key_in(site_home)
    other = opening.connect(path, old)
    try:
        assert "is in use" in refused(manage("db_rekey", "--generate", env=environ(site_home)))
    finally:
        other.close()
    assert key_in(site_home) == old
    assert sorted(file.name for file in site_home.glob("db_key*")) == ["db_key"]
    assert opening.opens(path, old)


def test_while_serve_runs_nothing_is_changed(site_home: Path) -> None:
    with only_server(site_home):
        said = refused(manage("db_rekey", "--generate", env=environ(site_home)))
    assert "`manage.py serve` runs with the home" in said


@pytest.mark.parametrize(("module", "step", "when"), STEPS)
def test_a_kill_at_any_step_leaves_a_database_that_opens(
    site_home: Path, module: str, step: str, when: str
) -> None:
    path = site_home / "control.db"
    held = contents(path, key_in(site_home))
    killed_at(site_home, module, step, when, "rekey", NEW)
    assert contents(path, opening.key_of(path).digits) == held, "as every command finds it"
    with one_at_a_time(site_home):
        upkeep.attend(path, site_home)
    assert contents(path, keys.digits_of(key_in(site_home), "here")) == held
    left = {file.name for file in site_home.glob("*") if file.name.startswith(("control", "db_key"))}
    assert left == {"control.db", "db_key"}


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kill_around_the_swap_is_no_matter_where_the_environment_has_both_keys(
    tmp_path: Path, when: str, settings: Settings
) -> None:
    home = tmp_path / "home"
    assert manage("prepare", env=environ(home, **_given(OLD))).returncode == 0
    settings.HOME, settings.DB_KEY, settings.DB_NEW_KEY = home, OLD, NEW
    held = contents(home / "control.db", keys.digits_of(OLD, "here"))
    killed_at(home, SWAPPING, "swap", when, "rekey", **_given(OLD, NEW))
    assert contents(home / "control.db", opening.key_of(home / "control.db").digits) == held
    assert manage("db_rekey", env=environ(home, **_given(OLD, NEW))).returncode == 0
    assert contents(home / "control.db", keys.digits_of(NEW, "here")) == held


# -- the master keys -------------------------------------------------------------------------
def test_secrets_are_sealed_anew_with_the_newest_master_key_and_the_old_one_can_go(
    site: Site,
) -> None:
    site.manage("keys", "create", "ops")
    old, new = site.env["SLUICEGATE_MASTER_KEY"], "the newest"
    site.env["SLUICEGATE_MASTER_KEY"] = f"{old}, {new}"
    site.manage("keys", "create", "second")
    assert "sealed anew with the newest master key: 1." in site.manage("db_rekey")
    assert "sealed anew with the newest master key: 0." in site.manage("db_rekey")
    site.env["SLUICEGATE_MASTER_KEY"] = new
    site.manage("check", "--database", "default")
    site.env["SLUICEGATE_MASTER_KEY"] = old
    assert "proxy.E006" in refused(manage("check", "--database", "default", env=site.env))
    assert "does not open" in refused(manage("db_rekey", env=site.env))


def test_postgresql_has_no_key_to_change(postgres_site: Site) -> None:
    said = refused(manage("db_rekey", "--generate", env=postgres_site.env))
    assert "there is no key to change" in said
