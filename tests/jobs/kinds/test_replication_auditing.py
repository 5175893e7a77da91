"""The audit finds what a reconcile would bring in line, and nothing afterwards; retries do single keys."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.kinds.replicate import Replicate
from jobs.kinds.replication.verifying import SAMPLES
from proxy.backends.values import NewObject
from proxy.errors import InvalidRequest
from tests.jobs.kinds.driving import Killed, nothing
from tests.jobs.kinds.replicating import Rule, copied, delete, rule
from tests.jobs.kinds.world import KIB, Bytes, keys, noise, put, put_in_parts

pytestmark = pytest.mark.django_db

CUSTOMERS_KEY = b"k" * 32


class Killing:
    """Raises at the first event of that name."""

    def __init__(self, event: str) -> None:
        self.event = event

    def __call__(self, event: str) -> None:
        if event == self.event:
            raise Killed


def audit(mirror: Rule) -> dict[str, Any]:
    mirror.run("verify")
    report: dict[str, Any] = dict(Replicate().report(mirror.notes)["verify"])
    return report


def disagreeing() -> Rule:
    mirror = rule()
    for number in range(10):
        put(mirror.source, f"same-{number}", noise(number, 100))
    mirror.run()
    put(mirror.source, "missing")
    put(mirror.source, "same-1", b"other content")
    put(mirror.destination, "extra")
    return mirror


def test_it_counts_what_is_missing_extra_different_and_in_sync(backends: tuple[str, str]) -> None:
    report = audit(disagreeing())
    assert report["counts"] == {"in_sync": 9, "missing": 1, "extra": 1, "different": 1, "unverifiable": 0}
    assert [sample["key"] for sample in report["samples"]["missing"]] == ["missing"]
    assert report["samples"]["different"][0]["reason"] == "The contents differ."
    assert "replicate_deletes" in report["samples"]["extra"][0]["fix"]
    assert report["finished_ms"] is not None


def test_it_changes_nothing(backends: tuple[str, str]) -> None:
    mirror = disagreeing()
    before = keys(mirror.destination), mirror.destination.head("same-1").etag, mirror.notes["feed"]
    audit(mirror)
    assert (keys(mirror.destination), mirror.destination.head("same-1").etag, mirror.notes["feed"]) == before


def test_after_a_reconcile_it_finds_nothing_that_the_rule_would_bring_in_line(
    backends: tuple[str, str],
) -> None:
    mirror = disagreeing()
    mirror.run()
    assert audit(mirror)["counts"] == {
        "in_sync": 11, "missing": 0, "extra": 1, "different": 0, "unverifiable": 0,
    }  # fmt: skip


def test_an_audit_begins_its_report_anew_and_bounds_its_samples(backends: tuple[str, str]) -> None:
    mirror = rule()
    for number in range(SAMPLES + 5):
        put(mirror.source, f"key-{number:02d}")
    for _ in range(2):
        report = audit(mirror)
        assert report["counts"]["missing"] == SAMPLES + 5
        assert len(report["samples"]["missing"]) == SAMPLES


def test_an_audit_tells_nothing_of_one_that_was_interrupted_before_it(backends: tuple[str, str]) -> None:
    mirror = disagreeing()
    interrupted = Killing("checkpoint")
    mirror.happens = interrupted
    with pytest.raises(Killed):
        mirror.run("verify")
    mirror.happens, kept = nothing, mirror.runs[-1]
    assert kept.token is not None
    mirror.state = kept.state
    put(mirror.source, "0 first of all")
    mirror.run("verify", token=kept.token, run_id=2)
    counts = mirror.notes["verify"]["counts"]
    assert (counts["missing"], counts["in_sync"]) == (2, 9), "what is before the old token, too"


def test_etags_of_other_forms_are_unverifiable_until_the_source_is_copied(backends: tuple[str, str]) -> None:
    mirror = rule(conflict="skip-if-dest-exists")
    put_in_parts(mirror.source, "parts", noise(1, 200 * KIB))
    put(mirror.destination, "parts", noise(1, 200 * KIB))
    assert audit(mirror)["counts"]["unverifiable"] == 1
    mirror.said["conflict"] = "content-diff"
    assert copied(mirror.run()) == 1
    assert audit(mirror)["counts"]["in_sync"] == 1


def test_what_only_a_customers_key_opens_fails_with_its_code_and_is_unverifiable(
    backends: tuple[str, str],
) -> None:
    mirror = rule()
    mirror.source.put(NewObject("secret", customer_key=CUSTOMERS_KEY), Bytes(b"sealed"))
    with pytest.raises(InvalidRequest):
        mirror.run()
    report = audit(mirror)
    assert report["counts"]["unverifiable"] == 1
    assert "SSE-C" in report["samples"]["unverifiable"][0]["reason"]


def test_retried_keys_are_brought_in_line_and_no_others(backends: tuple[str, str]) -> None:
    mirror = rule(source={"bucket": "releases", "prefix": "fw/"}, replicate_deletes=True)
    for key in ("fw/a", "fw/b", "fw/large", "other"):
        put(mirror.source, key, noise(3, 300 * KIB) if key == "fw/large" else b"x")
    for key in ("gone", "extra"):
        put(mirror.destination, key)
    run = mirror.run("retry", keys=("fw/a", "fw/large", "fw/gone", "other", "fw/never"))
    assert keys(mirror.destination) == ["a", "extra", "large"]
    assert (copied(run), run.deleted) == (2, 1)


def test_retries_go_through_more_keys_than_a_page_holds(backends: tuple[str, str]) -> None:
    mirror = rule()
    names = tuple(f"key-{number:02d}" for number in range(20))
    for name in names:
        put(mirror.source, name)
    delete(mirror.source, "key-07")
    mirror.run("retry", keys=names)
    assert len(keys(mirror.destination)) == 19
