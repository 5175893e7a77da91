"""A process that tests drive: reads one JSON command per line, answers with one line each."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import django

django.setup()

from django.db import connection, transaction  # noqa: E402

from proxy import gate, routes, slots  # noqa: E402
from proxy.backends.base import Place, Route  # noqa: E402
from proxy.records import find_bucket  # noqa: E402

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


def incarnation(name: str) -> str:
    return find_bucket(name).route.place.incarnation


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
