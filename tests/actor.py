"""A process that tests drive: reads one JSON command per line, answers with one line each."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import django

django.setup()

from django.db import connection, transaction  # noqa: E402

from proxy import gate, routes, slots  # noqa: E402
from proxy.backends.values import NewObject, Place, Route  # noqa: E402
from proxy.errors import BucketAlreadyOwnedByYou  # noqa: E402
from proxy.records import find_bucket, list_buckets  # noqa: E402
from proxy.store import Store  # noqa: E402
from tests.bodies import Bytes  # noqa: E402

_slots: dict[str, slots.Slot] = {}
_entries: dict[str, tuple[AbstractContextManager[gate.Entry], gate.Entry]] = {}


def take(handle: str, kind: str, bucket: str, exclusive: bool = False) -> bool:
    """Try to take a slot and keep it under that handle."""
    _slots[handle] = slots.take(kind, bucket, exclusive=exclusive)
    return True


def held(handle: str) -> bool:
    return _slots[handle].held()


def release(handle: str) -> None:
    _slots[handle].release()


def holders(kind: str, bucket: str) -> list[str]:
    return list(slots.holders(kind, bucket))


def make_bucket(name: str) -> str:
    """A bucket whose place does not exist: only its row and its gate count here."""
    bucket_id = os.urandom(16).hex()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO proxy_bucket (id, name, owner_id, created_ms, backend, place_id, real_bucket,"
            " incarnation, gate_generation, settings)"
            " VALUES (%s, %s, 'o', 0, 'local', 'p', %s, 'one', 0, '{}')",
            [bucket_id, name, name],
        )
    return bucket_id


def close(bucket: str, holder: str) -> int | None:
    with transaction.atomic():
        return gate.close(bucket, holder)


def open_(bucket: str, holder: str) -> bool:
    with transaction.atomic():
        return gate.open(bucket, holder)


def enter(handle: str, name: str, exclusive: bool = False) -> str:
    """Begin a write; the incarnation to write to."""
    around = gate.enter(name, exclusive=exclusive)
    entry = around.__enter__()
    _entries[handle] = (around, entry)
    return entry.bucket.route.place.incarnation


def pulse(handle: str) -> None:
    _entries[handle][1].pulse()


def leave(handle: str) -> None:
    """End a write without an error."""
    around, _ = _entries.pop(handle)
    around.__exit__(None, None, None)


def drop(handle: str) -> None:
    """End a write with an error, as a body that broke off does."""
    around, _ = _entries.pop(handle)
    around.__exit__(ConnectionResetError, ConnectionResetError(), None)


def drain(bucket: str) -> None:
    gate.drain(bucket, lambda: None)


def switch(bucket: str, name: str, old: str, new: str) -> bool:
    def route(incarnation: str) -> Route:
        return Route("local", Place(bucket, name, incarnation))

    with transaction.atomic():
        return routes.switch(bucket, route(old), route(new))


def listed(prefix: str = "", after: str = "", limit: int = 10_000) -> list[str]:
    return [bucket.name for bucket in list_buckets(prefix=prefix, after=after, limit=limit)]


def incarnation(name: str) -> str:
    return find_bucket(name).route.place.incarnation


def create(name: str, owner: str = "o") -> str:
    return routes.create_bucket(name, owner, 1).id


def create_many(names: list[str], owner: str) -> list[str]:
    """The names whose creation succeeded."""
    made = []
    for name in names:
        try:
            routes.create_bucket(name, owner, 1)
            made.append(name)
        except BucketAlreadyOwnedByYou:
            pass
    return made


def create_and_die(name: str) -> None:
    """SIGKILL after the place was made and before there is a row."""
    behind = routes.backend(routes.default_backend_for(name))
    make = behind.create_bucket

    def make_and_die(place: Place) -> None:
        make(place)
        os.kill(os.getpid(), signal.SIGKILL)

    behind.create_bucket = make_and_die  # type: ignore[method-assign]
    routes.create_bucket(name, "o", 1)


def delete(name: str) -> None:
    with gate.enter(name, exclusive=True) as entry:
        routes.delete_bucket(entry.bucket)


def delete_and_die(name: str) -> None:
    """SIGKILL after the row has gone and before the place has."""
    record = find_bucket(name)

    def die(place: Place, **how: bool) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    routes.backend(record.route.backend).delete_bucket = die  # type: ignore[method-assign]
    routes.delete_bucket(record)


def put(name: str, key: str, text: str) -> None:
    with gate.enter(name) as entry:
        Store.of(entry.bucket).put(NewObject(key), Bytes(text.encode()))


def put_entered(handle: str, key: str, text: str) -> None:
    """Store an object in the write that was begun under that handle."""
    Store.of(_entries[handle][1].bucket).put(NewObject(key), Bytes(text.encode()))


def get(name: str, key: str) -> str:
    with Store.of(find_bucket(name)).open(key) as reader:
        return b"".join(reader.read(0, reader.info.size)).decode()


def prepare() -> dict[str, str]:
    return routes.prepare_backends()


def fork_gets(name: str, key: str) -> str:
    """What a forked child reads, with a backend and a database connection of its own."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, get(name, key).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(write)
    with open(read) as pipe:
        return pipe.read()


def fork_holding(handle: str) -> int:
    """Fork a child that does nothing; its process id."""
    child = os.fork()
    if child == 0:
        os.close(0)
        os.close(1)
        while True:
            os.read(os.eventfd(0), 8)
    return child


def fork_asks(handle: str) -> bool:
    """What `held` says of that slot in a forked child, which then uses slots of its own."""
    child = os.fork()
    if child == 0:
        answer = _slots[handle].held()
        _slots[handle].release()
        with slots.shared(slots.WRITE, "of-the-child") as own:
            os._exit(int(answer) + (0 if own.held() else 2))
    return bool(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


_COMMANDS: dict[str, Callable[..., Any]] = {
    function.__name__.rstrip("_"): function
    for function in (
        take,
        held,
        release,
        holders,
        make_bucket,
        close,
        open_,
        enter,
        pulse,
        leave,
        drop,
        drain,
        switch,
        incarnation,
        listed,
        create,
        create_many,
        create_and_die,
        delete,
        delete_and_die,
        put,
        put_entered,
        get,
        prepare,
        fork_gets,
        fork_holding,
        fork_asks,
    )
}


def _answer(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def main() -> None:
    _answer({"value": "ready"})
    for line in sys.stdin:
        command = json.loads(line)
        try:
            _answer({"value": _COMMANDS[command.pop("do")](**command)})
        except Exception as error:
            _answer({"error": type(error).__name__, "message": str(error)})


if __name__ == "__main__":
    main()
