"""A running Sluicegate for crash tests: its API, its job's row as it changes, and whom to kill."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from jobsite.sqlite import opening
from tests.jobsite.databases import key_in
from tests.jobsite.service import CLUSTER, Service, until

_ROW = (
    "SELECT phase, status, holder, turned, deleted, processed, state, epoch FROM jobs_job ORDER BY id DESC"
    " LIMIT 1"
)


@dataclass(frozen=True)
class Row:
    """The newest job at one moment."""

    phase: str
    status: str
    holder: str
    turned: bool
    deleted: int
    processed: int
    state: dict[str, Any]
    epoch: int

    @property
    def worker(self) -> int | None:
        """The process that works on it, by the holder's name `<host>/<pid>/...`."""
        parts = self.holder.split("/")
        return int(parts[1]) if len(parts) == 4 else None

    @property
    def ended(self) -> bool:
        return self.status in ("succeeded", "failed", "cancelled")


class Cluster:
    """`manage.py serve` in a folder, its console, and a look into its control database."""

    def __init__(self, folder: Path, **environ: str) -> None:
        self.service = Service(folder, **environ)
        self._token = ""
        self._control: Any = None

    def start(self) -> None:
        self.service.start()
        self._token = self.manage("tokens", "create", "crash").split()[0]
        # The library that the service uses: two SQLites on one file would endanger it.
        home = self.service.home
        self._control = opening.connect(home / "control.db", key_in(home), timeout=30)

    def manage(self, *words: str) -> str:

        done = subprocess.run(
            self.service.command(*words), env=self.service.environ, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def stop(self) -> None:
        if self._control is not None:
            self._control.close()
        self.service.kill()

    # -- from outside ------------------------------------------------------------------------
    @property
    def connection(self) -> dict[str, str]:
        """What boto3 needs to know."""
        return {
            "endpoint_url": self.service.url,
            "aws_access_key_id": self.service.access_key,
            "aws_secret_access_key": self.service.secret_key,
        }

    def s3(self) -> Any:
        return boto3.client("s3", region_name="us-east-1", **self.connection)

    def api(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """The admin API's answer. Raises HTTPError."""
        request = urllib.request.Request(f"{self.service.url}/_/api/admin{path}", method=method)
        request.add_header("Authorization", f"Bearer {self._token}")
        request.add_header("Content-Type", "application/json")
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(request, data, timeout=30) as answer:
            text = answer.read()
        parsed: dict[str, Any] = json.loads(text) if text else {}
        return parsed

    def migrate(self, bucket: str, **params: Any) -> str:
        """The id of a new migration to `archive`."""
        asked = {"target_backend": "archive", **params}
        return str(self.api("POST", f"/buckets/{bucket}/migrate", asked)["id"])

    def reencrypt(self, bucket: str, **params: Any) -> str:
        """The id of a new job that encrypts the bucket anew."""
        (started,) = self.api("POST", "/jobs/reencrypt", {"buckets": [bucket], **params})["started"]
        return str(started["id"])

    def ended(self, job: str, seconds: float) -> dict[str, Any]:
        """The job as the API shows it once it has ended."""

        def look() -> dict[str, Any] | None:
            row = self.api("GET", f"/jobs/{job}")
            return row if row["status"] in ("succeeded", "failed", "cancelled") else None

        found: dict[str, Any] = until(look, seconds, f"{job} did not end: {self.row()}")
        return found

    # -- from inside ------------------------------------------------------------------------
    def row(self) -> Row:
        """Raises TypeError while there is no job."""
        found = self._control.execute(_ROW).fetchone()
        return Row(*found[:3], bool(found[3]), *found[4:6], json.loads(found[6]), found[7])

    def watch(self, wanted: Callable[[Row], bool], seconds: float, step: float = 0.0005) -> Row:
        """The row at the first moment that fits. Raises AssertionError when the time is over."""
        deadline = time.monotonic() + seconds
        while not wanted(row := self.row()):
            assert not row.ended, f"the job ended first: {row}"
            assert time.monotonic() < deadline, f"waited in vain; now {row}"
            time.sleep(step)
        return row

    def bucket_id(self, name: str) -> str:
        found = self._control.execute("SELECT id FROM proxy_bucket WHERE name = ?", [name]).fetchone()
        return str(found[0])

    def gate_holder(self, name: str) -> str | None:
        found = self._control.execute(
            "SELECT gate_holder FROM proxy_bucket WHERE name = ?", [name]
        ).fetchone()
        return None if found[0] is None else str(found[0])

    @contextmanager
    def slot(self, kind: str, bucket_id: str) -> Iterator[None]:
        """Be in the bucket's slot, as a client's write or a job's effect is; what needs it alone waits."""
        folder = self.service.home / "locks"
        folder.mkdir(mode=0o700, exist_ok=True)  # nobody may have been in any slot yet
        with (folder / f"{bucket_id}.{kind}").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            yield

    def places(self) -> dict[str, list[str]]:
        """Folders of buckets by backend, those that are being removed apart."""
        return {
            name: sorted(path.name for path in (self.service.home / name).glob("*~*"))
            for name in ("local", "archive")
        }

    # -- whom to kill -------------------------------------------------------------------------
    def sentinel(self) -> int | None:
        """The first process of django-q2's cluster for migrations and the like; None while it is down."""
        cluster = self.service.child(CLUSTER)
        return next(iter(self.service.below(cluster)), None) if cluster else None

    def workers(self) -> list[int]:
        """The cluster's workers, by their signs of life; its monitor and pusher give none."""
        sentinel = self.sentinel()
        beats = self._control.execute("SELECT pid FROM jobs_heartbeat WHERE role = 'worker'").fetchall()
        return (
            [] if sentinel is None else sorted({pid for (pid,) in beats} & set(self.service.below(sentinel)))
        )

    def web_workers(self) -> list[int]:
        return self.service.below(self.service.child("gunicorn"))

    def kill(self, pid: int) -> bool:
        """SIGKILL; False if it was gone already."""
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True
