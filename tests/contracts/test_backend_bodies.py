"""Bodies reach every backend in whatever pieces their senders make."""

from __future__ import annotations

import hashlib

import pytest

from proxy.backends.base import Backend
from proxy.backends.values import NewObject, Place
from tests.bodies import Pieces, content, noise


@pytest.mark.parametrize("length", [100_000, None])
def test_a_body_that_comes_in_small_pieces_is_taken_whole(
    backend: Backend, place: Place, length: int | None
) -> None:
    data = noise(100_000)
    body = Pieces([data[at : at + 1_000] for at in range(0, len(data), 1_000)], length)
    assert backend.put(place, NewObject("k"), body).etag == hashlib.md5(data).hexdigest()
    assert content(backend.open(place, "k")) == data
