"""store_check names what does not agree, and is silent where everything does."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from proxy import routes
from proxy.backends.filesystem import FilesystemBackend
from proxy.backends.values import Deletion, NewObject, PartRequest, UploadInfo
from tests.bodies import Bytes, noise
from tests.proxy.backends.conftest import PLACE, blobs


@pytest.fixture(autouse=True)
def filled(backend: FilesystemBackend) -> None:
    """An inline object, one in a file, one of parts, and an open upload."""
    backend.put(PLACE, NewObject("inline"), Bytes(noise(100), "sha256"))
    backend.put(PLACE, NewObject("blob"), Bytes(noise(100_000), "crc32"))
    for upload, key in (("u1", "parts"), ("u2", "open")):
        backend.create_upload(PLACE, UploadInfo(upload, key, 1))
        etag = backend.put_part(PLACE, upload, 1, Bytes(noise(50_000))).etag
        if upload == "u1":
            backend.complete_upload(PLACE, upload, [PartRequest(1, etag)])


def sql(statement: str) -> Callable[[FilesystemBackend, Path], object]:
    def change(backend: FilesystemBackend, folder: Path) -> None:
        with backend._using(PLACE) as bucket:
            bucket.writer.submit(lambda transaction: transaction.run(statement))

    return change


def on_file(key: str, change: Callable[[Path], object]) -> Callable[[FilesystemBackend, Path], object]:
    def damage(backend: FilesystemBackend, folder: Path) -> None:
        with backend.open(PLACE, key) as reader:
            assert hasattr(reader, "where")
            change(folder / "blobs" / reader.where.segments[0].blob[:2] / reader.where.segments[0].blob)

    return damage


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[1000] ^= 1
    path.write_bytes(data)


QUICK = [
    (on_file("blob", Path.unlink), "/blob: blob .* is missing"),
    (on_file("parts", Path.unlink), "/parts: blob .* is missing"),
    (on_file("blob", lambda path: os.truncate(path, 99_999)), "/blob: blob .* is cut short"),
    (sql("DELETE FROM bodies"), "/inline: inline body has None bytes|inline body .* counts 0"),
    (sql("UPDATE bodies SET data = x'00'"), "/inline: inline body has 1 bytes instead of 100"),
    (sql("UPDATE live SET segments = '' WHERE key = x'626c6f62'"), "/blob: segments do not add up"),
    (sql("UPDATE blobs SET refs = 7"), "counts 7 references, but rows have 1"),
    (sql("DELETE FROM blobs"), "counts 0 references, but rows have 1"),
    (sql("UPDATE place SET size = 1"), "counts 3 keys of"),
    (sql("DELETE FROM uploads"), "part 1 belongs to no upload"),
]
DEEP = [
    (on_file("blob", flip), "/blob: the bytes have the MD5"),
    (on_file("blob", flip), "/blob: the bytes do not have the CRC32"),
    (on_file("parts", flip), "/parts: part 1 has the MD5"),
    (sql("UPDATE bodies SET data = zeroblob(100)"), "/inline: the bytes do not have the SHA256"),
    (sql("UPDATE live SET etag = 'x-1' WHERE parts != ''"), "/parts: the parts' MD5s do not give"),
]


@pytest.mark.parametrize("deep", [False, True])
def test_a_sound_store_has_no_findings(backend: FilesystemBackend, deep: bool) -> None:
    assert list(backend.check_store(deep=deep)) == []


@pytest.mark.parametrize(("damage", "told"), QUICK)
def test_a_quick_check_names_the_damage(
    backend: FilesystemBackend, folder: Path, damage: Callable[..., object], told: str
) -> None:
    damage(backend, folder)
    found = "\n".join(map(str, backend.check_store(deep=False)))
    assert re.search(told, found), found


@pytest.mark.parametrize(("damage", "told"), DEEP)
def test_only_a_deep_check_sees_changed_bytes(
    backend: FilesystemBackend, folder: Path, damage: Callable[..., object], told: str
) -> None:
    damage(backend, folder)
    assert list(backend.check_store(deep=False)) == []
    found = "\n".join(map(str, backend.check_store(deep=True)))
    assert re.search(told, found), found


def test_a_part_of_an_open_upload_that_lost_its_body_is_named(
    backend: FilesystemBackend, folder: Path
) -> None:
    with backend.open_part(PLACE, "u2", 1) as reader:
        assert hasattr(reader, "where")
        name = reader.where.segments[0].blob
    (folder / "blobs" / name[:2] / name).unlink()
    (finding,) = backend.check_store(deep=False)
    assert (finding.place, finding.key) == (PLACE, "open") and "part 1" in finding.problem


# -- versions ------------------------------------------------------------------------------
@pytest.fixture
def versioned(backend: FilesystemBackend) -> None:
    """Beside the rest: an old version in a file, an inline one and a marker, of one key."""
    for version, size in (("v1", 70_000), ("v2", 10), ("v3", 20)):
        backend.put(PLACE, NewObject("kept", version_id=version), Bytes(noise(size)))
    backend.delete(PLACE, [Deletion("kept", "m1", marker=True)])


def on_old_file(change: Callable[[Path], object]) -> Callable[[FilesystemBackend, Path], object]:
    def damage(backend: FilesystemBackend, folder: Path) -> None:
        with backend.open(PLACE, "kept", "v1") as reader:
            assert hasattr(reader, "where")
            change(folder / "blobs" / reader.where.segments[0].blob[:2] / reader.where.segments[0].blob)

    return damage


OLD = [
    (on_old_file(Path.unlink), False, "/kept: version v1: blob .* is missing"),
    (on_old_file(flip), True, "/kept: version v1: the bytes have the MD5"),
    (sql("UPDATE history SET size = 7 WHERE version = 'v2'"), False, "/kept: version v2: inline body has 10"),
    (sql("UPDATE history SET body = NULL WHERE version = 'v2'"), False, "inline body .* counts 1 references"),
    (sql("UPDATE place SET versions = 9"), False, "counts 9 versions of 70030 bytes, but has 4"),
    (sql("UPDATE place SET versions_size = 9"), False, "counts 4 versions of 9 bytes, but has 4 of 70030"),
    (sql("DELETE FROM history WHERE marker"), False, "the versions of 'kept' are not in line"),
    (sql("UPDATE history SET ordinal = 0 WHERE marker"), False, "the versions of 'kept' are not in line"),
]


@pytest.mark.usefixtures("versioned")
@pytest.mark.parametrize(("damage", "deep", "told"), OLD)
def test_damage_to_an_older_version_is_named_with_its_id(
    backend: FilesystemBackend, folder: Path, damage: Callable[..., object], deep: bool, told: str
) -> None:
    assert list(backend.check_store(deep=True)) == []
    damage(backend, folder)
    found = "\n".join(map(str, backend.check_store(deep=deep)))
    assert re.search(told, found), found


# -- the command ---------------------------------------------------------------------------
@pytest.fixture
def configured(backend: FilesystemBackend, root: Path, settings: object) -> str:
    settings.STORAGE = {  # type: ignore[attr-defined]
        "backends": {"local": {"type": "filesystem", "path": str(root)}},
        "default_backend": "local",
        "buckets": {},
    }
    return "local"


@pytest.mark.django_db
def test_the_command_is_content_with_a_sound_store(configured: str) -> None:
    out = io.StringIO()
    call_command("store_check", "--deep", configured, stdout=out)
    assert "Everything agrees." in out.getvalue()
    routes.backend(configured).close()  # type: ignore[attr-defined]


@pytest.mark.django_db
def test_the_command_names_findings_and_fails(configured: str, folder: Path) -> None:
    out = io.StringIO()
    for name in blobs(folder):
        (folder / "blobs" / name[:2] / name).unlink()
    with pytest.raises(CommandError, match="3 findings") as caught:
        call_command("store_check", stdout=out)
    assert caught.value.returncode == 1
    assert "local/photos~0001/blob: blob" in out.getvalue()
    routes.backend(configured).close()  # type: ignore[attr-defined]


@pytest.mark.django_db
def test_the_command_refuses_an_unknown_backend(configured: str) -> None:
    with pytest.raises(CommandError, match="No such backend: nowhere"):
        call_command("store_check", "nowhere")


@pytest.mark.django_db
def test_a_backend_that_is_away_is_a_finding(configured: str, root: Path) -> None:
    routes.place_id(configured)
    (root / "backend.id").rename(root / "elsewhere")
    out = io.StringIO()
    with pytest.raises(CommandError, match="1 finding"):
        call_command("store_check", stdout=out)
    assert "is its disk mounted?" in out.getvalue()
    routes.backend(configured).close()  # type: ignore[attr-defined]
