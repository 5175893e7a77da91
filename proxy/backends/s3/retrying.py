"""Whether and when a call that failed goes out again. Pure; seconds."""

from __future__ import annotations

from dataclasses import dataclass

from proxy.backends.s3.errors import Broken, ServiceFault, Unreachable
from proxy.backends.s3.requests import Request
from proxy.errors import S3Error, SlowDown

FIRST_PAUSE = 0.05
LONGEST_PAUSE = 2.0

_CONDITIONS = ("if-match", "if-none-match")


@dataclass(slots=True)
class Attempts:
    """How often a call went out, and until when it may go out again (`deadline`, monotonic)."""

    deadline: float
    made: int = 0

    def pause(self, error: S3Error, now: float, chance: float) -> float | None:
        """How long to wait before the next one; None if there is to be none.

        `chance` is a random number in [0, 1). A service that asks to wait is obeyed, with jitter on
        top, so that not all who were told come back at once.
        """
        jitter = chance * min(LONGEST_PAUSE, FIRST_PAUSE * 2**self.made)
        asked = int(error.headers.get("Retry-After", "0")) if isinstance(error, SlowDown) else 0
        wait = asked + jitter
        return wait if now + wait < self.deadline else None


def may_repeat(request: Request, error: S3Error, untouched: bool) -> bool:
    """Whether sending it again can do no harm.

    `untouched`: nothing was taken from its payload, or all of it is at hand. What was surely not done
    may always be sent again. What may have been done: only if twice is as good as once, and a
    condition is not, since the first time may be what the second meets.
    """
    if not untouched:
        return False
    if isinstance(error, Unreachable | SlowDown):
        return True
    if not isinstance(error, Broken | ServiceFault) or not request.repeatable:
        return False
    return request.method in ("GET", "HEAD") or not any(name in request.headers for name in _CONDITIONS)
