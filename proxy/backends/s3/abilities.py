"""What services can do: found out at start, noted in the control database, remembered by each process.

One service is probed by one thread at a time; whoever needs another service does not wait for that, and
whoever waited for a probe that failed does not begin another.
"""

from __future__ import annotations

import os
import threading
import time

from proxy.backends.s3.capabilities import Capabilities
from proxy.backends.s3.client import Client
from proxy.backends.s3.options import Options
from proxy.backends.s3.probing import probe
from proxy.errors import BackendUnavailable


class _Turn:
    """Whose turn it is to probe a service, and when that failed last (monotonic) and how."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.failed = -1.0
        self.message = ""


_able: dict[Options, Capabilities] = {}
_turns: dict[Options, _Turn] = {}


def _after_fork() -> None:
    """Another thread of the parent may have held one."""
    _turns.clear()


os.register_at_fork(after_in_child=_after_fork)


def known(client: Client) -> Capabilities | None:
    """What was found out so far."""
    return _able.get(client.caller.options)


def take_over(client: Client, found: Capabilities) -> None:
    """Another process has found it out."""
    _able.setdefault(client.caller.options, found)


def found_anew(client: Client, bucket: str) -> Capabilities:
    """Whatever was found before. Raises BackendUnavailable."""
    found = _able[client.caller.options] = probe(client, bucket)
    return found


def found_out(client: Client, bucket: str) -> Capabilities:
    """`bucket` is one of ours there, or "". Raises BackendUnavailable."""
    options = client.caller.options
    found = _able.get(options)
    if found is not None:
        return found
    began = time.monotonic()
    turn = _turns.setdefault(options, _Turn())
    with turn.lock:
        found = _able.get(options)
        if found is None:
            if turn.failed >= began:
                raise BackendUnavailable(turn.message)
            found = _able[options] = _probed(client, bucket, turn)
    return found


def _probed(client: Client, bucket: str, turn: _Turn) -> Capabilities:
    try:
        return probe(client, bucket)
    except BackendUnavailable as error:
        turn.failed, turn.message = time.monotonic(), error.message
        raise
