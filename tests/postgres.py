"""A private PostgreSQL for the tests that need one: started once, gone with the session."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

_FOLDERS = ("/usr/lib/postgresql", "/usr/pgsql", "/usr/local/pgsql")
_START_SECONDS = 30
# Text sorts as a language does, as it does on most servers: what needs byte order must say so.
_LANGUAGE = ("-E", "UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US")


def _programs() -> Path | None:
    """Where `initdb` and `postgres` are; Debian does not put them on the path."""
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    found = [path for folder in _FOLDERS for path in Path(folder).glob("**/bin/initdb")]
    return max(found).parent if found else None


def _as_server_user(folder: Path) -> dict[str, Any]:
    """Arguments of Popen: the server refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    names = [name for name in ("postgres", "nobody") if _exists(name)]
    if not names:
        pytest.skip("PostgreSQL refuses to run as root, and there is no user `postgres` or `nobody`")
    user = pwd.getpwnam(names[0])
    os.chown(folder, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


class Cluster:
    """One running server, reached by a Unix socket only."""

    def __init__(self, folder: Path, run_as: dict[str, Any]) -> None:
        self.folder = folder
        self.run_as = run_as
        """Arguments of Popen for a program that uses the socket."""

    def url(self, database: str) -> str:
        """For DATABASE_URL."""
        return f"postgres://sluicegate@{quote(str(self.folder), safe='')}/{database}"

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        return psycopg.connect(host=str(self.folder), user="sluicegate", dbname=database, autocommit=True)

    def create_database(self, template: str = "template1") -> str:
        """A new database like `template`; its name."""
        name = f"test_{uuid.uuid4().hex}"
        with self.connect() as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def wait(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                self.connect().close()
                return
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A server without durability (it is thrown away); the test is not run if there is none."""
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL's server programs (initdb, postgres) are not installed")
    folder = Path(tempfile.mkdtemp(prefix="sgpg-"))
    user = _as_server_user(folder)
    data = str(folder / "data")
    options = ["-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=60", "-k", str(folder)]
    with open(folder / "log", "wb") as log:
        init = [programs / "initdb", "-D", data, "-U", "sluicegate", "-A", "trust", "--no-sync", *_LANGUAGE]
        subprocess.run(init, check=True, cwd=folder, stdout=log, stderr=log, **user)
        start = [programs / "postgres", "-D", data, *options]
        server = subprocess.Popen(start, cwd=folder, stdout=log, stderr=log, **user)
    try:
        cluster = Cluster(folder, user)
        cluster.wait()
        yield cluster
    finally:
        server.send_signal(signal.SIGQUIT)
        server.wait(10)
        shutil.rmtree(folder, ignore_errors=True)
