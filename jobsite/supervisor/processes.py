"""One child and everything that it starts: a session, so a process group, of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from jobs import orphans


def now() -> float:
    """The supervisor's clock, in seconds: no clock setting moves it, and it counts suspend."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def has_terminal() -> bool:
    """Whether this process has a terminal, which has not been closed. Source: tty(4)."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True


class Group:
    """A running child.

    Made by the main thread only: the kernel ties the end of a child to the end of the thread
    that forked it. `orphaned` is the signal that the child gets if the supervisor is gone; `held` are
    those that wait until the child is ready for them, which it says by waiting for them.
    """

    def __init__(
        self,
        command: Sequence[str],
        environ: Mapping[str, str],
        orphaned: signal.Signals,
        held: Collection[signal.Signals] = (),
    ) -> None:
        wrapper = [sys.executable, "-I", str(orphans.__file__), str(os.getpid()), str(int(orphaned))]
        before = signal.pthread_sigmask(signal.SIG_BLOCK, held)  # a child inherits what is blocked
        try:
            self._process = subprocess.Popen(
                [*wrapper, *command], env=dict(environ), stdin=subprocess.DEVNULL, start_new_session=True
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self.pid = self._process.pid

    def exited(self) -> bool:
        """Whether the first process has ended. It is not reaped yet, so its number stays taken."""
        if self._process.returncode is not None:
            return True
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def stopped(self) -> bool:
        """Whether a signal (SIGSTOP) has stopped the first process. Source: proc(5), state."""
        try:
            stat = Path(f"/proc/{self.pid}/stat").read_text()
        except OSError:
            return False
        return stat.rpartition(")")[2].split()[0] in "Tt"

    def signal(self, number: signal.Signals) -> None:
        """To the first process alone: it ends its own children in order."""
        if not self.exited():
            os.kill(self.pid, number)

    def kill(self) -> int:
        """SIGKILL to the whole group, then reap; the exit status of the first process."""
        if self._process.returncode is None:
            try:
                os.killpg(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return self._process.wait()
