"""The configured backends seal and open with the keys of their rings, as the configuration changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from proxy import routes
from proxy.backends.base import ReaderBody
from proxy.backends.seals import UNENCRYPTED, Encryption
from proxy.backends.values import NewObject
from proxy.crypto.ring import EmptyRing, MissingKey
from proxy.errors import S3Error
from proxy.records import BucketRecord
from proxy.store import Store
from tests.bodies import Bytes, content, noise

pytestmark = pytest.mark.django_db

MARKER = b"what nobody may find on the disk" * 4_000
ONE, TWO = {"id": "one", "key": "11" * 32}, {"id": "two", "key": "22" * 32}
MODE = "aes256-gcm-proxy"


def configure(settings: Any, folder: Path, **encryption: tuple[str, list[dict[str, str]]]) -> None:
    """Filesystem backends by name with their mode and ring; the first is the default."""
    backends = {
        name: {
            "type": "filesystem",
            "path": str(folder / name),
            "encryption": {"mode": mode, "keys": keys},
        }
        for name, (mode, keys) in encryption.items()
    }
    first, *others = encryption
    buckets = {f"in-{name}": {"backend": name} for name in others}
    settings.STORAGE = {"default_backend": first, "backends": backends, "buckets": buckets}


def made(name: str = "photos") -> BucketRecord:
    return routes.create_bucket(name, "o" * 64, 1)


def put(bucket: BucketRecord, key: str, data: bytes = MARKER) -> Encryption:
    return Store.of(bucket).put(NewObject(key), Bytes(data)).encryption


def found(bucket: BucketRecord, key: str) -> bytes:
    return content(Store.of(bucket).open(key))


def test_a_backend_seals_in_the_mode_that_is_configured(settings: Any, tmp_path: Path) -> None:
    configure(settings, tmp_path, local=(MODE, [ONE]), far=("none", []))
    sealed, plain = made(), made("in-far")
    assert put(sealed, "k") == Encryption("AES256") and put(plain, "k") == UNENCRYPTED
    assert found(sealed, "k") == found(plain, "k") == MARKER
    holding = [path for path in tmp_path.rglob("*") if path.is_file() and MARKER[:32] in path.read_bytes()]
    assert holding and all("far" in path.parts for path in holding)


def test_another_mode_counts_from_the_next_write_on_and_all_stays_readable(
    settings: Any, tmp_path: Path
) -> None:
    configure(settings, tmp_path, local=("none", []))
    bucket = made()
    put(bucket, "first")
    configure(settings, tmp_path, local=(MODE, [ONE]))
    put(bucket, "second")
    configure(settings, tmp_path, local=("none", [ONE]))
    put(bucket, "third")
    infos = [Store.of(bucket).head(key) for key in ("first", "second", "third")]
    assert [info.seal is not None for info in infos] == [False, True, False]
    assert {found(bucket, key) for key in ("first", "second", "third")} == {MARKER}


def test_a_new_key_on_the_ring_leaves_what_the_old_one_has_sealed(settings: Any, tmp_path: Path) -> None:
    configure(settings, tmp_path, local=(MODE, [ONE]))
    bucket = made()
    put(bucket, "k")
    configure(settings, tmp_path, local=(MODE, [ONE, TWO]))
    put(bucket, "k2")
    assert found(bucket, "k") == found(bucket, "k2") == MARKER


def test_a_key_that_is_gone_is_named_and_plain_objects_stay_readable(settings: Any, tmp_path: Path) -> None:
    configure(settings, tmp_path, local=("none", [ONE]))
    bucket = made()
    put(bucket, "plain")
    configure(settings, tmp_path, local=(MODE, [ONE]))
    put(bucket, "sealed")
    configure(settings, tmp_path, local=(MODE, [TWO]))
    with pytest.raises(MissingKey, match=r"'one' is wanted; the ring has: two"):
        found(bucket, "sealed")
    assert found(bucket, "plain") == MARKER
    assert Store.of(bucket).head("sealed").size == len(MARKER)


def test_nothing_is_written_in_plain_for_want_of_a_key(settings: Any, tmp_path: Path) -> None:
    configure(settings, tmp_path, local=(MODE, []))
    bucket = made()
    with pytest.raises(EmptyRing):
        put(bucket, "k")
    with pytest.raises(S3Error):
        Store.of(bucket).head("k")


def test_a_copy_between_backends_is_sealed_with_the_ring_of_its_target(settings: Any, tmp_path: Path) -> None:
    configure(settings, tmp_path, local=(MODE, [ONE]), far=(MODE, [TWO]))
    here, there = made(), made("in-far")
    put(here, "k", noise(100_000))
    with Store.of(here).open("k") as reader:
        assert Store.of(there).backend.can_link(reader)
        Store.of(there).put(NewObject.copy_of(reader.info), ReaderBody(reader))
    configure(settings, tmp_path, local=(MODE, []), far=(MODE, [TWO]))
    assert found(there, "k") == noise(100_000)
