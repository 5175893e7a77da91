"""An object whose copy takes longer than a slice: it goes on inside the object, also after a crash."""

from __future__ import annotations

import json

import pytest

from tests.contracts.samples import SAMPLES
from tests.contracts.work_place import Workers
from tests.sites import Site

pytestmark = [pytest.mark.timeout(120), pytest.mark.crash]

IN_PIECES = 1
"""The sample of `migrate` in which no body can be linked."""


def test_a_copy_goes_on_inside_an_object_slice_after_slice(sqlite_site: Site) -> None:
    workers = Workers(sqlite_site, "migrate", IN_PIECES)
    offsets: list[int] = []
    for _ in range(200):
        at = workers.one_slice()
        assert at is not None
        token = json.loads(at["token"] or "{}") if at["phase"] == "copy" else {}
        if token.get("inside") == "kept":
            offsets.append(token.get("offset", 0))
            if len(offsets) == 2:
                workers.lose_one_in("effect ended")
        if at["status"] == "succeeded":
            break
    assert len(offsets) > 3
    assert offsets == sorted(set(offsets)), "no piece was begun again from the start"
    assert workers.ask("state") == SAMPLES["migrate"][IN_PIECES].ends(workers.before)
