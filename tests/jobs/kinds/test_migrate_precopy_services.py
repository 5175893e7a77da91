"""A bucket is copied to a service, or sealed, while clients write to it: what a GET finds is the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from proxy.records import find_bucket
from proxy.store import Store
from tests.jobs.kinds.conftest import storage
from tests.jobs.kinds.driving import Drive
from tests.jobs.kinds.encrypting import SEALED, ring
from tests.jobs.kinds.migrating import job
from tests.jobs.kinds.services import services
from tests.jobs.kinds.world import contents, fill, fill_versions, make_bucket
from tests.jobs.kinds.writing import Writer

__all__ = ["services"]

pytestmark = pytest.mark.usefixtures("services", "db")


def _moved(drive: Drive, source: Store) -> tuple[dict[str, Any], dict[str, Any]]:
    """What there was when the gate closed, and what there is on the target."""
    drive.run(until="flip")
    before = contents(source.route)
    drive.happens = lambda event: None
    drive.run()
    moved = find_bucket("photos").route
    assert moved.backend == "there"
    return before, contents(moved)


@pytest.mark.parametrize(("here", "seed"), [("memory", 0), ("memory", 39), ("filesystem", 2)])
def test_what_a_service_can_keep_is_there_whatever_clients_wrote_meanwhile(
    here: str, seed: int, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.STORAGE = storage(here, "service", tmp_path)
    source = Store.at(make_bucket("photos").route)
    fill(source)
    fill_versions(source)
    writer = Writer("photos", seed)
    writer.between_reads(monkeypatch)
    before, after = _moved(job(happens=writer, precopy=True, drop=["versions"]), source)
    for facts in (*before["objects"].values(), *after["objects"].values()):
        del facts["version_id"]
    assert (after["objects"], after["uploads"]) == (before["objects"], before["uploads"])
    assert len(writer.done) > 50


@pytest.mark.parametrize("seed", range(1))
@pytest.mark.parametrize("sealed", ["here", "there"])
def test_bodies_are_opened_and_sealed_on_the_way_as_without_a_precopy(
    sealed: str, seed: int, settings: Any, tmp_path: Path
) -> None:
    made = storage("filesystem", "memory", tmp_path)
    made["backends"][sealed]["encryption"] = {"mode": SEALED, "keys": ring("k1"), "kms_key_id": None}
    settings.STORAGE = made
    source = Store.at(make_bucket("photos").route)
    fill(source)
    fill_versions(source)
    before, after = _moved(job(happens=Writer("photos", seed), precopy=True), source)
    assert after == before
