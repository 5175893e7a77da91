"""Adopting what a service holds already, and moving it on: how somebody leaves it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from proxy import adoption, routes
from proxy.adoption import Became
from proxy.errors import InvalidArgument
from proxy.records import find_bucket
from proxy.store import Store
from tests.jobs.kinds.migrating import job
from tests.jobs.kinds.world import MIB, closed, keys, noise, put, versions
from tests.s3services import Service

Services = Callable[[str], Service]
OWNER = "c" * 64

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture
def old(settings: Any, tmp_path: Path, s3_services: Services) -> Any:
    """A client of the service `old`, past the gateway; the other backend, `there`, is a directory."""
    options = s3_services("sluicegate").options
    settings.STORAGE = {
        "backends": {"there": {"type": "filesystem", "path": str(tmp_path)}, "old": options},
        "default_backend": "there",
        "buckets": {},
    }
    client = boto3.client(
        "s3", endpoint_url=options["endpoint"], region_name="us-east-1",
        aws_access_key_id=options["access_key_id"], aws_secret_access_key=options["secret_access_key"],
    )  # fmt: skip
    yield client
    client.close()


def _adopt(name: str, **options: Any) -> adoption.Adoption:
    return adoption.adopt("old", name, name, OWNER, 1_750_000_000_000, **options)


def _listed(old: Any, bucket: str) -> dict[str, tuple[int, str, Any]]:
    found = old.list_objects_v2(Bucket=bucket).get("Contents", [])
    return {each["Key"]: (each["Size"], each["ETag"], each["LastModified"]) for each in found}


def test_an_adopted_bucket_is_served_as_it_is_and_nothing_but_the_marker_is_written(old: Any) -> None:
    old.create_bucket(Bucket="adopted")
    old.put_object(Bucket="adopted", Key="a/b", Body=b"as it was", Metadata={"x": "y"}, Tagging="t=1")
    before = _listed(old, "adopted")
    assert _adopt("adopted").became is Became.ADOPTED
    after = _listed(old, "adopted")
    assert {key: after[key] for key in before} == before
    assert set(after) - set(before) == {".sluicegate/place.json"}
    store = Store.of(find_bucket("adopted"))
    assert keys(store) == ["a/b"]
    with store.open("a/b") as reader:
        assert b"".join(reader.read(0, reader.info.size)) == b"as it was"
    assert (reader.info.metadata, reader.info.tags) == ({"x": "y"}, {"t": "1"})
    assert _adopt("adopted").became is Became.THERE


def test_an_empty_bucket_and_one_that_keeps_versions_are_adopted_with_their_state(old: Any) -> None:
    for name in ("adopted-empty", "adopted-versions"):
        old.create_bucket(Bucket=name)
    old.put_bucket_versioning(Bucket="adopted-versions", VersioningConfiguration={"Status": "Enabled"})
    first = old.put_object(Bucket="adopted-versions", Key="k", Body=b"1")["VersionId"]
    second = old.put_object(Bucket="adopted-versions", Key="k", Body=b"22")["VersionId"]
    assert _adopt("adopted-empty").versioning == ""
    assert _adopt("adopted-versions").versioning == "Enabled"
    bucket = find_bucket("adopted-versions")
    assert bucket.settings.versioning == "Enabled"
    assert [info.version_id for info in versions(Store.of(bucket))] == [second, first]


def test_what_another_sluicegate_has_is_refused_and_what_is_not_there_too(old: Any) -> None:
    old.create_bucket(Bucket="of-another")
    marker = json.dumps({"bucket_id": "e" * 32, "incarnation": "elsewhere"})
    old.put_object(Bucket="of-another", Key=".sluicegate/place.json", Body=marker)
    assert "another Sluicegate" in _adopt("of-another").why
    assert "shows no bucket" in _adopt("never-made").why


def test_clients_cannot_reach_what_is_the_gateways_own(old: Any) -> None:
    old.create_bucket(Bucket="adopted-own")
    _adopt("adopted-own")
    store = Store.of(find_bucket("adopted-own"))
    with pytest.raises(InvalidArgument, match="reserved"):
        put(store, ".sluicegate/place.json", b"{}")
    assert keys(store) == []


def test_what_was_adopted_moves_on_with_versions_and_etags(old: Any) -> None:
    old.create_bucket(Bucket="left-behind")
    old.put_bucket_versioning(Bucket="left-behind", VersioningConfiguration={"Status": "Enabled"})
    ids = [old.put_object(Bucket="left-behind", Key="k", Body=b"x" * size)["VersionId"] for size in (1, 2)]
    marker = old.delete_object(Bucket="left-behind", Key="gone")["VersionId"]
    upload = old.create_multipart_upload(Bucket="left-behind", Key="of parts", ContentType="a/b")["UploadId"]
    parts = [
        {"PartNumber": number, "ETag": old.upload_part(
            Bucket="left-behind", Key="of parts", UploadId=upload, PartNumber=number, Body=body)["ETag"]}
        for number, body in enumerate((noise(1, 5 * MIB), noise(2, 100)), 1)
    ]  # fmt: skip
    done = old.complete_multipart_upload(
        Bucket="left-behind", Key="of parts", UploadId=upload, MultipartUpload={"Parts": parts}
    )
    before = _listed(old, "left-behind")
    _adopt("left-behind")
    closed(find_bucket("left-behind"))
    saved = job("left-behind", delete_source=True).run()
    assert saved.issues == []
    bucket = find_bucket("left-behind")
    assert bucket.route.backend == "there"
    store = Store.of(bucket)
    assert [info.version_id for info in versions(store)] == [marker, ids[1], ids[0], done["VersionId"]]
    info = store.head("of parts")
    assert (f'"{info.etag}"', info.headers["content-type"]) == (done["ETag"], "a/b")
    listed = {one.key: one for one in store.list().objects}
    for key, (size, etag, modified) in before.items():
        assert (listed[key].size, f'"{listed[key].etag}"') == (size, etag)
        assert listed[key].last_modified // 1000 == int(modified.timestamp())
    assert "left-behind" not in routes.backend("old").real_buckets()
