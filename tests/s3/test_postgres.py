"""The gateway on PostgreSQL as its control database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.postgres import Cluster
from tests.s3.errors import refused
from tests.s3.server import Server

pytest_plugins: list[str] = []


@pytest.fixture(scope="module")
def server(postgres: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    url = postgres.url(postgres.create_database())
    made = Server(tmp_path_factory.mktemp("postgres-home"), settings={"DATABASE_URL": url})
    made.prepare()
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def s3(server: Server) -> Any:
    return server.client()


def test_buckets_come_in_byte_order_whatever_the_language(s3: Any) -> None:
    names = ["page-0", "page-a", "page.b", "pagec", "page0"]
    for name in names:
        s3.create_bucket(Bucket=name)
    assert [one["Name"] for one in s3.list_buckets()["Buckets"]] == sorted(names)
    found = s3.list_buckets(Prefix="page-")["Buckets"]
    assert [one["Name"] for one in found] == ["page-0", "page-a"]


def test_objects_go_in_and_come_out(s3: Any) -> None:
    s3.create_bucket(Bucket="objects")
    for size in (0, 4096, 5_000_000):
        s3.put_object(Bucket="objects", Key="k", Body=b"x" * size)
        assert len(s3.get_object(Bucket="objects", Key="k")["Body"].read()) == size
    s3.delete_object(Bucket="objects", Key="k")
    s3.delete_bucket(Bucket="objects")
    with refused("404"):
        s3.head_bucket(Bucket="objects")


def test_a_database_that_hangs_up_costs_one_answer_at_most(
    server: Server, s3: Any, postgres: Cluster
) -> None:
    s3.create_bucket(Bucket="interrupted")
    s3.put_object(Bucket="interrupted", Key="k", Body=b"x")
    with postgres.connect() as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            " AND datname LIKE 'test_%'"
        )
    outcomes = []
    for _ in range(40):
        try:
            s3.get_object(Bucket="interrupted", Key="k")["Body"].read()
            outcomes.append(200)
        except s3.exceptions.ClientError as error:
            outcomes.append(error.response["ResponseMetadata"]["HTTPStatusCode"])
    assert set(outcomes) <= {200, 503}
    assert outcomes[-1] == 200
    s3.put_object(Bucket="interrupted", Key="k", Body=b"y")
