"""A place that was written before there were versions, or seals, is found whole, and written on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from proxy.backends.base import ReaderBody
from proxy.backends.encrypted import SEALING, Encrypted
from proxy.backends.filesystem import FilesystemBackend
from proxy.backends.filesystem.schema import STEPS
from proxy.backends.values import (
    NULL_VERSION,
    UNLOCKED,
    Amendment,
    Deletion,
    NewObject,
    PartRequest,
    UploadInfo,
)
from proxy.errors import BackendUnavailable
from tests.bodies import Bytes, content, noise
from tests.bucket_keys import HeldKeys
from tests.conftest import FakeClock
from tests.proxy.backends.conftest import PLACE

THEN = 1_600_000_000_000
OWNER = "f" * 64
FACTS = json.dumps([{"content-type": "a/b", "x-amz-storage-class": "COLD"}, {"m": "1"}, {"t": "2"}])
BEFORE = """
CREATE TABLE place (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    seq INTEGER NOT NULL, keys INTEGER NOT NULL, size INTEGER NOT NULL,
    gone INTEGER NOT NULL, swept INTEGER NOT NULL
);
INSERT INTO place VALUES (1, 0, 0, 0, 0, 0);
CREATE TABLE live (
    key BLOB PRIMARY KEY, size INTEGER NOT NULL, etag TEXT NOT NULL, modified INTEGER NOT NULL,
    seq INTEGER NOT NULL, owner TEXT NOT NULL, checksums TEXT NOT NULL, checksum_type TEXT NOT NULL,
    class TEXT NOT NULL, facts TEXT NOT NULL, body INTEGER, segments TEXT NOT NULL, parts TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE history (
    key BLOB NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL, modified INTEGER NOT NULL,
    seq INTEGER NOT NULL, owner TEXT NOT NULL, checksums TEXT NOT NULL, checksum_type TEXT NOT NULL,
    class TEXT NOT NULL, facts TEXT NOT NULL, body INTEGER, segments TEXT NOT NULL, parts TEXT NOT NULL,
    died INTEGER NOT NULL, version TEXT, marker INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (key, seq)
) WITHOUT ROWID;
CREATE TABLE bodies (id INTEGER PRIMARY KEY, refs INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE blobs (id TEXT PRIMARY KEY, refs INTEGER NOT NULL, size INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE garbage (id TEXT PRIMARY KEY, since INTEGER NOT NULL, size INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX garbage_by_age ON garbage (since);
CREATE TABLE changes (seq INTEGER PRIMARY KEY, key BLOB NOT NULL, gone INTEGER NOT NULL);
CREATE TABLE uploads (
    id TEXT PRIMARY KEY, key BLOB NOT NULL, initiated INTEGER NOT NULL, owner TEXT NOT NULL,
    algorithm TEXT NOT NULL, checksum_type TEXT NOT NULL, facts TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX uploads_by_key ON uploads (key, initiated, id);
CREATE TABLE parts (
    upload TEXT NOT NULL, number INTEGER NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL,
    modified INTEGER NOT NULL, checksums TEXT NOT NULL, segments TEXT NOT NULL,
    PRIMARY KEY (upload, number)
) WITHOUT ROWID;
CREATE TABLE completions (
    id TEXT PRIMARY KEY, key BLOB NOT NULL, initiated INTEGER NOT NULL, owner TEXT NOT NULL,
    algorithm TEXT NOT NULL, checksum_type TEXT NOT NULL, facts TEXT NOT NULL,
    finished INTEGER NOT NULL, result TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX completions_by_key ON completions (key, initiated, id);
CREATE INDEX completions_by_age ON completions (finished);
CREATE TABLE marks (name TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
PRAGMA user_version = 1;
"""
LIVE = f"INSERT INTO live VALUES ({', '.join('?' * 13)})"
FIRST, SECOND = noise(50_000, 1), noise(300, 2)
BLOBS = {"aa" + "1" * 30: FIRST, "aa" + "2" * 30: SECOND}
PARTS = [[1, 50_000, "", THEN, {"crc32": "AAAAAA=="}], [2, 300, "", THEN, {}]]


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _digest_of(parts: list[bytes]) -> str:
    together = b"".join(hashlib.md5(part, usedforsecurity=False).digest() for part in parts)
    return f"{md5(together)}-{len(parts)}"


def _write(run: apsw.Connection, folder: Path) -> None:
    for name, data in BLOBS.items():
        path = folder / "blobs" / name[:2] / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        run.execute("INSERT INTO blobs VALUES (?, 2, ?)", (name, len(data)))
    first, second = BLOBS
    parts = json.dumps([[n, size, md5(data), at, sums] for (n, size, _, at, sums), data in _numbered()])
    segments = json.dumps([[first, 0, 50_000], [second, 0, 300]])
    run.execute("INSERT INTO bodies VALUES (2, 1, ?)", (b"small",))
    rows = [
        ("small", 5, md5(b"small"), THEN, 2, OWNER, "crc32:AAAAAA== sha1:x", "FULL_OBJECT", "COLD", FACTS,
         2, "", ""),
        ("parts", 50_300, _digest_of([FIRST, SECOND]), THEN + 1, 4, OWNER, "crc32:BBBBBB==-2", "COMPOSITE",
         "", FACTS, None, segments, parts),
        ("\0é", 0, md5(b""), THEN + 2, 5, "", "", "", "", "", None, "", ""),
    ]  # fmt: skip
    for key, *rest in rows:
        run.execute(LIVE, (key.encode(), *rest))
    run.execute("UPDATE place SET seq = 5, keys = 3, size = 50305")
    run.execute("INSERT INTO marks VALUES ('job', '42')")
    upload = ("open", b"to come", THEN, OWNER, "CRC32", "FULL_OBJECT", FACTS)
    run.execute("INSERT INTO uploads VALUES (?, ?, ?, ?, ?, ?, ?)", upload)
    for number, (name, data) in enumerate(BLOBS.items(), 1):
        where = json.dumps([[name, 0, len(data)]])
        run.execute(
            "INSERT INTO parts VALUES ('open', ?, ?, ?, ?, 'crc32:AAAAAA==', ?)",
            (number, len(data), md5(data), THEN, where),
        )


def _numbered() -> Iterator[tuple[list[object], bytes]]:
    return zip(PARTS, BLOBS.values(), strict=True)


@pytest.fixture(params=range(1, len(STEPS)))
def upgraded(
    backend: FilesystemBackend, folder: Path, clock: FakeClock, request: pytest.FixtureRequest
) -> FilesystemBackend:
    """A backend over a place of an older schema, which it has not opened yet."""
    for path in folder.glob("index.db*"):
        path.unlink()
    run = apsw.Connection(str(folder / "index.db"))
    run.execute("PRAGMA journal_mode = WAL")
    run.execute(BEFORE)
    _write(run, folder)
    result = json.dumps(
        ["done\0", 5, "etag-1", clock(), 3, OWNER, "sha256:y", "FULL_OBJECT", "COLD", FACTS,
         json.dumps([[1, 5, "e", THEN, {}]])]
    )  # fmt: skip
    run.execute(
        "INSERT INTO completions VALUES ('done', ?, ?, ?, '', '', ?, ?, ?)",
        (b"done\0", THEN, OWNER, FACTS, clock(), result),
    )
    for step in STEPS[1 : request.param]:
        run.execute(step)
    run.execute(f"PRAGMA user_version = {request.param}")
    run.close()
    return backend


def test_every_fact_is_found_after_the_upgrade(upgraded: FilesystemBackend, clock: FakeClock) -> None:
    small = upgraded.head(PLACE, "small")
    assert content(upgraded.open(PLACE, "small")) == b"small"
    assert (small.size, small.etag, small.last_modified, small.seq) == (5, md5(b"small"), THEN, 2)
    assert (dict(small.headers), dict(small.metadata), dict(small.tags)) == tuple(json.loads(FACTS))
    assert small.checksums == {"crc32": "AAAAAA==", "sha1": "x"} and small.owner_id == OWNER
    for info in (small, upgraded.head(PLACE, "\0é")):
        assert (info.version_id, info.latest, info.marker) == (NULL_VERSION, True, False)
        assert (info.lock, info.acl, info.ordinal) == (UNLOCKED, "", info.seq)
    assert content(upgraded.open(PLACE, "parts")) == FIRST + SECOND
    assert [part.size for part in upgraded.head(PLACE, "parts").parts] == [50_000, 300]
    assert [info.key for info in upgraded.list(PLACE).objects] == ["\0é", "parts", "small"]
    usage = upgraded.usage(PLACE)
    assert (usage.keys, usage.size, usage.versions, usage.uploads, usage.locked) == (3, 50_305, 0, 1, 0)
    assert upgraded.marked(PLACE, "job") == "42" and upgraded.head_seq(PLACE) == 5
    done = upgraded.head_upload(PLACE, "done").completed
    assert done is not None and (done.key, done.etag, done.seq, done.ordinal) == ("done\0", "etag-1", 3, 3)
    assert dict(done.tags) == {"t": "2"} and done.checksums == {"sha256": "y"} and done.parts[0].etag == "e"
    assert done.headers["x-amz-storage-class"] == "COLD" and done.last_modified == clock()


def test_an_upload_of_before_is_finished_after_the_upgrade(upgraded: FilesystemBackend) -> None:
    upload = upgraded.head_upload(PLACE, "open")
    assert (upload.key, upload.owner_id, upload.lock, upload.acl) == ("to come", OWNER, UNLOCKED, "")
    parts, _ = upgraded.list_parts(PLACE, "open")
    upgraded.amend(PLACE, "small", "", Amendment(acl="theirs"))
    etags = [PartRequest(part.number, part.etag) for part in parts[:1]]
    upgraded.complete_upload(PLACE, "open", etags, version_id="v1")
    assert content(upgraded.open(PLACE, "to come", "v1")) == FIRST
    assert upgraded.usage(PLACE).uploads == 0


def test_a_place_of_before_is_written_on_with_versions(upgraded: FilesystemBackend) -> None:
    upgraded.put(PLACE, NewObject("small", version_id="v1"), Bytes(b"newer"))
    upgraded.delete(PLACE, [Deletion("parts", "m", marker=True), Deletion("\0é")])
    upgraded.create_upload(PLACE, UploadInfo("u", "k", THEN))
    listed = [(i.key, i.version_id, i.latest) for i in upgraded.list_versions(PLACE).versions]
    assert listed == [
        ("parts", "m", True), ("parts", NULL_VERSION, False),
        ("small", "v1", True), ("small", NULL_VERSION, False),
    ]  # fmt: skip
    assert content(upgraded.open(PLACE, "small", NULL_VERSION)) == b"small"
    assert content(upgraded.open(PLACE, "parts", NULL_VERSION)) == FIRST + SECOND
    problems = [finding.problem for finding in upgraded.check_store(deep=False)]
    assert problems == []


def test_a_place_of_before_is_sealed_from_now_on(upgraded: FilesystemBackend) -> None:
    backend = Encrypted(upgraded, HeldKeys(), SEALING)
    assert backend.count_seals(PLACE) == {} and not any(one.wrap for one in backend.list_seals(PLACE).entries)
    for key in ("small", "parts"):
        with backend.open(PLACE, key) as reader:
            info = backend.put(PLACE, NewObject.copy_of(reader.info), ReaderBody(reader))
            assert info.seal is not None and not reader.info.seal
    assert content(backend.open(PLACE, "small")) == b"small"
    assert content(backend.open(PLACE, "parts")) == FIRST + SECOND
    upload = backend.head_upload(PLACE, "open")
    assert upload.seal is None and backend.head_upload(PLACE, "done").completed is not None
    part = backend.put_part(PLACE, "open", 1, Bytes(b"plain", "crc32"))
    backend.complete_upload(PLACE, "open", [PartRequest(1, part.etag)])
    assert list(backend.count_seals(PLACE).values()) == [2]


def test_the_upgrade_happens_once_and_a_newer_place_is_refused(
    upgraded: FilesystemBackend, folder: Path
) -> None:
    upgraded.head(PLACE, "small")
    upgraded.close()
    with apsw.Connection(str(folder / "index.db")) as run:
        assert run.execute("PRAGMA user_version").get == len(STEPS)
        run.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
    with pytest.raises(BackendUnavailable, match="newer version"):
        upgraded.head(PLACE, "small")
