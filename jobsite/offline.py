"""Being alone in a home: no `serve`, no `prepare`, no other command that replaces files there."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from jobsite.first_start import make_home, one_at_a_time
from jobsite.sqlite.opening import Refused


def only_server(home: Path) -> IO[str]:
    """The lock of the one `serve` of a home; it ends with us. Raises Refused if another has it."""
    make_home(home)
    file = (home / "serve.lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise Refused(f"Another `manage.py serve` runs with the home {home}.") from None
    return file


@contextlib.contextmanager
def offline(home: Path) -> Iterator[None]:
    """While this lasts nobody serves from this home and nobody prepares it.

    Raises Refused. What else has the control database open is found out by `swapping.alone`.
    """
    try:
        lock = only_server(home)
    except Refused:
        raise Refused(
            f"`manage.py serve` runs with the home {home}: end it first; nothing was changed."
        ) from None
    with lock, one_at_a_time(home):
        yield
