"""A wrapper hands on everything that a backend is asked, and its answers."""

from __future__ import annotations

import inspect

import pytest

from proxy.backends.base import Backend
from proxy.backends.encrypted import Encrypted
from proxy.backends.forwarding import Forwarding
from proxy.backends.memory import MemoryBackend
from tests.bucket_keys import HeldKeys

METHODS = sorted(
    name for name, value in vars(Backend).items() if inspect.isfunction(value) and name[0] != "_"
)
FLAGS = sorted(name for name in Backend.__annotations__)


class Recording:
    """Any backend: says what it was asked."""

    def __getattr__(self, name: str) -> object:
        return lambda *args, **named: (name, args, named)


@pytest.mark.parametrize("name", METHODS)
def test_every_operation_reaches_the_inner_backend_with_all_that_was_said(name: str) -> None:
    backend = Forwarding(Recording())  # type: ignore[arg-type]
    parameters = list(inspect.signature(getattr(backend, name)).parameters.values())
    asked = [object() for one in parameters if one.kind is one.POSITIONAL_OR_KEYWORD]
    named = {one.name: object() for one in parameters if one.kind is one.KEYWORD_ONLY}
    reached = getattr(backend, name)(*asked, **named)
    if reached is not None:  # (those that answer nothing hand nothing back)
        assert reached[0] == name
        assert [*reached[1], *reached[2].values()] == asked + list(named.values())


@pytest.mark.parametrize("name", METHODS)
def test_every_operation_is_asked_for_as_the_backend_promises(name: str) -> None:
    for wrapper in (Forwarding, Encrypted):
        promised = inspect.signature(getattr(Backend, name)).parameters
        here = inspect.signature(getattr(wrapper, name)).parameters
        assert [(one.name, one.kind) for one in here.values()] == [
            (one.name, one.kind) for one in promised.values()
        ]


@pytest.mark.parametrize("name", FLAGS)
def test_what_a_backend_says_of_itself_is_asked_for_each_time(name: str) -> None:
    inner = MemoryBackend("m", lambda: 0)
    backend = Encrypted(inner, HeldKeys())
    assert getattr(backend, name) == getattr(inner, name)
    for value in ("one", "two"):
        setattr(inner, name, value)
        assert getattr(backend, name) == value
