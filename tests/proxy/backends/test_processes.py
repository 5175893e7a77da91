"""One bucket under several real processes that are really killed."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from proxy.backends.base import Backend
from proxy.backends.filesystem import FilesystemBackend
from proxy.backends.values import NewObject, Place
from proxy.errors import MethodNotAllowed, NoSuchKey, NoSuchVersion
from tests.bodies import Bytes, content, noise
from tests.contracts.following import Follower, listing
from tests.proxy.backends.conftest import leftovers
from tests.proxy.backends.worker import PLACE, now, opened

ROUNDS = 6
WORKERS = 3


class Process:
    """One worker and what may be behind each of its keys after its death."""

    def __init__(self, root: Path, name: str, seed: int, state: dict[str, set[str]], *how: str) -> None:
        command = [sys.executable, "-m", "tests.proxy.backends.worker", str(root), name, str(seed), *how]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self._state = state
        self._lines: list[str] = []
        self._reading = threading.Thread(target=self._read_all)
        self._reading.start()
        self.done = 0

    def _read_all(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                if line.endswith("\n"):  # the last one may be cut
                    self._lines.append(line)

    def wait_for_work(self) -> None:
        while not any(line.startswith("done") for line in self._lines):
            assert self._process.poll() is None
            time.sleep(0.01)

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        assert self._process.wait() == -signal.SIGKILL
        self._reading.join()
        for line in self._lines:
            self._understand(line.split())

    def _understand(self, words: list[str]) -> None:
        if words[0] == "begin":
            self._intended = words[2]
            self._state.setdefault(words[1], {"-"}).add(words[2])
        else:
            self._state[words[1]] = {self._intended}
            self.done += 1


def start(root: Path, count: int, seed: int, state: dict[str, set[str]], *how: str) -> list[Process]:
    """So many workers, all of them at work."""
    workers = [Process(root, f"w{number}", seed + number, state, *how) for number in range(count)]
    for worker in workers:
        worker.wait_for_work()
    return workers


def found(backend: Backend, name: str) -> str:
    key, _, version = name.partition("@")
    try:
        return hashlib.md5(content(backend.open(PLACE, key, version))).hexdigest()
    except (NoSuchKey, NoSuchVersion):
        return "-"
    except MethodNotAllowed:
        return "marker"


def read_all(backend: Backend) -> None:
    """Whatever is there now is whole, while others write it."""
    for info in backend.list(PLACE).objects:
        try:
            with backend.open(PLACE, info.key) as reader:
                data = b"".join(reader.read(0, reader.info.size))
                assert reader.info.parts or hashlib.md5(data).hexdigest() == reader.info.etag
        except NoSuchKey:
            continue


@pytest.mark.parametrize(("how", "rounds"), [((), ROUNDS), (("sealed",), 2)], ids=["plain", "sealed"])
def test_killed_writers_lose_nothing_that_was_acknowledged(
    tmp_path: Path, how: tuple[str, ...], rounds: int
) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    print("seed", seed)
    chance = random.Random(seed)
    backend = opened(tmp_path, sealed=bool(how), keep=False)
    backend.create_bucket(PLACE)
    follower = Follower(backend, PLACE)
    state: dict[str, set[str]] = {}
    acknowledged = 0
    for round_ in range(rounds):
        workers = start(tmp_path, WORKERS, seed + round_ * WORKERS, state, *how)
        time.sleep(chance.uniform(0, 1))
        read_all(backend)
        follower.catch_up()
        for worker in chance.sample(workers, WORKERS):
            worker.kill()
            time.sleep(chance.uniform(0, 0.05))
        acknowledged += sum(worker.done for worker in workers)
        for key, possible in state.items():
            actual = found(backend, key)
            assert actual in possible, key
            state[key] = {actual}
        assert list(backend.check_store(deep=True)) == []
        follower.catch_up()
        assert follower.seen == listing(backend, PLACE)
    assert acknowledged >= rounds * WORKERS
    files = getattr(backend, "inner", backend)
    files.sweep()
    assert leftovers(tmp_path / "shared~0001") == []
    files.close()


KEEP_VERSIONS = """
import sys
from pathlib import Path
from proxy.backends.filesystem import FilesystemBackend
from proxy.backends.values import Deletion, NewObject
from tests.bodies import Bytes
from tests.proxy.backends.worker import PLACE, now
backend = FilesystemBackend("local", Path(sys.argv[1]), now, keep=False)
backend.prepare(None)
input()
for number in range(20):
    version = f"{sys.argv[2]}-{number}"
    backend.put(PLACE, NewObject("k", version_id=version), Bytes(version.encode() * 3000 * (number % 2)))
    backend.delete(PLACE, [Deletion("k", f"{version}-m", marker=True)])
"""


def test_processes_that_write_versions_of_one_key_keep_them_all(tmp_path: Path) -> None:
    backend = FilesystemBackend("local", tmp_path, now, keep=False)
    backend.prepare(None)
    backend.create_bucket(PLACE)
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", KEEP_VERSIONS, str(tmp_path), str(n)], stdin=subprocess.PIPE, text=True
        )
        for n in range(4)
    ]
    for writer in writers:
        assert writer.stdin is not None
        print("go", file=writer.stdin, flush=True)
    assert [(writer.communicate(), writer.returncode)[1] for writer in writers] == [0] * 4
    versions = backend.list_versions(PLACE).versions
    assert sorted(info.version_id for info in versions) == sorted(
        f"{n}-{number}{kind}" for n in range(4) for number in range(20) for kind in ("", "-m")
    )
    assert [info.latest for info in versions] == [True] + [False] * 159
    assert len({info.ordinal for info in versions}) == 160
    assert list(backend.check_store(deep=True)) == []
    backend.close()


def test_processes_that_write_one_bucket_take_turns(tmp_path: Path) -> None:
    backend = FilesystemBackend("local", tmp_path, now, keep=False)
    backend.prepare(None)
    backend.create_bucket(PLACE)
    state: dict[str, set[str]] = {}
    workers = start(tmp_path, 4, 1, state)
    time.sleep(4)
    for worker in workers:
        worker.kill()
    counts = [worker.done for worker in workers]
    assert min(counts) > 0 and min(counts) * 10 > max(counts), counts
    usage = backend.usage(PLACE)
    assert usage.keys == len(backend.list(PLACE).objects)
    backend.close()


# -- forks -----------------------------------------------------------------------------------
@pytest.fixture
def busy(tmp_path: Path) -> Iterator[FilesystemBackend]:
    """A backend whose threads write without pause."""
    backend = FilesystemBackend("local", tmp_path, now)
    backend.prepare(None)
    backend.create_bucket(PLACE)
    stop = threading.Event()

    def write(number: int) -> None:
        for turn in range(10**9):
            if stop.is_set():
                return
            backend.put(PLACE, NewObject(f"t{number}/{turn}"), Bytes(noise(40_000 * (turn % 2))))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    yield backend
    stop.set()
    for thread in threads:
        thread.join()
    backend.close()


def in_child(work: Callable[[], object]) -> int:
    """Run it in a forked child; the exit code."""
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            signal.alarm(60)
            work()
            os._exit(0)
        os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_forked_child_opens_everything_anew_and_disturbs_nothing(busy: FilesystemBackend) -> None:
    busy.put(PLACE, NewObject("parent"), Bytes(noise(100_000)))

    def work() -> None:
        assert content(busy.open(PLACE, "parent")) == noise(100_000)
        for number in range(20):
            busy.put(PLACE, NewObject(f"child{number}"), Bytes(noise(5_000 * number)))

    with busy.open(PLACE, "parent") as reader:
        for _ in range(5):
            assert in_child(work) == 0
        assert b"".join(reader.read(0, 100_000)) == noise(100_000)
    for number in range(20):
        assert content(busy.open(PLACE, f"child{number}")) == noise(5_000 * number)
    busy.put(PLACE, NewObject("after"), Bytes(noise(100_000)))


def test_a_child_that_ends_leaves_its_parents_locks_alone(busy: FilesystemBackend) -> None:
    other = Place("id2", "other", "0002")
    busy.create_bucket(other)
    for _ in range(3):
        busy.put(other, NewObject("k"), Bytes(noise(100_000)))
        assert in_child(lambda: (busy.head(other, "k"), busy.close())) == 0
    assert list(busy.check_store(deep=False)) == []
