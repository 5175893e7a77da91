"""Clients at work on a bucket that is moved, and whoever kills processes meanwhile."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.leases import started
from tests.crash.bodies import CLIENTS, KEYS_EACH
from tests.crash.cluster import Cluster, Row
from tests.jobsite.service import ROOT, until

BUCKET = "under-fire"
PHASE_S = 90.0


@dataclass(frozen=True)
class Kill:
    """Who was killed, in which phase, and when (unix seconds)."""

    phase: str
    whom: str
    at: float


class Clients:
    """The client processes and their reports. `orders` are those of `tests.crash.client`."""

    def __init__(self, folder: Path, cluster: Cluster, seed: int, **orders: Any) -> None:
        self._reports = [folder / f"client-{number}" for number in range(CLIENTS)]
        same = {"bucket": BUCKET, "seed": seed, "connection": cluster.connection, **orders}
        for number, report in enumerate(self._reports):
            orders = {"client": number, **same}
            Path(f"{report}.orders").write_text(json.dumps(orders))
        env = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        self._processes = [
            subprocess.Popen([sys.executable, "-m", "tests.crash.client", str(report)], cwd=ROOT, env=env)
            for report in self._reports
        ]

    def tell(self, word: str) -> None:
        for report in self._reports:
            Path(f"{report}.{word}").touch()

    def all_are(self, word: str, seconds: float) -> None:
        def there() -> bool:
            assert all(process.poll() in (None, 0) for process in self._processes), "a client died"
            return all(Path(f"{report}{word}").exists() for report in self._reports)

        until(there, seconds, f"the clients are not {word}")

    def reports(self) -> list[dict[str, Any]]:
        return [json.loads(report.read_text()) for report in self._reports]

    def end(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()


class Killer:
    """Chooses and kills; keeps the list."""

    def __init__(self, cluster: Cluster, rng: random.Random) -> None:
        self.cluster, self.rng = cluster, rng
        self.kills: list[Kill] = []

    def _pid(self, whom: str, busy: int) -> int | None:
        if whom == "sentinel":
            return self.cluster.sentinel()
        waiting = [pid for pid in self.cluster.workers() if pid != busy]
        return self.rng.choice(waiting) if waiting else None

    def kill(self, phase: str, whom: str, pid: int) -> bool:
        gone = started(pid) is None or not self.cluster.kill(pid)
        if not gone:
            self.kills.append(Kill(phase, whom, time.time()))
        return not gone

    def in_phase(self, phase: str, whom: str, ripe: float = 0.0) -> None:
        """Kill while the job is at work in that phase, once `ripe` of its objects are done."""
        total = CLIENTS * KEYS_EACH
        done = {"copy": lambda row: row.processed, "cleanup": lambda row: row.deleted}
        counted = done.get(phase, lambda row: total)

        def there(row: Row) -> bool:
            at = row.phase in (("", "stage") if phase == "stage" else (phase,))
            return at and row.status == "running" and counted(row) >= ripe * total

        while True:
            busy = self.cluster.watch(there, PHASE_S).worker
            assert busy is not None
            pid = busy if whom == "busy" else self._pid(whom, busy)
            if pid is not None and there(self.cluster.row()) and self.kill(phase, whom, pid):
                return

    def in_the_flip(self) -> None:
        """The flip needs the work slot alone: while we are in it too, it stands still, and we strike."""
        bucket_id = self.cluster.bucket_id(BUCKET)

        def near(row: Row) -> bool:
            assert not row.turned, "it flipped unseen"
            return row.phase in ("verify", "flip") and row.status == "running" and _lives(row)

        while True:
            self.cluster.watch(near, PHASE_S)
            try:
                with self.cluster.slot("work", bucket_id):
                    while near(row := self.cluster.row()):
                        if row.phase == "flip":
                            time.sleep(self.rng.uniform(0, 0.05))
                            assert row.worker is not None
                            if self.kill("flip", "busy", row.worker):
                                return
                        time.sleep(0.001)
            except BlockingIOError:
                continue

    def at_the_flip(self) -> float:
        """As soon as the flip is committed: milliseconds between the two."""
        worker = 0

        def turned(row: Row) -> bool:
            nonlocal worker
            worker = row.worker or worker
            return row.turned

        row = self.cluster.watch(turned, PHASE_S, step=0.0002)
        assert self.kill("at the flip", "busy", worker)
        return self.kills[-1].at * 1000 - float(row.state["flipped_ms"])


def _lives(row: Row) -> bool:
    return row.worker is not None and started(row.worker) is not None
