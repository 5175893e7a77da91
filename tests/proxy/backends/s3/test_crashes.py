"""Processes that are killed between what the service did and what we noted of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from proxy.backends.values import Place
from tests.proxy.backends.s3.conftest import fresh
from tests.proxy.backends.s3.worker import FIVE, OWNER, PARTS
from tests.s3services import Service
from tests.sites import GATEWAY_ALONE, Site


class Worker:
    """A process that does as it is told, until it dies."""

    def __init__(self, site: Site, options: dict[str, Any]) -> None:
        self.process = site.start("tests.proxy.backends.s3.worker", **GATEWAY_ALONE)
        self._say(options)

    def does(self, what: str, place: Place, **how: str) -> Any:
        """What comes of it; None for nothing, and if it died."""
        self._say({"do": what, "place": [place.bucket_id, place.bucket, place.incarnation], **how})
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        return json.loads(line) if line else None

    def dies(self, what: str, place: Place, after: str) -> None:
        self.does(what, place, die_after=after)
        assert self.process.wait(30) == -9

    def _say(self, what: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()


@pytest.fixture
def start(sqlite_site: Site, s3_services: Callable[[str], Service]) -> Callable[[], Worker]:
    return lambda: Worker(sqlite_site, s3_services("sluicegate").options)


@pytest.mark.parametrize("later", ["nothing", "a version over it"])
def test_a_completion_whose_answer_was_lost_is_answered_when_it_is_repeated(
    site: Site, s3_services: Callable[[str], Service], later: str
) -> None:
    def start() -> Worker:
        return Worker(site, s3_services("sluicegate").options)

    place, killed, other = fresh(), start(), start()
    other.does("create", place)
    other.does("versioned", place)
    etags = other.does("upload", place)
    killed.dies("complete", place, after="complete_upload")
    assert other.does("uploads", place) == ["u"]
    if later != "nothing":
        other.does("overwrite", place)
    first = other.does("complete", place)
    key, size, etag, owner, version_id, _ = first
    assert (
        (key, size, owner) == ("k", FIVE + len(PARTS[2]), OWNER) and etag.endswith("-2") and len(etags) == 2
    )
    line = other.does("listed", place)
    assert [row for row in line if row[4] == version_id] == [first], "one object came of it"
    assert len(line) == (1 if later == "nothing" else 2)
    assert other.does("again", place) == first and other.does("uploads", place) == []


def test_an_object_whose_writer_was_killed_before_its_row_is_told_as_it_was_meant(
    start: Callable[[], Worker],
) -> None:
    place, killed, other = fresh(), start(), start()
    other.does("create", place)
    other.does("put", place)
    killed.dies("put", place, after="put")
    ((key, size, _, owner, version_id, sums),) = other.does("listed", place)
    assert (key, size, owner, version_id, list(sums)) == ("k", 5, OWNER, "null", ["crc32"])
    assert other.does("read", place) == 5


@pytest.mark.parametrize("after", ["create_bucket", "put"])
def test_a_place_whose_maker_was_killed_is_made_when_it_is_asked_for_again(
    start: Callable[[], Worker], after: str
) -> None:
    place, killed, other = fresh(), start(), start()
    killed.dies("create", place, after=after)
    other.does("create", place)
    assert other.does("listed", place) == [] and other.does("put", place)[0] == "k"


@pytest.mark.parametrize("after", ["abort_upload", "delete_many", "delete_bucket"])
def test_a_place_whose_remover_was_killed_goes_when_it_is_removed_again(
    start: Callable[[], Worker], after: str
) -> None:
    place, killed, other = fresh(), start(), start()
    other.does("create", place)
    other.does("versioned", place)
    other.does("upload", place)
    other.does("overwrite", place)
    killed.dies("remove", place, after=after)
    assert other.does("remove", place) == []
    other.does("create", place)
    assert other.does("listed", place) == [] and other.does("uploads", place) == []
