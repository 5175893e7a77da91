"""Two empty backends for each test, or one whose encryption changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from proxy import routes
from proxy.backends import BACKENDS
from proxy.backends.memory import MemoryBackend
from tests.jobs.kinds.encrypting import PLAIN, House

PAIRS = {
    "memory to memory": ("memory", "memory"),
    "filesystem to filesystem": ("filesystem", "filesystem"),
    "filesystem to memory": ("filesystem", "memory"),
    "memory to filesystem": ("memory", "filesystem"),
}


def storage(here: str, there: str, root: Path) -> dict[str, Any]:
    """`settings.STORAGE` with the backends `here` (the default) and `there`."""
    kinds = {"here": here, "there": there}
    return {
        "backends": {name: {"type": kind, "path": str(root / name)} for name, kind in kinds.items()},
        "default_backend": "here",
        "buckets": {},
    }


ALIKE = ("memory to memory", "filesystem to filesystem")
every_pair = pytest.mark.parametrize("backends", PAIRS.values(), ids=PAIRS.keys(), indirect=True)


@pytest.fixture(params=[PAIRS[name] for name in ALIKE], ids=ALIKE)
def backends(
    request: pytest.FixtureRequest, settings: Any, tmp_path: Path, db: None
) -> Iterator[tuple[str, str]]:
    """The types of `here` and `there`: both the same, or all combinations with `every_pair`."""
    pair: tuple[str, str] = request.param
    settings.STORAGE = storage(*pair, tmp_path)
    yield pair
    for name in routes.backend_names():
        getattr(routes.backend(name), "close", lambda: None)()


@pytest.fixture
def in_memory(settings: Any, tmp_path: Path, db: None) -> None:
    settings.STORAGE = storage("memory", "memory", tmp_path)


@pytest.fixture(params=["memory", "filesystem"])
def house(
    request: pytest.FixtureRequest, settings: Any, tmp_path: Path, db: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[House]:
    settings.CLEANUP_GRACE_SECONDS = 0
    if request.param == "memory":
        one = MemoryBackend("here", lambda: 1_750_000_000_000)
        monkeypatch.setitem(BACKENDS, "memory", lambda *_: one)
    """A backend without encryption, whose configuration can be changed."""
    made = House(settings, request.param, tmp_path)
    made.set(PLAIN)
    yield made
    made.close()
