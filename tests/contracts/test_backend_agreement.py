"""Whatever is done to a few keys, the filesystem backend and the one in memory say the same."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from proxy.backends.filesystem import FilesystemBackend
from proxy.backends.memory import MemoryBackend
from proxy.backends.values import (
    COMPLIANCE,
    GOVERNANCE,
    NULL_VERSION,
    UNLOCKED,
    Amendment,
    Deletion,
    FeedLost,
    FeedPosition,
    Lock,
    NewObject,
    ObjectInfo,
    Place,
    Precondition,
)
from proxy.errors import S3Error
from tests.bodies import Bytes, content
from tests.conftest import FakeClock

PLACE = Place("id", "photos", "1")
NOW = 1_700_000_000_000

keys = st.sampled_from(["a", "b/c", "b/d"])
versions = st.sampled_from([NULL_VERSION, NULL_VERSION, "v1", "v2", "v3"])
ordinals = st.integers(0, 12)
locks = st.sampled_from(
    [UNLOCKED, UNLOCKED, UNLOCKED, Lock(hold=True), Lock(GOVERNANCE, NOW + 9), Lock(COMPLIANCE, NOW + 5)]
)
conditions = st.sampled_from([Precondition(), Precondition(), Precondition(etags=("*",), absent=False)])
changes = st.sampled_from(
    [Amendment(tags={"t": "1"}), Amendment(acl="x"), Amendment(hold=True), Amendment(hold=False),
     Amendment(retention=("", 0), bypass=True), Amendment(retention=(COMPLIANCE, NOW + 7))]
)  # fmt: skip


class Agreement(RuleBasedStateMachine):
    """Every rule does the same to both and compares what they answer."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock(NOW)
        self.folder = tempfile.mkdtemp()
        self.files = FilesystemBackend("f", Path(self.folder), self.clock, inline_bytes=4, keep=False)
        self.memory = MemoryBackend("m", self.clock)
        for backend in (self.files, self.memory):
            backend.prepare(None)
            backend.create_bucket(PLACE)
        self.bodies = 0

    def teardown(self) -> None:
        assert list(self.files.check_store(deep=True)) == []
        self.files.close()
        shutil.rmtree(self.folder)

    def both(self, act: Callable[[Any], Any]) -> None:
        answers = []
        for backend in (self.files, self.memory):
            try:
                answers.append(act(backend))
            except (S3Error, FeedLost) as error:
                answers.append(error)
        assert _plain(answers[0]) == _plain(answers[1])

    @rule(key=keys, version=versions, lock=locks, when=conditions)
    def put(self, key: str, version: str, lock: Lock, when: Precondition) -> None:
        self.bodies += 1
        new = NewObject(key, version_id=version, lock=lock)
        self.both(lambda backend: backend.put(PLACE, new, Bytes(b"%d" % (self.bodies**3)), when))

    @rule(key=keys, version=versions, lock=locks, ordinal=ordinals)
    def carry(self, key: str, version: str, lock: Lock, ordinal: int) -> None:
        info = ObjectInfo(key, 3, "x-1", NOW, version_id=version, ordinal=ordinal, lock=lock)
        self.both(lambda backend: backend.put(PLACE, NewObject.copy_of(info), Bytes(b"xyz")))

    @rule(key=keys, version=versions, lock=locks, when=conditions)
    def replicate(self, key: str, version: str, lock: Lock, when: Precondition) -> None:
        info = ObjectInfo(key, 3, "x-1", NOW - 1, version_id="far", ordinal=3, lock=Lock(hold=True))
        new = replace(NewObject.copy_of(info), version_id=version, lock=lock, newest=True)
        self.both(lambda backend: backend.put(PLACE, new, Bytes(b"xyz"), when))

    @rule(key=keys, version=versions, bypass=st.booleans(), when=conditions)
    def remove(self, key: str, version: str, bypass: bool, when: Precondition) -> None:
        self.both(lambda backend: backend.delete(PLACE, [Deletion(key, version, bypass=bypass, when=when)]))

    @rule(key=keys, version=versions, ordinal=st.none() | ordinals)
    def mark(self, key: str, version: str, ordinal: int | None) -> None:
        carried = None if ordinal is None else ObjectInfo(key, 0, "", 5, ordinal=ordinal, marker=True)
        marker = Deletion(key, version, marker=True, carried=carried)
        self.both(lambda backend: backend.delete(PLACE, [marker]))

    @rule(key=keys, version=st.just("") | versions, change=changes)
    def amend(self, key: str, version: str, change: Amendment) -> None:
        self.both(lambda backend: backend.amend(PLACE, key, version, change))

    @rule(ms=st.integers(0, 4))
    def wait(self, ms: int) -> None:
        self.clock.advance(ms=ms)

    @rule(limit=st.integers(1, 4), delimiter=st.sampled_from(["", "/"]), version=versions, key=keys)
    def page(self, limit: int, delimiter: str, version: str, key: str) -> None:
        self.both(
            lambda backend: backend.list_versions(
                PLACE, delimiter=delimiter, after=(key, version), limit=limit
            )
        )

    @rule(seq=st.integers(0, 26), limit=st.integers(1, 4))
    def follow(self, seq: int, limit: int) -> None:
        after = FeedPosition(PLACE.bucket_id, PLACE.incarnation, seq)
        self.both(lambda backend: backend.changes(PLACE, after, limit))

    @invariant()
    def they_hold_the_same(self) -> None:
        self.both(lambda backend: (backend.usage(PLACE), backend.head_seq(PLACE)))
        self.both(lambda backend: backend.list(PLACE))
        self.both(lambda backend: backend.list_versions(PLACE))
        self.both(lambda backend: [content(backend.open(PLACE, i.key)) for i in backend.list(PLACE).objects])

    @invariant()
    def every_key_has_one_latest_version(self) -> None:
        entries = self.files.list_versions(PLACE).versions
        for _, group in groupby(entries, key=lambda info: info.key):
            newest, *others = group
            assert newest.latest and not any(info.latest for info in others)


def _plain(answer: Any) -> Any:
    if isinstance(answer, S3Error):
        return type(answer), answer.fields, answer.headers
    if isinstance(answer, FeedLost):
        return FeedLost
    return [_plain(each) for each in answer] if isinstance(answer, list) else answer


TestAgreement = Agreement.TestCase
TestAgreement.settings = settings(max_examples=15, stateful_step_count=25, deadline=None)
