"""Nobody outlives the process that watches it: PR_SET_PDEATHSIG of Linux, see prctl(2).

As a program (`orphans.py PARENT SIGNAL COMMAND...`): become COMMAND and get SIGNAL when PARENT is
gone. It runs as a process of its own, since code between fork and exec is not safe in a parent
with threads; the wish survives exec. It does not survive a fork: `end_forks_with_parents`.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def end_with_parent(parent: int, number: int) -> None:
    """Get the signal `number` when `parent`, our parent, is gone; at once if it is already.

    Raises OSError where the kernel has no such thing.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:
        os.kill(os.getpid(), number)


def end_forks_with_parents() -> None:
    """From now on every process that is forked here, or below, is killed when its parent is gone."""
    parent = os.getpid()

    def note() -> None:
        nonlocal parent
        parent = os.getpid()

    os.register_at_fork(before=note, after_in_child=lambda: end_with_parent(parent, signal.SIGKILL))


def main(arguments: list[str]) -> None:
    parent, number, *command = arguments
    end_with_parent(int(parent), int(number))
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
