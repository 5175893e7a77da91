"""Where the workers of a contract work: a site, a job of a sample, and what they are told."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from typing import Any

from tests.contracts.samples import SAMPLES
from tests.jobsite.service import until
from tests.s3services import Service
from tests.services.gateways import configuration
from tests.sites import Site

CONFIG = f"""
storage:
  backends:
    - {{name: local, type: filesystem, path: local, encryption: {{keys: [{{id: k1, key: {"5e" * 32}}}]}}}}
    - {{name: archive, type: filesystem, path: archive}}
  default_backend: local
"""
"""Two backends; the first could seal, and does not unless a sample says so."""

Services = Callable[[str], Service]


def _use(site: Site, text: str) -> None:
    """That configuration, and a name of this test alone: a service is shared by all."""
    config = site.home / "contract.yaml"
    config.write_text(text)
    site.env["SLUICEGATE_CONFIG"] = str(config)
    site.env["CONTRACT_BUCKET"] = f"contract-{secrets.token_hex(8)}"


class Workers:
    """The process of `tests.contracts.workers` in a site, and a job of a sample."""

    def __init__(self, site: Site, kind: str, index: int, services: Services | None = None) -> None:
        site.env["SLUICEGATE_CLEANUP_GRACE_SECONDS"] = "0"
        service = SAMPLES[kind][index].service
        assert not service or services is not None
        on_service = services(service).options if service and services is not None else None
        _use(site, configuration({"archive": on_service}, "local") if on_service else CONFIG)
        self._process = site.start("tests.contracts.workers")
        self._sample = {"kind": kind, "index": index}
        self.kills = 0
        self.acknowledged: list[str | None] = []
        """The keys that a client has written between the slices."""
        self.before = self.ask("prepare", **self._sample)
        """What could be seen before the job."""
        self.job = self.ask("create", **self._sample)

    def ask(self, do: str, **arguments: Any) -> Any:
        """A child's answer; None if it was killed."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert "error" not in answer, answer["error"]
        self.kills += bool(answer.get("killed"))
        return answer.get("value")

    def work(self, kill: bool = False) -> dict[str, Any]:
        """Work on the job until it has ended, with all the crashes on the way; its row."""
        for _ in range(1_000):
            self.acknowledged.append(self.ask("meanwhile", **self._sample))
            self.ask("work", job=self.job, kill=kill, **self._sample)
            row: dict[str, Any] = self.recover()
            if row["status"] in ("succeeded", "failed", "cancelled"):
                return row
        raise AssertionError(f"it never ends: {row}")

    def recover(self, hurry: bool = True) -> Any:
        """Somebody looks; with `hurry` the lease of a worker is over at once. The job's row."""
        return self.ask("recover", job=self.job, hurry=hurry, **self._sample)

    def until(self, phase: str) -> None:
        """Work up to the beginning of a phase, and lose that worker."""
        self.ask("until", job=self.job, phase=phase, **self._sample)
        self.recover()

    def one_slice(self) -> dict[str, Any] | None:
        """A slice of one page: where the job stands then."""
        found: dict[str, Any] | None = self.ask("one_slice", job=self.job, **self._sample)
        return found

    def lose_one_in(self, boundary: str) -> None:
        """A worker that dies at the first such boundary; its lease is over at once."""
        self.ask("die", job=self.job, boundary=boundary, **self._sample)
        self.recover()

    def halted(self, boundary: str, phase: str) -> int:
        """A worker that was stopped at that boundary; its process id."""
        pid: int = self.ask(
            "halt", how="behind", job=self.job, boundary=boundary, phase=phase, **self._sample
        )
        until(lambda: self.ask("", how="state", pid=pid) in ("T", "Z"), 30, "it was never stopped")
        return pid

    def goes_on(self, pid: int) -> int:
        """SIGCONT to a stopped worker, and its exit status."""
        status: int = self.ask("", how="goes on", pid=pid)
        return status
