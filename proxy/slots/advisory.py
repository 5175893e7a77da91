"""Slots as advisory locks of PostgreSQL: for processes of any number of hosts.

One connection per process takes them all, on the level of the session, so that they end with
it. PostgreSQL lets one session hold a lock shared and exclusively at once; therefore the
threads of this process are told apart here, by counting.
Source: PostgreSQL documentation, "Explicit Locking", "Advisory Locks".
"""

from __future__ import annotations

import hashlib
import os
import socket
import threading
from typing import Any

from django.db import DEFAULT_DB_ALIAS, Error, connections

from proxy.errors import ServiceUnavailable
from proxy.slots.base import SlotBusy

_EXCLUSIVE = -1

_POOLER_ROUNDS = 5

# Both ends must notice within seconds that the other is gone: here a write waits for the
# proof, there a drain waits for the lock. The session must not be ended for being idle.
_CONNECTION_OPTIONS = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
_SESSION_SETTINGS = {
    "idle_session_timeout": "0",
    "lock_timeout": "0",
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
}


def lock_key(name: str) -> int:
    """64 bits, signed, as pg_advisory_lock takes them."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big", signed=True)


class Session:
    """One connection to PostgreSQL and what it has locked. Once lost, it stays lost."""

    def __init__(self) -> None:
        self.lost = False
        self.counts: dict[int, int] = {}
        self._connection: Any = connections[DEFAULT_DB_ALIAS].copy()
        self._connection.inc_thread_sharing()
        options = self._connection.settings_dict["OPTIONS"]
        options.pop("pool", None)
        options.update(
            _CONNECTION_OPTIONS, application_name=f"sluicegate {os.getpid()} {socket.gethostname()}"[:63]
        )
        self._connection.ensure_connection()
        for name, value in _SESSION_SETTINGS.items():
            self.ask("SELECT set_config(%s, %s, false)", name, value)
        self._backend_pid = self.backend_pid()

    def ask(self, query: str, *params: Any) -> Any:
        """The first column of the first row. Raises Django's database errors; then the session is lost."""
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(query, params)
                return cursor.fetchone()[0]
        except Error:
            self.lose()
            raise

    def backend_pid(self) -> int:
        """The server process that answers. Raises as `ask` does."""
        return int(self.ask("SELECT pg_backend_pid()"))

    def alive(self) -> bool:
        """One round trip; True if the same server process answers that took the locks."""
        if self.lost:
            return False
        try:
            if self.backend_pid() == self._backend_pid:
                return True
        except Error:
            return False
        self.lose()
        return False

    def lose(self) -> None:
        """End it: the server gives every lock of it free."""
        self.lost = True
        try:
            self._connection.close()
        except Error:
            self._connection.connection = None

    def abandon(self) -> None:
        """In a forked child: drop the socket without a word to the server, whose session is the parent's."""
        self.lost = True
        raw = self._connection.connection
        if raw is not None and not raw.closed:
            os.close(raw.fileno())


def behind_pooler() -> bool:
    """Whether connections share server processes, as behind a pooler in transaction mode.

    Such a pooler gives a connection any idle server process for each transaction; here two
    take turns, so that both meet the same one.
    """
    first, second = Session(), Session()
    try:
        seen = [(first.backend_pid(), second.backend_pid()) for _ in range(_POOLER_ROUNDS)]
    finally:
        first.lose()
        second.lose()
    firsts, seconds = (set(pids) for pids in zip(*seen, strict=True))
    return len(firsts) > 1 or len(seconds) > 1 or firsts == seconds


class AdvisorySlot:
    """One thread's share in a lock of its process's session."""

    __slots__ = ("_key", "_owner", "_pid", "_session")

    def __init__(self, owner: AdvisorySlots, session: Session, key: int) -> None:
        self._owner = owner
        self._session: Session | None = session
        self._key = key
        self._pid = os.getpid()

    def held(self) -> bool:
        """Asks the server, over the very connection that took the lock."""
        session = self._session
        if session is None or self._pid != os.getpid():
            return False
        with self._owner.mutex:
            return session.alive()

    def release(self) -> None:
        session, self._session = self._session, None
        if session is not None and self._pid == os.getpid():
            self._owner.give_back(session, self._key)


class AdvisorySlots:
    """The locks of this process; made anew after a fork and after a lost connection."""

    def __init__(self) -> None:
        self.mutex = threading.Lock()
        self._session: Session | None = None
        self._inherited: list[Session] = []
        os.register_at_fork(after_in_child=self._after_fork)

    def _after_fork(self) -> None:
        self.mutex = threading.Lock()
        if self._session is not None:
            self._session.abandon()
            self._inherited.append(self._session)  # kept: to free it would close the parent's session
            self._session = None

    def _current(self) -> Session:
        if self._session is None or self._session.lost:
            self._session = Session()
        return self._session

    def take(self, name: str, *, exclusive: bool) -> AdvisorySlot:
        """Raises SlotBusy, or ServiceUnavailable if the database cannot be reached."""
        key = lock_key(name)
        with self.mutex:
            try:
                try:
                    session = self._current()
                    self._lock(session, key, exclusive)
                except Error:  # lost since its last use: a new one knows nothing of what is gone
                    session = self._current()
                    self._lock(session, key, exclusive)
            except Error as error:
                raise ServiceUnavailable("The control database cannot be reached. Try again.") from error
            return AdvisorySlot(self, session, key)

    @staticmethod
    def _lock(session: Session, key: int, exclusive: bool) -> None:
        count = session.counts.get(key, 0)
        if count == _EXCLUSIVE or (exclusive and count):
            raise SlotBusy()
        if count == 0:
            function = "pg_try_advisory_lock" if exclusive else "pg_try_advisory_lock_shared"
            if not session.ask(f"SELECT {function}(%s)", key):
                raise SlotBusy()
        session.counts[key] = _EXCLUSIVE if exclusive else count + 1

    def give_back(self, session: Session, key: int) -> None:
        """Called once by each slot."""
        with self.mutex:
            if session.lost:
                return
            count = session.counts[key]
            if count > 1:
                session.counts[key] = count - 1
                return
            del session.counts[key]
            function = "pg_advisory_unlock" if count == _EXCLUSIVE else "pg_advisory_unlock_shared"
            try:
                session.ask(f"SELECT {function}(%s)", key)
            except Error:
                pass  # the session is gone and its locks with it

    def holders(self, name: str) -> tuple[str, ...]:
        """`process 4711 on some-host`, from the names that the lock connections gave themselves."""
        key = lock_key(name) & 0xFFFFFFFFFFFFFFFF
        with self.mutex:
            try:
                found = self._current().ask(
                    "SELECT coalesce(string_agg(DISTINCT application_name, ';'), '') FROM pg_stat_activity"
                    " JOIN pg_locks USING (pid) WHERE locktype = 'advisory' AND granted AND objsubid = 1"
                    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
                    " AND classid = %s::bigint::oid AND objid = %s::bigint::oid",
                    key >> 32,
                    key & 0xFFFFFFFF,
                )
            except Error:
                return ()
        names = [name.split(" ", 2) for name in found.split(";") if name.count(" ") >= 2]
        return tuple(f"process {pid} on {host}" for _, pid, host in names)
