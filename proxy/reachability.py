"""Which backends answer, asked side by side and never waited for longer than one patience.

One that hangs is asked by one thread of this process at a time, however many want to know.
"""

from __future__ import annotations

import logging
import threading
import time

from django.db import connections

from proxy import routes
from proxy.backends.base import Backend
from proxy.errors import S3Error

_log = logging.getLogger(__name__)

PATIENCE_S = 2.0
"""How long one look at all of them lasts at most."""
PROBING_S = 5.0
"""How long a start waits until services have shown what they can do."""

_asked: dict[str, _Question] = {}
_asking = threading.Lock()


class _Question:
    """One look at a backend in a thread of its own; `reason` is None if it answered well."""

    def __init__(self, backend: Backend) -> None:
        self.reason: str | None = "it has not answered"
        self.backend = backend
        self.thread = threading.Thread(target=self._ask, name=f"ask-{backend.name}", daemon=True)

    def _ask(self) -> None:
        try:
            self.backend.check()
            self.reason = None
        except S3Error as error:
            self.reason = error.message
        except Exception:
            _log.exception("backend %s could not be asked", self.backend.name)
            self.reason = "it could not be asked"
        finally:
            connections.close_all()  # those of this thread


def probe_services(patience_s: float = PROBING_S) -> None:
    """Find out what each service can do, side by side, so that no request has to wait for that.

    One that does not answer in time is asked on while this process lives; else the first to need it asks.
    """
    probing = [
        threading.Thread(target=_probe, args=(name,), name=f"probe-{name}", daemon=True)
        for name in routes.backend_names()
    ]
    for thread in probing:
        thread.start()
    deadline = time.monotonic() + patience_s
    for thread in probing:
        thread.join(max(0.0, deadline - time.monotonic()))


def _probe(name: str) -> None:
    try:
        routes.backend(name).find_out()
    except S3Error as error:
        _log.warning("what backend %s can do is not known: %s", name, error.message)
    finally:
        connections.close_all()  # those of this thread


def unavailable() -> dict[str, str | None]:
    """For each configured backend why it is unavailable, or None. The reasons are for operators only."""
    found: dict[str, str | None] = {}
    questions: dict[str, _Question] = {}
    for name in routes.backend_names():
        try:
            questions[name] = _ask(routes.backend(name))
        except S3Error as error:
            found[name] = error.message
    deadline = time.monotonic() + PATIENCE_S
    for name, question in questions.items():
        question.thread.join(max(0.0, deadline - time.monotonic()))
        found[name] = question.reason
    for name, reason in found.items():
        if reason is not None:
            _log.warning("backend %s is unavailable: %s", name, reason)
    return found


def _ask(backend: Backend) -> _Question:
    """The question that is under way, or a new one."""
    with _asking:
        question = _asked.get(backend.name)
        if question is None or question.backend is not backend or not question.thread.is_alive():
            question = _asked[backend.name] = _Question(backend)
            question.thread.start()
        return question
