"""A byte that flips on the target's disk between copy and verify fails the job and names the key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apsw
import pytest

from jobs.errors import JobFailed
from proxy.backends.filesystem import FilesystemBackend
from proxy.backends.values import Route
from proxy.records import find_bucket
from tests.jobs.kinds.conftest import storage
from tests.jobs.kinds.migrating import BIG_STEPS, SMALL_STEPS, filled_bucket, job, staged

_INLINE = "UPDATE bodies SET data = zeroblob(length(data)) WHERE id = (SELECT body FROM live WHERE key = ?)"
_SEGMENTS = "SELECT segments FROM live WHERE key = ?"
_PART = "SELECT segments FROM parts WHERE upload = ? AND number = ?"

pytestmark = pytest.mark.parametrize("limits", [SMALL_STEPS, BIG_STEPS], ids=["small steps", "big steps"])


@pytest.fixture(params=[True, False], ids=["linked", "copied"])
def disks(request: pytest.FixtureRequest, settings: Any, tmp_path: Path, db: None, monkeypatch: Any) -> Path:
    """Two filesystem backends, on one file system or as if on two; the target's folder."""
    settings.STORAGE = storage("filesystem", "filesystem", tmp_path)
    if not request.param:
        monkeypatch.setattr("proxy.backends.filesystem.taking.link_files", lambda *_: None)
        monkeypatch.setattr(FilesystemBackend, "can_link", lambda self, reader: False)
    return tmp_path / "there"


def _folder(root: Path, route: Route) -> Path:
    return root / f"{route.place.bucket}~{route.place.incarnation}"


def _flip_in_file(folder: Path, select: str, *arguments: Any) -> None:
    """One bit in the middle of the first file that the row names."""
    text = apsw.Connection(str(folder / "index.db")).execute(select, arguments).get
    blob = str(text).partition('"')[2].partition('"')[0]
    path = folder / "blobs" / blob[:2] / blob
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    with path.open("r+b") as file:
        file.write(data)


@pytest.mark.parametrize("key", ["facts", "large", "of parts", "of one part"])
def test_in_a_file(key: str, limits: Any, disks: Path) -> None:
    filled_bucket()
    drive = job(limits=limits)
    drive.run(until="verify")
    _flip_in_file(_folder(disks, staged(drive)), _SEGMENTS, key.encode())
    with pytest.raises(JobFailed, match=f"^{key}: the bytes .* have the MD5"):
        drive.run()
    drive.unwind()
    assert find_bucket("photos").route.backend == "here"


def test_in_the_index(limits: Any, disks: Path) -> None:
    filled_bucket()
    drive = job(limits=limits)
    drive.run(until="verify")
    index = apsw.Connection(str(_folder(disks, staged(drive)) / "index.db"))
    index.execute(_INLINE, (b"plain",))
    with pytest.raises(JobFailed, match=r"^plain: the bytes 0 to 3000 have the MD5"):
        drive.run()


def test_in_a_part_of_an_open_upload(limits: Any, disks: Path) -> None:
    filled_bucket()
    drive = job(limits=limits)
    drive.run(until="verify")
    _flip_in_file(_folder(disks, staged(drive)), _PART, "open-with-parts", 2)
    with pytest.raises(JobFailed, match=r"open-with-parts\), part 2: the bytes"):
        drive.run()
