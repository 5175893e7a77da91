"""What can be found in the folder of a sealed place, and what happens to who alters it."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import apsw
import pytest

from proxy.backends.base import ReaderBody
from proxy.backends.encrypted import SEALING, Encrypted
from proxy.backends.filesystem import FilesystemBackend
from proxy.backends.sealing.bodies import SealingBody
from proxy.backends.values import Deletion, NewObject, PartRequest, UploadInfo
from proxy.crypto.frames import DamagedBody, Opener
from tests.bodies import Bytes, content, noise
from tests.bucket_keys import HeldKeys
from tests.conftest import FakeClock
from tests.proxy.backends.conftest import PLACE

MARKER = b"the secret that must not be found"
SMALL = MARKER * 20
LARGE = MARKER * 4_000
FIVE = MARKER * 160_000


def holds(folder: Path) -> set[str]:
    """The files below a folder in which the marker stands."""
    return {path.name for path in folder.rglob("*") if path.is_file() and MARKER in path.read_bytes()}


# -- nothing in plain -----------------------------------------------------------------------------
def test_no_plaintext_is_ever_in_the_folder_of_a_sealed_place(sealed: Encrypted, folder: Path) -> None:
    class Watched:
        """A body that looks behind its receiver at every piece."""

        length: int | None = len(FIVE)
        checksums: dict[str, str] = {}

        def __iter__(self) -> Iterator[bytes]:
            for at in range(0, len(FIVE), 1 << 20):
                yield FIVE[at : at + (1 << 20)]
                assert holds(folder) == set()

    sealed.put(PLACE, NewObject("watched"), Watched())
    for key, data in (("small", SMALL), ("large", LARGE)):
        sealed.put(PLACE, NewObject(key), Bytes(data))
        with sealed.open(PLACE, key) as reader:
            sealed.put(PLACE, NewObject(f"{key} copy"), ReaderBody(reader))
        assert content(sealed.open(PLACE, f"{key} copy")) == data
    sealed.create_upload(PLACE, UploadInfo("u", "parts", 1))
    asked = [
        PartRequest(number, sealed.put_part(PLACE, "u", number, body).etag)
        for number, body in ((1, Watched()), (2, Bytes(SMALL)))
    ]
    assert holds(folder) == set()
    sealed.complete_upload(PLACE, "u", asked)
    with sealed.open(PLACE, "parts") as reader:
        sealed.put(PLACE, NewObject("whole"), ReaderBody(reader))
    sealed.put(PLACE, NewObject("small"), Bytes(LARGE))
    sealed.delete(PLACE, [Deletion("large"), Deletion("small copy")])
    assert holds(folder) == set()
    sealed.close()
    assert holds(folder) == set()


def test_the_same_body_never_looks_the_same(sealed: Encrypted, backend: FilesystemBackend) -> None:
    for key in ("a", "b"):
        sealed.put(PLACE, NewObject(key), Bytes(SMALL))
    stored = []
    for key in ("a", "b"):
        with backend.open(PLACE, key) as reader:
            assert reader.info.seal is not None
            stored.append(b"".join(reader.read(0, reader.info.seal.stored)))
    assert len(stored[0]) == len(stored[1]) > len(SMALL)
    pieces = [{each[at : at + 16] for at in range(64, len(each) - 64, 16)} for each in stored]
    assert not pieces[0] & pieces[1]


def test_a_body_that_is_read_twice_is_never_sealed_with_the_same_nonces() -> None:
    data_key = b"k" * 32
    body = SealingBody(Bytes(b"secret"), data_key, None)
    first, second = b"".join(body), b"".join(body)
    assert first[32:38] != second[32:38], "the ciphertext"
    (segment,) = body.segments
    opener = Opener(data_key, bytes.fromhex(segment.body_id), segment.size, segment.stored)
    assert b"".join(opener.open([second], 0, 6)) == b"secret"


def test_what_was_plain_is_nowhere_once_it_is_rewritten_and_scrubbed(root: Path, clock: FakeClock) -> None:
    """Objects that were removed before the place was sealed leave nothing either."""
    plain = FilesystemBackend("local", root, clock, copy_hours=1, keep=False)
    plain.prepare(None)
    plain.create_bucket(PLACE)
    for number in range(40):
        plain.put(PLACE, NewObject(f"k{number}"), Bytes(SMALL if number % 2 else LARGE))
    plain.delete(PLACE, [Deletion(f"k{number}") for number in range(20)])
    folder = root / "photos~0001"
    clock.advance(seconds=3601)
    plain.sweep()
    assert holds(folder / "copies")
    plain.close()
    backend = FilesystemBackend("local", root, clock, keep=False, secure_delete=True)
    backend.prepare(None)
    sealed = Encrypted(backend, HeldKeys(), SEALING)
    for number in range(20, 40):
        with sealed.open(PLACE, f"k{number}") as reader:
            sealed.put(PLACE, NewObject.copy_of(reader.info), ReaderBody(reader))
    assert not sealed.scrub(PLACE), "a body that was replaced just now may still be read"
    assert holds(folder)
    clock.advance(seconds=61)
    assert sealed.scrub(PLACE)
    assert holds(folder) == set()
    assert content(sealed.open(PLACE, "k21")) == SMALL and content(sealed.open(PLACE, "k20")) == LARGE
    assert list(sealed.check_store(deep=True)) == []
    sealed.close()


def _open_files() -> set[str]:
    found = set()
    for one in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            found.add(os.readlink(one))
    return found


def test_an_index_is_written_anew_on_its_own_disk(backend: FilesystemBackend, folder: Path) -> None:
    """SQLite's temporary file has no name; a thread looks for it while it is open."""
    for number in range(1_500):
        backend.put(PLACE, NewObject(f"k{number}"), Bytes(noise(30_000)))
    before, seen = _open_files(), set[str]()
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            seen.update(_open_files())

    looking = threading.Thread(target=look)
    looking.start()
    try:
        assert backend.scrub(PLACE)
    finally:
        done.set()
        looking.join()
    nameless = {path for path in seen - before if "/#" in path and path.endswith("(deleted)")}
    assert nameless, "it was never seen"
    assert {Path(path).parent for path in nameless} == {folder / "tmp"}


def test_what_is_read_keeps_a_place_from_being_scrubbed(
    sealed: Encrypted, unsealed: Encrypted, folder: Path, clock: FakeClock
) -> None:
    unsealed.create_upload(PLACE, UploadInfo("u", "k", 1))
    parts = [unsealed.put_part(PLACE, "u", number, Bytes(FIVE)) for number in (1, 2)]
    asked = [PartRequest(part.number, part.etag) for part in parts]
    unsealed.complete_upload(PLACE, "u", asked)
    with sealed.open(PLACE, "k") as reader:
        sealed.put(PLACE, NewObject("k"), Bytes(SMALL))
        clock.advance(seconds=61)
        assert not sealed.scrub(PLACE)
        assert b"".join(reader.read(0, reader.info.size)) == FIVE + FIVE
    assert sealed.scrub(PLACE)
    assert holds(folder) == set()


# -- what is altered does not open --------------------------------------------------------------------
def _blob_of(backend: FilesystemBackend, folder: Path, key: str) -> Path:
    with backend._using(PLACE) as bucket, bucket.pool.lend() as connection:
        text = connection.execute("SELECT segments FROM live WHERE key = ?", (key.encode(),)).get
    blob = str(text).split('"')[1]
    return folder / "blobs" / blob[:2] / blob


def _flip(at: int) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        data = bytearray(path.read_bytes())
        data[at] ^= 1
        path.write_bytes(data)

    return change


def _shorten(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


DAMAGES = {
    "magic": _flip(0), "frame size": _flip(4), "body id": _flip(20), "frame": _flip(40),
    "tag": _flip(-310), "footer": _flip(-200), "size": _flip(-20), "tail": _flip(-1), "end": _shorten,
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_an_altered_body_is_an_error_of_that_object_alone(
    sealed: Encrypted, backend: FilesystemBackend, folder: Path, damage: Callable[[Path], None]
) -> None:
    for key in ("hit", "well"):
        sealed.put(PLACE, NewObject(key), Bytes(LARGE))
    damage(_blob_of(backend, folder, "hit"))
    with pytest.raises(Exception, match=r"does not match its seal|shorter than its row says"):
        content(sealed.open(PLACE, "hit"))
    assert content(sealed.open(PLACE, "well")) == LARGE
    assert {finding.key for finding in sealed.check_store(deep=True)} == {"hit"}


def test_nothing_of_an_altered_body_is_given_for_right(
    sealed: Encrypted, backend: FilesystemBackend, folder: Path
) -> None:
    data = noise(3 << 20)
    sealed.put(PLACE, NewObject("k"), Bytes(data))
    _flip(-1000)(_blob_of(backend, folder, "k"))
    got = b""
    with sealed.open(PLACE, "k") as reader, pytest.raises(DamagedBody):
        for piece in reader.read(0, len(data)):
            got += piece
    assert 0 < len(got) < len(data) and data.startswith(got)
    with sealed.open(PLACE, "k") as reader:
        assert b"".join(reader.read(5, 100_000)) == data[5:100_000]


Change = Callable[[apsw.Connection], object]


def _swap(*columns: str) -> Change:
    """What stands in these columns of the two rows changes places."""

    def change(run: apsw.Connection) -> None:
        rows = run.execute(f"SELECT key, {', '.join(columns)} FROM live ORDER BY key").fetchall()
        assignments = ", ".join(f"{column} = ?" for column in columns)
        for mine, theirs in zip(rows, reversed(rows), strict=True):
            run.execute(f"UPDATE live SET {assignments} WHERE key = ?", (*theirs[1:], mine[0]))

    return change


def _sql(statement: str) -> Change:
    return lambda run: run.execute(statement)


ROWS = {
    "wraps": _swap("wrap"),
    "bodies": _swap("segments"),
    "seals": _swap("sealed"),
    "bodies and seals": _swap("segments", "sealed"),
    "everything sealed": _swap("segments", "sealed", "wrap"),
    "ETags": _swap("etag"),
    "sizes": _sql("UPDATE live SET size = size - 1"),
    "version ids": _sql("UPDATE live SET version = 'v9'"),
}


@pytest.mark.parametrize("change", ROWS.values(), ids=ROWS)
def test_bodies_rows_and_wraps_do_not_pass_for_one_another(
    sealed: Encrypted, folder: Path, change: Change
) -> None:
    for key, seed in (("a", 1), ("b", 2)):
        sealed.put(PLACE, NewObject(key), Bytes(noise(50_000, seed)))
    with apsw.Connection(str(folder / "index.db")) as run:
        change(run)
    for key in ("a", "b"):
        with pytest.raises(DamagedBody):
            content(sealed.open(PLACE, key))


def test_the_parts_of_an_object_do_not_change_places(sealed: Encrypted, folder: Path) -> None:
    sealed.create_upload(PLACE, UploadInfo("u", "k", 1))
    parts = [sealed.put_part(PLACE, "u", number, Bytes(FIVE)) for number in (1, 2)]
    sealed.complete_upload(PLACE, "u", [PartRequest(part.number, part.etag) for part in parts])
    with apsw.Connection(str(folder / "index.db")) as run:
        for column in ("sealed", "segments"):
            run.execute(
                f"UPDATE live SET {column} = json_array({column} -> 1, {column} -> 0)",
            )
    with pytest.raises(DamagedBody, match="wrap"):
        sealed.open(PLACE, "k")
