"""Users over HTTP: each with what is its own and what policies allow, from one request to the next."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.s3.errors import refused
from tests.s3.people import make_person
from tests.s3.server import Server

READ = {"Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::of-carol/*"}]}


@pytest.fixture(scope="module")
def carol(s3_server: Server) -> Any:
    return make_person(s3_server, "carol").s3


@pytest.fixture(scope="module")
def dave(s3_server: Server) -> Any:
    s3_server.manage("users", "create", "dave", "--no-buckets")
    return make_person(s3_server, "dave").s3


def test_a_user_has_buckets_that_others_neither_see_nor_use(
    s3_server: Server, carol: Any, dave: Any, tmp_path: Path
) -> None:
    carol.create_bucket(Bucket="of-carol")
    carol.put_object(Bucket="of-carol", Key="k", Body=b"x")
    assert [one["Name"] for one in carol.list_buckets()["Buckets"]] == ["of-carol"]
    assert dave.list_buckets().get("Buckets", []) == []
    with refused("AccessDenied", 403):
        dave.get_object(Bucket="of-carol", Key="k")
    owners = [client.list_buckets()["Owner"]["ID"] for client in (carol, dave)]
    assert len(set(owners)) == 2 and carol.list_buckets()["Owner"]["DisplayName"] == "carol"

    (tmp_path / "read.json").write_text(json.dumps(READ))
    s3_server.manage("policies", "attach", "--user", "dave", "read", str(tmp_path / "read.json"))
    assert dave.get_object(Bucket="of-carol", Key="k")["Body"].read() == b"x"
    with refused("AccessDenied", 403):
        dave.put_object(Bucket="of-carol", Key="k", Body=b"y")
    s3_server.manage("policies", "detach", "--user", "dave", "read")
    with refused("AccessDenied", 403):
        dave.get_object(Bucket="of-carol", Key="k")


def test_who_may_not_create_buckets_does_not(dave: Any) -> None:
    with refused("AccessDenied", 403):
        dave.create_bucket(Bucket="of-dave")


def test_a_used_key_says_when(s3_server: Server, dave: Any) -> None:
    dave.list_buckets()
    (row,) = json.loads(s3_server.manage("keys", "list", "--user", "dave", "--json"))["access_keys"]
    assert row["last_used"] is not None


def test_a_disabled_user_is_refused_at_once(s3_server: Server, dave: Any) -> None:
    dave.list_buckets()
    s3_server.manage("users", "disable", "dave")
    with refused("InvalidAccessKeyId", 403):
        dave.list_buckets()
