"""The processes of the gate race: `write` (a client of its own keys) and `move` (the job).

Every key is written by one writer only, with growing numbers. Two tables in shared memory hold
the number that was last begun and the one that was last acknowledged, so at any moment what is
read must lie between them.
"""

from __future__ import annotations

import json
import mmap
import random
import struct
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import django

django.setup()

from django.db import transaction  # noqa: E402

from proxy import gate, routes, slots  # noqa: E402
from proxy.backends.values import NewObject, Route  # noqa: E402
from proxy.errors import S3Error, ServiceUnavailable, SlowDown  # noqa: E402
from proxy.records import find_bucket  # noqa: E402
from proxy.store import Store  # noqa: E402

BUCKET = "race"
WRITERS = 4
KEYS = 4
SIZES = (0, 100, 40_000)
PAUSES_BEFORE = (0.0, 0.0, 0.002, 0.02, 0.06)
"""Seconds before a slot is taken. The longest is about what a move takes."""
HOLDER = "maintenance:1"
_SLOT = struct.Struct("<qq")
_STOP = WRITERS * KEYS * _SLOT.size
TABLE_BYTES = _STOP + 1


class Table:
    """Numbers begun and acknowledged, by writer and key, in a file that all processes map."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), TABLE_BYTES)

    def begin(self, writer: int, key: int) -> int:
        begun, done = self.look(writer, key)
        self._put(writer, key, begun + 1, done)
        return begun + 1

    def acknowledge(self, writer: int, key: int, number: int) -> None:
        begun, _ = self.look(writer, key)
        self._put(writer, key, begun, number)

    def look(self, writer: int, key: int) -> tuple[int, int]:
        """(begun, acknowledged)."""
        begun, done = _SLOT.unpack_from(self._memory, (writer * KEYS + key) * _SLOT.size)
        return begun, done

    def _put(self, writer: int, key: int, begun: int, done: int) -> None:
        _SLOT.pack_into(self._memory, (writer * KEYS + key) * _SLOT.size, begun, done)

    @property
    def stopped(self) -> bool:
        return self._memory[_STOP] == 1

    def stop(self) -> None:
        self._memory[_STOP] = 1


class SlowBody:
    """A body that may take its time, so that gates close in the middle of it."""

    checksums: Mapping[str, str] = {}

    def __init__(self, content: bytes, wait_s: float) -> None:
        self.content = content
        self.length: int | None = len(content)
        self._wait_s = wait_s

    def __iter__(self) -> Iterator[bytes]:
        time.sleep(self._wait_s)
        yield self.content


def content(number: int, rng: random.Random) -> bytes:
    filler = rng.choice(SIZES)
    return f"{number}:{filler}:".encode() + b"x" * filler


def number_in(body: bytes) -> int:
    """The number in a whole body. Raises AssertionError if a part of it is missing."""
    number, filler, rest = body.split(b":", 2)
    assert len(rest) == int(filler), "half a body"
    return int(number)


def pause_within(rng: random.Random, longest_s: float) -> float:
    """Seconds with the slot in hand, for which a drain waits: often none."""
    return rng.choice((0.0, 0.0, 0.1, 1.0)) * longest_s


def pause_around_taking(rng: random.Random, longest_s: float) -> None:
    """Let the scheduler be unkind: a process may lose its core between any two steps."""
    take = slots.take

    def unkind(kind: str, bucket_id: str, *, exclusive: bool = False) -> slots.Slot:
        time.sleep(rng.choice(PAUSES_BEFORE))
        slot = take(kind, bucket_id, exclusive=exclusive)
        time.sleep(pause_within(rng, longest_s))
        return slot

    slots.take = unkind


def write(table: Table, writer: int, seed: int, longest_ms: int) -> None:
    """Write until told to stop. Whatever is neither a success nor a 503 ends the process."""
    rng, longest_s = random.Random(seed), longest_ms / 1000
    pause_around_taking(rng, longest_s)
    written = refused = 0
    print("ready", flush=True)
    while not table.stopped:
        key = rng.randrange(KEYS)
        number = table.begin(writer, key)
        body = SlowBody(content(number, rng), pause_within(rng, longest_s))
        try:
            with gate.enter(BUCKET) as entry:
                Store.of(entry.bucket).put(NewObject(f"{writer}/{key}"), body)
        except S3Error as error:
            if error.status != 503:
                raise
            refused += 1
            time.sleep(0.002)
            continue
        table.acknowledge(writer, key, number)
        written += 1
    print(json.dumps({"written": written, "refused": refused}))


def move(table: Table, rounds: int) -> None:
    """Move the bucket to and fro between two backends, and look for every acknowledged write."""
    drains = []
    for turn in range(rounds):
        source = find_bucket(BUCKET)
        target_backend = "archive" if source.route.backend == "local" else "local"
        target = Route(target_backend, routes.new_place(source.id, BUCKET, target_backend))
        routes.backend(target_backend).create_bucket(target.place)
        with transaction.atomic():
            assert gate.close(source.id, HOLDER) == source.gate.generation + 1
        drains.append(_drain(source.id))
        _copy(Store.at(source.route), Store.at(target))
        with transaction.atomic():
            assert routes.switch(source.id, source.route, target)
            assert gate.open(source.id, HOLDER)
        routes.backend(source.route.backend).delete_bucket(source.route.place, force=True)
        _check(table, turn)
        time.sleep(0.02)  # clients write
    print(json.dumps({"slowest_drain_s": max(drains)}))


def _drain(bucket_id: str) -> float:
    """How long it took, in seconds; a lost lock connection is tried again."""
    began = time.perf_counter()
    while True:
        try:
            gate.drain(bucket_id, lambda: None)
            return time.perf_counter() - began
        except ServiceUnavailable:
            continue


def _copy(source: Store, target: Store) -> None:
    for listed in source.list().objects:
        with source.open(listed.key) as reader:
            target.copy_from(reader, NewObject.copy_of(reader.info))


def _check(table: Table, turn: int) -> None:
    for writer in range(WRITERS):
        for key in range(KEYS):
            _, acknowledged = table.look(writer, key)
            if not acknowledged:
                continue
            with Store.of(find_bucket(BUCKET)).open(f"{writer}/{key}") as reader:
                found = number_in(b"".join(reader.read(0, reader.info.size)))
            begun, _ = table.look(writer, key)
            assert acknowledged <= found <= begun, (
                f"round {turn}, key {writer}/{key}: {acknowledged} was acknowledged and {found} is there"
            )


def hammer(table: Table) -> None:
    """Knock at a closed gate without a pause."""
    knocks = 0
    print("ready", flush=True)
    while not table.stopped:
        try:
            with gate.enter(BUCKET):
                raise AssertionError("a closed gate let a write in")
        except SlowDown:
            knocks += 1
    print(json.dumps({"knocks": knocks}))


def drain_often(times: int) -> None:
    """Drain that often; how long the slowest took."""
    bucket, slowest = find_bucket(BUCKET), 0.0
    for _ in range(times):
        slowest = max(slowest, _drain(bucket.id))
        time.sleep(0.01)
    print(json.dumps({"slowest_drain_s": slowest}))


def main(role: str, path: str, *arguments: str) -> None:
    table = Table(Path(path))
    numbers = [int(argument) for argument in arguments]
    match role:
        case "make":
            routes.create_bucket(BUCKET, "o", 0)
        case "close":
            with transaction.atomic():
                gate.close(find_bucket(BUCKET).id, HOLDER)
        case "write":
            write(table, *numbers)
        case "move":
            move(table, *numbers)
        case "hammer":
            hammer(table)
        case "drain":
            drain_often(*numbers)


if __name__ == "__main__":
    main(*sys.argv[1:])
