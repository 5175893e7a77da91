"""Over the whole table: who has no right changes nothing and learns nothing; the row's right is enough."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from proxy import gateway, records
from proxy.access.actions import ACTIONS, versioned
from proxy.caller import NOBODY, Caller
from proxy.gateway import Admitted, Response
from proxy.handlers.refusals import not_implemented
from proxy.operations import OPERATIONS, Level, Operation
from proxy.store import Store
from proxy.wire.request import S3Request

pytestmark = pytest.mark.django_db

OWNER = Caller("a" * 64, "olga")
STRANGER = Caller("b" * 64, "boris", creates_buckets=False)
STRANGERS = {"a stranger": STRANGER, "nobody": NOBODY}

ALSO = {
    "s3:GetObjectAttributes": "s3:GetObject",
    "s3:GetObjectVersionAttributes": "s3:GetObjectVersion",
}
"""What S3 wants besides the row's own right."""
BY_ITSELF = ("DeleteObjects", "PostObject", "OptionsBucket", "OptionsObject", "ListBuckets")
"""Rows with tests of their own below: what they need is not one right to what the URL names."""
SUPPORTED = [one for one in OPERATIONS if one.handler is not not_implemented and one.name not in BY_ITSELF]
OF_VERSIONS = [one for one in SUPPORTED if versioned(one.right) != one.right and one.name != "DeleteObjects"]
ROWS = [(one, False) for one in SUPPORTED] + [(one, True) for one in OF_VERSIONS]

DELETE = b"<Delete><Object><Key>k</Key></Object></Delete>"


class Pieces:
    """A body; `taken` says whether anybody asked for it."""

    pulse = None

    def __init__(self, content: bytes) -> None:
        self.content, self.taken = content, False

    def __iter__(self) -> Iterator[bytes]:
        self.taken = True
        yield self.content


@dataclass
class Gateway:
    """The front desk, to which everybody comes with a signature that was verified already."""

    callers: list[Caller] = field(default_factory=list)
    upload: str = ""
    version: str = ""

    def ask(
        self, caller: Caller, method: str, target: str, body: bytes = b"", **headers: str
    ) -> tuple[Response, Pieces]:
        path, _, query = target.partition("?")
        self.callers[:] = [caller]
        named = {"content-length": str(len(body))} | {n.replace("_", "-"): v for n, v in headers.items()}
        scope = {
            "type": "http",
            "method": method,
            "raw_path": path.encode(),
            "path": path,
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in named.items()],
        }
        pieces = Pieces(body)
        return gateway.serve(scope, "0" * 16, pieces), pieces

    def do(self, caller: Caller, row: Operation, *, of_version: bool = False) -> tuple[Response, Pieces]:
        """A request that is this row, with a body that means nothing."""
        bucket = "new" if row.name == "CreateBucket" else "photos"
        path = {Level.SERVICE: "/", Level.BUCKET: f"/{bucket}", Level.OBJECT: "/photos/k"}[row.level]
        query = [one if "=" in one else f"{one}=" for one in row.markers if not one.startswith("x-amz-")]
        if "uploadId" in row.markers:
            query = [f"uploadId={self.upload}", "partNumber=1"]
        if of_version:
            query.append(f"versionId={self.version}")
        headers = {"x_amz_object_attributes": "ETag"}
        if "x-amz-copy-source" in row.markers:
            headers["x_amz_copy_source"] = "theirs/k"
        body = b"<x/>" if row.method in ("PUT", "POST") and row.name != "CreateBucket" else b""
        return self.ask(caller, row.method, f"{path}?{'&'.join(query)}", body, **headers)


@pytest.fixture
def desk(settings: Any, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gateway:
    """A bucket `photos` of Olga's with two versions of `k` and an upload, and `theirs` of Boris's."""
    settings.STORAGE = {
        "backends": {"here": {"type": "memory", "path": str(tmp_path)}},
        "default_backend": "here",
        "buckets": {},
    }
    desk = Gateway()

    def authenticate(admitted: Admitted, request: S3Request) -> None:
        admitted.caller = desk.callers[0]

    monkeypatch.setattr(gateway, "_authenticate", authenticate)
    boris = Caller(STRANGER.owner_id)
    enabled = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
    for caller, name in ((OWNER, "photos"), (boris, "theirs")):
        assert desk.ask(caller, "PUT", f"/{name}", x_amz_bucket_object_lock_enabled="true")[0].status == 200
        assert desk.ask(caller, "PUT", f"/{name}?versioning", enabled)[0].status == 200
        assert desk.ask(caller, "PUT", f"/{name}/k", b"old")[0].status == 200
    (found,) = Store.of(records.find_bucket("photos")).list_versions().versions
    desk.version = found.version_id
    assert desk.ask(OWNER, "PUT", "/photos/k", b"new", x_amz_tagging="a=b")[0].status == 200
    started = desk.ask(OWNER, "POST", "/photos/k?uploads")[0].body.decode()
    desk.upload = started.partition("<UploadId>")[2].partition("<")[0]
    return desk


def everything() -> list[Any]:
    """All that there is in the buckets, and what was set for them."""
    found: list[Any] = []
    for bucket in records.list_buckets():
        store = Store.of(bucket)
        versions = store.list_versions().versions
        uploads = store.list_uploads().uploads
        facts = [store.head(one.key, one.version_id) for one in versions if not one.marker]
        parts = [store.list_parts(one.upload_id) for one in uploads]
        found.append((bucket, versions, facts, uploads, parts))
    return found


def name_of(row: tuple[Operation, bool]) -> str:
    return row[0].name + (" of a version" if row[1] else "")


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_who_has_no_right_is_refused_before_the_body_and_changes_nothing(
    desk: Gateway, row: tuple[Operation, bool]
) -> None:
    operation, of_version = row
    before = everything()
    for who, caller in {**STRANGERS, **_denied(_right(row))}.items():
        response, pieces = desk.do(caller, operation, of_version=of_version)
        assert (response.status, response.code) == (403, "AccessDenied"), who
        assert not pieces.taken, who
        assert b"<ETag>" not in response.body
    assert everything() == before


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_a_policy_that_allows_just_that_right_is_enough(desk: Gateway, row: tuple[Operation, bool]) -> None:
    operation, of_version = row
    right = _right(row)
    policy = _policy("Allow", right, *([ALSO[right]] if right in ALSO else []))
    only = Caller("b" * 64, "boris", creates_buckets=False, policies=(policy,))
    assert desk.do(only, operation, of_version=of_version)[0].code != "AccessDenied"


def _right(row: tuple[Operation, bool]) -> str:
    return versioned(row[0].right) if row[1] else row[0].right


def _denied(right: str) -> dict[str, Caller]:
    """Those who may everything else."""
    policies = (_policy("Allow", "s3:*"), _policy("Deny", right))
    return {
        "the owner, denied": replace(OWNER, policies=policies),
        "a user, denied": replace(STRANGER, policies=policies),
        "root, denied": Caller("c" * 64, "root", root=True, policies=policies),
    }


def test_every_key_of_a_deletion_is_asked_for(desk: Gateway) -> None:
    before = everything()
    for caller in STRANGERS.values():
        response, _ = desk.ask(caller, "POST", "/photos?delete", DELETE, content_md5=_md5(DELETE))
        assert response.status == 403 or b"<Code>AccessDenied</Code>" in response.body
        assert b"<Deleted>" not in response.body
    assert everything() == before
    allowed = Caller("b" * 64, "boris", policies=(_policy("Allow", "s3:DeleteObject"),))
    response, _ = desk.ask(allowed, "POST", "/photos?delete", DELETE, content_md5=_md5(DELETE))
    assert b"<Deleted>" in response.body


def test_a_delete_marker_is_not_told_to_strangers(desk: Gateway) -> None:
    assert desk.ask(OWNER, "DELETE", "/photos/k")[0].status == 204
    (marker,) = [
        one for one in Store.of(records.find_bucket("photos")).list_versions().versions if one.marker
    ]
    for target in ("/photos/k", f"/photos/k?versionId={marker.version_id}"):
        for caller in STRANGERS.values():
            assert desk.ask(caller, "GET", target)[0].status == 403
    assert desk.ask(OWNER, "GET", f"/photos/k?versionId={marker.version_id}")[0].status == 405


def test_a_form_that_nobody_signed_uploads_nothing(desk: Gateway) -> None:
    before = everything()
    form = (
        b'--x\r\nContent-Disposition: form-data; name="key"\r\n\r\nk\r\n'
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nfrom a form\r\n--x--\r\n'
    )
    kind = "multipart/form-data; boundary=x"
    response, _ = desk.ask(NOBODY, "POST", "/photos", form, content_type=kind)
    assert (response.status, response.code) == (403, "AccessDenied")
    assert everything() == before


def test_a_copy_needs_the_right_to_its_source(desk: Gateway) -> None:
    before = everything()
    writer = Caller("c" * 64, "carla", policies=(_policy("Allow", "s3:PutObject"),))
    response, _ = desk.ask(writer, "PUT", "/theirs/copy", x_amz_copy_source="photos/k")
    assert (response.status, response.code) == (403, "AccessDenied")
    assert everything() == before


def test_buckets_are_listed_for_whom_they_are(desk: Gateway) -> None:
    def seen(caller: Caller) -> list[str]:
        body = desk.ask(caller, "GET", "/")[0].body.decode()
        return [one.partition("<")[0] for one in body.split("<Name>")[1:]]

    reader = Caller("c" * 64, "carla", policies=(_policy("Allow", "s3:ListBucket"),))
    assert seen(OWNER) == ["photos"]
    assert seen(STRANGER) == ["theirs"]
    assert seen(reader) == seen(Caller("d" * 64, "root", root=True)) == ["photos", "theirs"]
    assert seen(NOBODY) == []


def test_a_policy_can_name_every_right_of_the_table() -> None:
    assert {versioned(one.right).lower() for one in OPERATIONS} <= ACTIONS
    assert {one.right.lower() for one in OPERATIONS} <= ACTIONS


def _policy(effect: str, *actions: str) -> str:
    statement = {"Effect": effect, "Action": list(actions), "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


def _md5(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content).digest()).decode()
