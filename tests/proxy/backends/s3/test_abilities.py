"""What a service can do is found out once, and one that does not answer keeps nobody else waiting."""

from __future__ import annotations

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from proxy.backends.s3 import abilities
from proxy.backends.s3.capabilities import Capabilities
from proxy.backends.s3.client import Client, connect
from proxy.errors import BackendUnavailable
from tests.proxy.backends.s3.conftest import MakeBackend


def _client(name: str) -> Client:
    return connect(
        name, {"endpoint": f"http://{name}.invalid", "access_key_id": "a", "secret_access_key": "b"}
    )


def test_a_service_that_hangs_keeps_no_other_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, answers = threading.Event(), threading.Event()

    def probe(client: Client, bucket: str) -> Capabilities:
        if client.name == "hangs":
            asked.set()
            assert answers.wait(30)
        return Capabilities(tagging=True)

    monkeypatch.setattr(abilities, "probe", probe)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(abilities.found_out, _client("hangs"), "")
        assert asked.wait(30)
        assert abilities.found_out(_client("well"), "").tagging
        assert not slow.done()
        answers.set()
        assert slow.result(30).tagging


def test_those_who_waited_for_a_probe_that_failed_begin_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    probes: list[str] = []
    client, fails = _client("fails"), threading.Event()

    def probe(client: Client, bucket: str) -> Capabilities:
        probes.append(client.name)
        assert fails.wait(30)
        raise BackendUnavailable("It is away.")

    class Turn(abilities._Turn):
        def __init__(self) -> None:
            super().__init__()
            self.lock = Counted()  # type: ignore[assignment]

    class Counted:
        """A lock that lets the probe fail once all five have come to it."""

        def __init__(self) -> None:
            self._lock = threading.Lock()
            self._come = itertools.count(1)

        def __enter__(self) -> None:
            if next(self._come) == 5:
                fails.set()
            self._lock.acquire()

        def __exit__(self, *error: object) -> None:
            self._lock.release()

    monkeypatch.setattr(abilities, "probe", probe)
    monkeypatch.setattr(abilities, "_Turn", Turn)
    with ThreadPoolExecutor(5) as pool:
        ends = [pool.submit(abilities.found_out, client, "") for _ in range(5)]
        for end in ends:
            with pytest.raises(BackendUnavailable, match="away"):
                end.result(30)
    assert probes == ["fails"]
    with pytest.raises(BackendUnavailable):  # who comes later asks anew
        abilities.found_out(client, "")
    assert len(probes) == 2


def test_what_one_process_has_found_out_no_other_asks_for(
    make_s3: MakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make_s3()
    first.find_out()
    told = first.condition().capabilities
    assert told["conditional_put"] == "yes"
    abilities._able.clear()

    def probe(client: Client, bucket: str) -> Capabilities:
        raise AssertionError("it was asked again")

    monkeypatch.setattr(abilities, "probe", probe)
    another = make_s3()
    assert another.condition().capabilities == told
    assert another.capabilities().conditional_put is True


def test_a_new_look_replaces_what_was_noted(make_s3: MakeBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = make_s3()
    backend.find_out()
    monkeypatch.setattr(abilities, "probe", lambda client, bucket: Capabilities(tagging=False))
    backend.find_out()
    abilities._able.clear()
    assert make_s3().condition().capabilities["tagging"] == "no"
    abilities._able.clear()
