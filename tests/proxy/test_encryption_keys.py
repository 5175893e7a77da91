"""Encryption keys from the command line: made, listed, checked, rotated and retired."""

from __future__ import annotations

import io
import json
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import indent
from typing import Any

import pytest
import yaml
from django.core.management import CommandError, call_command
from pytest_django import Settings

from proxy import checks, rings, routes
from proxy.backends.values import NewObject, UploadInfo
from proxy.bucket_keys import COPY, BucketKeys
from proxy.models import BucketKey, RingKey
from proxy.records import BucketRecord, find_bucket
from tests.bodies import Bytes
from tests.sites import ROOT, Site

pytestmark = pytest.mark.django_db

OLD, NEW, OTHER = ("k-2025", "11" * 32), ("k-2026", "22" * 32), ("k-other", "33" * 32)
NOW = 1_700_000_000_000


class Rings:
    """Two backends whose rings can be exchanged, as an operator does with a restart."""

    def __init__(self, settings: Settings, root: Path) -> None:
        self._settings = settings
        self._root = root
        self.seals = True

    def set(self, *local: tuple[str, str], far: tuple[tuple[str, str], ...] = ()) -> None:
        """The keys of both, oldest first; with a key a backend seals."""
        self.close()
        self._settings.STORAGE = {
            "backends": {"local": self._backend("local", local), "far": self._backend("far", far)},
            "default_backend": "local",
            "buckets": {"moved": {"backend": "far"}},
        }
        for name in routes.backend_names():
            rings.note_keys(name, NOW)

    def _backend(self, name: str, keys: tuple[tuple[str, str], ...]) -> dict[str, Any]:
        ring = [{"id": key_id, "key": key} for key_id, key in keys]
        encryption = {"mode": "aes256-gcm-proxy" if keys and self.seals else "none", "keys": ring}
        return {"type": "filesystem", "path": str(self._root / name), "encryption": encryption}

    def close(self) -> None:
        for backend in list(routes._built.values()):
            getattr(backend, "close", lambda: None)()


@pytest.fixture
def ring(settings: Settings, tmp_path: Path) -> Iterator[Rings]:
    """With one key on the backend `local`."""
    both = Rings(settings, tmp_path)
    both.set(OLD)
    yield both
    both.close()


def _run(*words: str) -> str:
    out = io.StringIO()
    call_command("keys", *words, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def _listed() -> dict[str, Any]:
    """Of the backend `local`: key id -> (state, number of bucket keys, buckets, what they seal)."""
    rows = json.loads(_run("list", "--json"))["encryption_keys"]
    return {
        row["id"]: (row["state"], row["bucket_keys"], row["buckets"], row["sealed"])
        for row in rows
        if row["backend"] == "local"
    }


def _bucket(name: str, *keys: str) -> BucketRecord:
    bucket = routes.create_bucket(name, "owner", NOW)
    for key in keys:
        _put(bucket, key)
    return bucket


def _put(bucket: BucketRecord, key: str) -> None:
    routes.backend(bucket.route.backend).put(bucket.route.place, NewObject(key), Bytes(key.encode()))


def _read(name: str, key: str) -> bytes:
    route = find_bucket(name).route
    with routes.backend(route.backend).open(route.place, key) as reader:
        return b"".join(reader.read(0, reader.info.size))


def _keys_of(bucket: BucketRecord) -> BucketKeys:
    name = bucket.route.backend
    return BucketKeys(name, rings.ring_of(name), routes.backend(name), lambda: NOW)


# -- generate ------------------------------------------------------------------------------------


def test_a_generated_key_is_an_entry_for_the_configuration(tmp_path: Path) -> None:
    one, other = (yaml.safe_load(_run("generate"))[0] for _ in range(2))
    assert one["id"] != other["id"] and one["key"] != other["key"]
    assert len(bytes.fromhex(one["key"])) == 32


def test_a_key_is_generated_into_a_new_file_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "key"
    text = _run("generate", "--id", "k-1", "--out", str(path))
    assert yaml.safe_load(text) == [{"id": "k-1", "key_file": str(path)}]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    key = path.read_text()
    assert len(bytes.fromhex(key.strip())) == 32 and key.strip() not in text
    with pytest.raises(CommandError, match="File exists"):
        _run("generate", "--out", str(path))
    assert path.read_text() == key


def test_an_id_that_is_none_is_refused() -> None:
    with pytest.raises(CommandError, match="letters, digits"):
        _run("generate", "--id", "a.b")


# -- list ----------------------------------------------------------------------------------------


def test_the_list_says_of_each_key_what_it_is_and_what_needs_it(ring: Rings) -> None:
    _bucket("photos", "a", "b")
    _bucket("empty")
    ring.set(OLD, NEW)
    bucket = _bucket("films", "c")
    routes.backend("local").create_upload(bucket.route.place, UploadInfo("u", "d", NOW))
    assert _listed() == {
        OLD[0]: ("older", 1, ["photos"], 2),
        NEW[0]: ("newest", 1, ["films"], 2),
    }
    text = _run("list")
    assert "ENCRYPTION KEY" in text and "2023-11-14 22:13" in text
    assert OLD[1] not in text and NEW[1] not in text


def test_a_key_that_is_not_on_the_ring_any_more_is_missing_while_it_is_needed(ring: Rings) -> None:
    bucket = _bucket("photos", "a")
    ring.set(NEW)
    assert _listed()[OLD[0]] == ("missing", 1, ["photos"], 1)
    routes.backend("local").delete_bucket(bucket.route.place, force=True)
    assert _listed()[OLD[0]] == ("removed", 0, [], None)


def test_a_backend_that_is_not_there_is_listed_without_counts(ring: Rings, tmp_path: Path) -> None:
    _bucket("photos", "a")
    ring.set(OLD)
    shutil.move(tmp_path / "local", tmp_path / "elsewhere")
    assert _listed()[OLD[0]] == ("newest", 1, ["photos"], None)
    assert "?" in _run("list")


# -- check ---------------------------------------------------------------------------------------


def test_a_check_finds_nothing_where_every_key_opens(ring: Rings) -> None:
    _bucket("photos", "a")
    assert "Every bucket key opens" in _run("check")
    assert "k-2025" in _run("check", "--backend", "local")
    with pytest.raises(CommandError, match="no backend nowhere"):
        _run("check", "--backend", "nowhere")


def test_a_check_names_what_a_missing_key_keeps_shut(ring: Rings) -> None:
    _bucket("photos", "a", "b")
    ring.set(NEW)
    out = io.StringIO()
    with pytest.raises(CommandError, match="1 problem"):
        call_command("keys", "check", stdout=out, stderr=io.StringIO())
    assert "local/photos: bucket key" in out.getvalue()
    assert "which seals 2: The encryption key 'k-2025' is wanted; the ring has: k-2026." in out.getvalue()


def test_a_check_names_what_is_sealed_by_a_key_of_which_there_is_no_record(ring: Rings) -> None:
    bucket = _bucket("photos", "a")
    routes.backend("local").mark(bucket.route.place, COPY, None)
    BucketKey.objects.all().delete()
    out = io.StringIO()
    with pytest.raises(CommandError, match="1 problem"):
        call_command("keys", "check", stdout=out, stderr=io.StringIO())
    assert "which seals 1: there is no record of it." in out.getvalue()


def test_a_check_names_an_altered_record_and_a_copy_that_is_old(ring: Rings) -> None:
    bucket = _bucket("photos", "a")
    routes.backend("local").mark(bucket.route.place, COPY, "{}")
    assert "local/photos: the copy of its bucket keys beside its objects is not up to date" in _run("check")
    wrapped = BucketKey.objects.get().wrapped
    BucketKey.objects.update(wrapped=f"{wrapped[:-1]}{'A' if wrapped[-1] != 'A' else 'Q'}")
    with pytest.raises(CommandError, match="1 problem"):
        _run("check")


# -- rotate and retire -----------------------------------------------------------------------------


def test_a_key_is_rotated_and_retired_and_every_object_reads_at_every_step(ring: Rings) -> None:
    buckets = [_bucket(name, "a", "b") for name in ("photos", "films")]
    with pytest.raises(CommandError, match="k-2025 is the newest key, which seals"):
        _run("retire", "k-2025")
    ring.set(OLD, NEW)
    assert _read("photos", "a") == b"a"
    with pytest.raises(
        CommandError,
        match=r"needed by 2 bucket keys of films, photos \(versions and open uploads sealed: 4\)",
    ):
        _run("retire", "k-2025")
    assert not RingKey.objects.exclude(retired_ms=None).exists()
    for bucket in buckets:
        assert _keys_of(bucket).rewrap(bucket.route.place) == 1
    assert "local: nothing needs k-2025" in _run("retire", "k-2025")
    assert _listed()["k-2025"][0] == "retired"
    ring.set(NEW)
    assert [_read(name, key) for name in ("photos", "films") for key in "ab"] == [b"a", b"b"] * 2
    assert checks.check_database(databases=["default"]) == []


def test_a_retired_keys_records_are_in_no_copy_either(ring: Rings) -> None:
    bucket = _bucket("photos", "a")
    stale = routes.backend("local").marked(bucket.route.place, COPY)
    ring.set(OLD, NEW)
    _keys_of(bucket).rewrap(bucket.route.place)
    routes.backend("local").mark(bucket.route.place, COPY, stale)
    _run("retire", "k-2025")
    assert "k-2025" not in (routes.backend("local").marked(bucket.route.place, COPY) or "")


def test_a_key_of_which_only_the_copy_knows_outlives_the_key_that_is_retired(ring: Rings) -> None:
    _bucket("photos", "a")
    BucketKey.objects.all().delete()
    ring.set(OLD, NEW)
    _run("retire", "k-2025")
    ring.set(NEW)
    assert _read("photos", "a") == b"a"


def test_a_bucket_that_is_gone_keeps_no_key_from_being_retired(ring: Rings) -> None:
    routes.delete_bucket(_bucket("photos"))
    left = _bucket("films", "a")
    BucketKey.objects.update(bucket_id="of a bucket that was removed by a process that was killed")
    ring.set(OLD, NEW)
    routes.backend("local").mark(left.route.place, COPY, None)
    _run("retire", "k-2025")
    assert not BucketKey.objects.exists()


def test_a_deleted_bucket_leaves_no_keys(ring: Rings) -> None:
    bucket = _bucket("photos", "a")
    routes.backend("local").delete_bucket(bucket.route.place, force=True)
    assert not BucketKey.objects.exists()


def test_a_key_of_that_id_is_retired_on_each_backend_or_on_one(ring: Rings) -> None:
    ring.set(OLD, NEW, far=(OLD, OTHER))
    _run("retire", "k-2025", "--backend", "far")
    assert [row.backend for row in RingKey.objects.exclude(retired_ms=None)] == ["far"]
    _run("retire", "k-2025")
    assert RingKey.objects.exclude(retired_ms=None).count() == 2
    with pytest.raises(CommandError, match="No backend knows an encryption key k-1999"):
        _run("retire", "k-1999")


# -- a whole site ----------------------------------------------------------------------------------

_CONFIG = """\
storage:
  default_backend: local
  backends:
    - name: local
      type: filesystem
      path: local
      encryption:
        mode: aes256-gcm-proxy
        keys:
"""


def test_a_site_starts_with_a_generated_key_and_not_with_another_one_in_its_place(
    sqlite_site: Site, tmp_path: Path
) -> None:
    config = tmp_path / "sealed.yaml"
    sqlite_site.env["SLUICEGATE_CONFIG"] = str(config)
    config.write_text(_CONFIG.replace("aes256-gcm-proxy", "none").replace("keys:", "keys: []"))
    for name in ("one", "two"):
        entry = sqlite_site.manage("keys", "generate", "--id", "k-1", "--out", str(tmp_path / name))
        config.write_text(_CONFIG + indent(entry, " " * 10))
        if name == "one":
            sqlite_site.manage("prepare")
            assert (
                json.loads(sqlite_site.manage("keys", "list", "--json"))["encryption_keys"][0]["id"] == "k-1"
            )
    done = subprocess.run(
        [sys.executable, "manage.py", "prepare"],
        cwd=ROOT,
        env=sqlite_site.env,
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert "proxy.E009" in done.stderr and "Traceback" not in done.stderr
    assert (tmp_path / "two").read_text().strip() not in done.stderr


# -- at the start ----------------------------------------------------------------------------------


def _found() -> list[tuple[str | None, str]]:
    messages = [*checks.check_settings(), *checks.check_database(databases=["default"])]
    return [(message.id, message.msg) for message in messages]


def test_a_start_without_a_key_that_is_needed_is_refused_with_its_buckets(ring: Rings) -> None:
    _bucket("photos", "a")
    assert _found() == []
    ring.set(NEW)
    [(check, text)] = _found()
    assert check == "proxy.E008"
    assert "'k-2025' is not on the ring of backend 'local'" in text and "1 bucket key of photos." in text


def test_a_start_with_other_bytes_under_an_id_is_refused(ring: Rings) -> None:
    ring.set(("k-2025", "44" * 32))
    [(check, text)] = _found()
    assert (check, "'k-2025' of backend 'local'" in text) == ("proxy.E009", True)


def test_the_newest_key_is_retired_where_nothing_is_sealed_any_more(ring: Rings) -> None:
    ring.seals = False
    ring.set(OLD)
    _run("retire", "k-2025")
    assert _found() == []
    ring.seals = True
    ring.set(OLD)
    assert [check for check, _ in _found()] == ["proxy.E010"]


def test_a_start_with_a_retired_key_as_the_newest_is_refused(ring: Rings) -> None:
    ring.set(OLD, NEW)
    _run("retire", "k-2025")
    assert _found() == []
    ring.set(NEW, OLD)
    assert [check for check, _ in _found()] == ["proxy.E010"]


@pytest.mark.parametrize("elsewhere", [False, True])
def test_one_key_under_two_ids_is_warned_of(ring: Rings, elsewhere: bool) -> None:
    again = ("k-again", OLD[1])
    if elsewhere:
        ring.set(OLD, far=(again,))
    else:
        ring.set(OLD, again)
    [(check, text)] = _found()
    backend = "far" if elsewhere else "local"
    assert check == "proxy.W001"
    assert text.endswith(f"'k-again' of backend '{backend}' is the same key as 'k-2025' of backend 'local'.")


def test_a_retired_key_that_something_needs_after_all_is_shown_as_what_it_is(ring: Rings) -> None:
    ring.set(OLD, NEW)
    _run("retire", "k-2025")
    ring.set(OLD)
    _bucket("photos", "a")
    ring.set(OLD, NEW)
    assert _listed()["k-2025"] == ("older", 1, ["photos"], 1)
    with pytest.raises(CommandError, match="is needed by"):
        _run("retire", "k-2025")
