"""What is decided of a version before anything is done to it: tables, no store."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from jobs.errors import BadRequest
from jobs.kinds.pieces import Limits, page_of_pieces
from jobs.kinds.reencryption.deciding import (
    PLAIN,
    REWRAP,
    REWRITE,
    SEALED,
    Aim,
    Way,
    mode_of,
    upload_way,
    way,
)
from jobs.kinds.reencryption.objects import fitting
from jobs.kinds.reencryption.planning import notes, read_mode
from jobs.kinds.reencryption.tally import Tally
from proxy.backends.seals import UNENCRYPTED, Encryption, Seal, SealEntry
from proxy.backends.values import ObjectInfo, UploadInfo

OLD, NEW = "v1.b.old-key.abc", "v1.b.new-key.abc"
CUSTOMERS = "v1.c.XrY7u+Ae7tCTyyK7j1rNww==.abc"
SSE_S3, SSE_KMS = Encryption("AES256"), Encryption("aws:kms", "arn:aws:kms:eu:1:key/k-1")


def entry(wrap: str = "", encryption: Encryption = UNENCRYPTED, **facts: Any) -> SealEntry:
    return SealEntry(key="k", version_id="v", size=10, wrap=wrap, encryption=encryption, **facts)


@pytest.mark.parametrize(
    ("mode", "asked", "found", "expected"),
    [
        # as little as is needed
        (SEALED, "", entry(), Way.REWRITE),
        (SEALED, "", entry(OLD), Way.RIGHT),
        (SEALED, "", entry(NEW), Way.RIGHT),
        (SEALED, "", entry(encryption=SSE_S3), Way.REWRITE),
        (PLAIN, "", entry(), Way.RIGHT),
        (PLAIN, "", entry(encryption=SSE_KMS), Way.RIGHT),
        (PLAIN, "", entry(OLD), Way.REWRITE),
        ("sse-s3", "", entry(), Way.REWRITE),
        ("sse-s3", "", entry(OLD), Way.REWRITE),
        ("sse-s3", "", entry(encryption=SSE_S3), Way.RIGHT),
        ("sse-s3", "", entry(encryption=SSE_KMS), Way.REWRITE),
        ("sse-kms", "", entry(encryption=SSE_S3), Way.REWRITE),
        ("sse-kms", "", entry(encryption=SSE_KMS), Way.RIGHT),
        # new wraps, and no body moves
        (SEALED, REWRAP, entry(), Way.OTHER),
        (SEALED, REWRAP, entry(OLD), Way.REWRAP),
        (SEALED, REWRAP, entry(NEW), Way.RIGHT),
        (PLAIN, REWRAP, entry(), Way.RIGHT),
        (PLAIN, REWRAP, entry(OLD), Way.REWRAP),
        ("sse-s3", REWRAP, entry(), Way.OTHER),
        # every body
        (SEALED, REWRITE, entry(), Way.REWRITE),
        (SEALED, REWRITE, entry(OLD), Way.REWRITE),
        (SEALED, REWRITE, entry(NEW), Way.RIGHT),
        (PLAIN, REWRITE, entry(OLD), Way.REWRITE),
        (PLAIN, REWRITE, entry(), Way.RIGHT),
        ("sse-s3", REWRITE, entry(encryption=SSE_S3), Way.RIGHT),
        # only the client has the key
        (SEALED, "", entry(CUSTOMERS), Way.CUSTOMER),
        (PLAIN, REWRITE, entry(CUSTOMERS), Way.CUSTOMER),
        (SEALED, REWRAP, entry(CUSTOMERS), Way.CUSTOMER),
    ],
)
def test_what_is_done_follows_from_mode_wish_and_seal(
    mode: str, asked: str, found: SealEntry, expected: Way
) -> None:
    assert way(found, Aim(mode, asked=asked, fresh="new-key")) is expected


@pytest.mark.parametrize(
    ("facts", "assigns", "expected"),
    [
        ({}, True, Way.REWRITE),
        ({"latest": False}, True, Way.FIXED),
        ({"locked": True}, True, Way.FIXED),
        ({"latest": False, "locked": True}, False, Way.REWRITE),
    ],
)
def test_where_a_write_makes_another_version_older_and_locked_ones_stay(
    facts: dict[str, bool], assigns: bool, expected: Way
) -> None:
    assert way(entry(**facts), Aim(SEALED, assigns_versions=assigns)) is expected


@pytest.mark.parametrize(("versioned", "expected"), [(False, Way.REWRAP), (True, Way.FIXED)])
def test_where_a_new_wrap_is_a_new_version_it_is_left_away(versioned: bool, expected: Way) -> None:
    aim = Aim(SEALED, asked=REWRAP, assigns_versions=True, versioned=versioned)
    assert way(entry(OLD), aim) is expected
    assert way(entry(OLD), replace(aim, assigns_versions=False)) is Way.REWRAP


@pytest.mark.parametrize("facts", [{"latest": False}, {"locked": True}])
def test_what_is_right_already_is_not_told_as_fixed(facts: dict[str, bool]) -> None:
    assert way(entry(OLD, **facts), Aim(SEALED, assigns_versions=True)) is Way.RIGHT


@pytest.mark.parametrize(
    ("configured", "expected"),
    [
        ("", Way.RIGHT),
        ("k-1", Way.RIGHT),
        ("arn:aws:kms:eu:1:key/k-1", Way.RIGHT),
        ("alias/ours", Way.RIGHT),
        ("k-2", Way.REWRITE),
    ],
)
def test_a_kms_key_is_compared_by_its_id(configured: str, expected: Way) -> None:
    assert way(entry(encryption=SSE_KMS), Aim("sse-kms", configured)) is expected


@pytest.mark.parametrize(
    ("wrap", "encryption", "mode"),
    [("", UNENCRYPTED, "none"), ("", SSE_S3, "sse-s3"), ("", SSE_KMS, "sse-kms"), (OLD, SSE_S3, SEALED)],
)
def test_a_body_has_one_mode(wrap: str, encryption: Encryption, mode: str) -> None:
    assert mode_of(wrap, encryption) == mode


@pytest.mark.parametrize(
    ("mode", "asked", "wrap", "expected"),
    [
        (SEALED, "", "", Way.REWRITE),
        (SEALED, "", OLD, Way.RIGHT),
        (SEALED, REWRAP, OLD, Way.REWRAP),
        (SEALED, REWRITE, OLD, Way.REWRAP),
        (SEALED, REWRITE, NEW, Way.RIGHT),
        (PLAIN, "", OLD, Way.REWRITE),
        (PLAIN, "", "", Way.RIGHT),
    ],
)
def test_an_open_upload_that_stays_sealed_only_gets_another_wrap(
    mode: str, asked: str, wrap: str, expected: Way
) -> None:
    upload = UploadInfo("u", "k", 0, seal=Seal(wrap) if wrap else None)
    assert upload_way(upload, Aim(mode, asked=asked, fresh="new-key")) is expected


LIMITS = Limits(large_bytes=100, part_bytes=40, page_items=3, page_bytes=150)


def sized(*sizes: int) -> list[tuple[SealEntry, Way]]:
    """A minus means: this body stays."""
    return [
        (SealEntry("k", str(number), abs(size), ""), Way.REWRITE if size >= 0 else Way.REWRAP)
        for number, size in enumerate(sizes)
    ]


@pytest.mark.parametrize(
    ("sizes", "number"),
    [
        ((), 0),
        ((10, 10), 2),
        ((10, 10, 10, 10), 3),
        ((90, 90), 1),
        ((-9000, -9000, -9000, -9000, -9000), 5),
        ((10, -500, 10), 3),
        ((10, -500, 500, 10), 2),
        ((500, 10), 0),
    ],
)
def test_a_page_ends_before_a_large_body_and_within_what_it_may_move(
    sizes: tuple[int, ...], number: int
) -> None:
    assert len(fitting(sized(*sizes), LIMITS)) == number


def of_size(size: int) -> ObjectInfo:
    return ObjectInfo("k", size, "e", 0)


@pytest.mark.parametrize(("size", "start"), [(1, 0), (40, 0), (41, 0), (1000, 0), (1000, 160), (1000, 960)])
def test_pieces_follow_one_another_without_a_gap(size: int, start: int) -> None:
    found = page_of_pieces(of_size(size), start, LIMITS)
    numbers, spans = zip(*found, strict=True)
    assert spans[0].start == start and numbers == tuple(range(start // 40 + 1, start // 40 + 1 + len(spans)))
    assert all(one.end == other.start for one, other in itertools.pairwise(spans))
    assert spans[-1].end == size or spans[-1].end - start >= LIMITS.page_bytes


def test_a_body_that_is_done_has_no_more_pieces() -> None:
    assert page_of_pieces(of_size(1000), 1000, LIMITS) == []


def test_a_tally_survives_being_kept() -> None:
    tally = Tally()
    tally.add([entry(), entry(OLD), entry(CUSTOMERS)], Aim(SEALED))
    tally.add_uploads([UploadInfo("u", "k", 0)], Aim(SEALED))
    kept = Tally.read(tally.told())
    assert kept == tally
    assert (kept.objects, kept.bytes_moved, kept.uploads) == (3, 10, {Way.REWRITE: 1})
    assert set(kept.modes) == {PLAIN, SEALED, "customer"}


@pytest.mark.parametrize("params", [{"mode": "else"}, {"mode": 1}, {"node": "rewrap"}])
def test_a_wrong_wish_is_refused(params: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        read_mode(params)


@pytest.mark.parametrize(("params", "mode"), [({}, ""), ({"mode": None}, ""), ({"mode": "rewrap"}, "rewrap")])
def test_a_wish_may_say_nothing(params: dict[str, Any], mode: str) -> None:
    assert read_mode(params) == mode


@pytest.mark.parametrize(
    ("found", "aim", "words"),
    [
        (entry(), Aim(SEALED), "are read and written again: 1."),
        (entry(OLD), Aim(SEALED, asked=REWRAP), "get a new wrap, while their bodies stay: 1."),
        (entry(), Aim(SEALED, asked=REWRAP), "another mode than aes256-gcm-proxy"),
        (entry(CUSTOMERS), Aim(SEALED), "a client's own key"),
        (entry(latest=False), Aim(SEALED, assigns_versions=True), "lets nobody replace them"),
    ],
)
def test_the_notes_say_what_will_happen(found: SealEntry, aim: Aim, words: str) -> None:
    tally = Tally()
    tally.add([found], aim)
    told = notes("photos", aim, tally)
    assert any(words in note for note in told)
    assert "503 SlowDown" in told[0]
