"""System checks: each finds what it is for, in a real process where the database is asked."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from proxy import checks, mounts, slots
from proxy.backends.filesystem import index
from tests.needs import needs
from tests.postgres import Cluster
from tests.sites import ROOT, Site

MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /mnt/nfs rw,relatime shared:2 - nfs4 server:/export rw
31 30 8:2 / /mnt/nfs/local rw,relatime - xfs /dev/sdb1 rw
32 22 0:41 / /mnt/with\\040space rw - fuse.sshfs host:/ rw
33 22 0:42 / /mnt/covered rw - nfs server:/a rw
34 22 8:3 / /mnt/covered rw - ext4 /dev/sdc1 rw
broken line
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "ext4"),
        ("/mnt/nfs/home", "nfs4"),
        ("/mnt/nfsx", "ext4"),
        ("/mnt/nfs/local/home", "xfs"),
        ("/mnt/with space/home", "fuse.sshfs"),
        ("/mnt/covered/home", "ext4"),
    ],
)
def test_the_innermost_and_last_mount_tells_the_kind_of_a_path(path: str, kind: str) -> None:
    assert mounts.kind_in(MOUNTS, Path(path)) == kind


def test_the_kind_of_a_real_path_is_known_even_before_it_exists(tmp_path: Path) -> None:
    kind = mounts.kind_of(tmp_path)
    assert kind
    assert mounts.kind_of(tmp_path / "not" / "yet") == kind


def _ids(messages: checks.Messages) -> list[str | None]:
    return [message.id for message in messages]


def test_nothing_is_wrong_with_the_shipped_settings() -> None:
    assert checks.check_settings() == []


def test_state_on_a_network_file_system_is_refused(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.STORAGE = {
        "backends": {"far": {"type": "filesystem", "path": "/mnt/nfs/far"}},
        "default_backend": "far",
        "buckets": {},
    }
    monkeypatch.setattr(mounts, "kind_of", lambda path: mounts.kind_in(MOUNTS, path))
    (message,) = checks.network_file_systems()
    assert message.id == "proxy.E003"
    assert "'far'" in message.msg and "nfs4" in message.msg


def test_a_database_that_offers_no_slots_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "MECHANISMS", {})
    assert _ids(checks.control_kind()) == ["proxy.E007"]


def test_an_old_sqlite_is_refused_for_both_kinds_of_database(monkeypatch: pytest.MonkeyPatch) -> None:
    future = (9, 0, 0)
    monkeypatch.setattr(checks, "SAFE_VERSION", future)
    monkeypatch.setattr(index, "SAFE_VERSION", future)
    assert _ids(checks.control_library()) == ["proxy.E001"]
    assert _ids(checks.index_library()) == ["proxy.E002"]


def _check(site: Site, **env: str) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--database", "default"],
        cwd=ROOT,
        env={**site.env, **env},
        capture_output=True,
        text=True,
    )
    assert (done.returncode == 0) == ("ERRORS" not in done.stderr), done.stderr
    return done.stderr


def test_a_sound_site_passes_every_check(site: Site) -> None:
    site.manage("keys", "create", "ops")
    assert "proxy." not in _check(site)


def test_a_master_key_that_does_not_open_the_stored_secrets_is_refused(sqlite_site: Site) -> None:
    sqlite_site.manage("keys", "create", "ops")
    assert "proxy.E006" in _check(sqlite_site, SLUICEGATE_MASTER_KEY="another")


def test_a_control_database_without_tables_is_no_mistake(sqlite_site: Site) -> None:
    (sqlite_site.home / "control.db").unlink()
    assert "proxy." not in _check(sqlite_site)


def test_postgresql_with_synchronous_commit_off_is_refused(postgres_site: Site, postgres: Cluster) -> None:
    name = postgres_site.env["DATABASE_URL"].rsplit("/", 1)[1]
    with postgres.connect() as connection:
        connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    assert "proxy.E004" in _check(postgres_site)


@pytest.fixture
def pooler(tmp_path: Path, postgres: Cluster) -> Iterator[dict[str, str]]:
    """PgBouncer before the server, once per pool mode: mode -> host and port."""
    started, addresses = [], {}
    for mode in ("transaction", "session"):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        folder = Path("/tmp") / f"sgpb-{port}"
        folder.mkdir(mode=0o755)
        config = folder / "pgbouncer.ini"
        config.write_text(
            f"[databases]\n* = host={postgres.folder} user=sluicegate\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
            f"listen_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = {mode}\n"
        )
        command = [shutil.which("pgbouncer", path="/usr/sbin:/usr/bin") or "pgbouncer", "-q", str(config)]
        started.append((subprocess.Popen(command, stderr=subprocess.DEVNULL, **postgres.run_as), folder))
        addresses[mode] = f"127.0.0.1:{port}"
        _wait_for(port)
    yield addresses
    for process, folder in started:
        process.kill()
        process.wait()
        shutil.rmtree(folder)


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            assert time.monotonic() < deadline, "PgBouncer does not listen"
            time.sleep(0.05)


@needs("pgbouncer", "a pooler that shares sessions must be refused")
def test_a_transaction_pooler_is_refused_and_a_session_pooler_is_not(
    postgres_site: Site, pooler: dict[str, str]
) -> None:
    name = postgres_site.env["DATABASE_URL"].rsplit("/", 1)[1]
    urls = {mode: f"postgres://sluicegate@{address}/{name}" for mode, address in pooler.items()}
    assert "proxy.E005" in _check(postgres_site, DATABASE_URL=urls["transaction"])
    assert "proxy.E005" not in _check(postgres_site, DATABASE_URL=urls["session"])
