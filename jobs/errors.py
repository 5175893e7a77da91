"""What can go wrong with a job: errors for the operator (with an HTTP status), and signals
that end a worker's slice and that no operator sees."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


class JobError(Exception):
    """An operator's request that cannot be done. `status` is HTTP's, `fields` go into the answer."""

    status = 400
    code = "BadRequest"

    def __init__(self, message: str, **fields: Any) -> None:
        super().__init__(message)
        self.message = message
        self.fields = fields


class BadRequest(JobError):
    """The request itself is wrong: an unknown backend, a malformed body, the same backend."""


class Unauthorized(JobError):
    """Nobody that we know: no session, no token, a wrong password."""

    status, code = 401, "Unauthorized"


class Forbidden(JobError):
    status, code = 403, "Forbidden"


class NotFound(JobError):
    """No such job, bucket or action."""

    status, code = 404, "NotFound"


class ActionNotSupported(JobError):
    """The kind has no such action; the answer lists what it supports."""

    status, code = 405, "MethodNotAllowed"

    def __init__(self, message: str, supported: Iterable[str]) -> None:
        super().__init__(message, supported=sorted(supported))


class Conflict(JobError):
    """The state forbids it."""

    status, code = 409, "Conflict"


class BucketBusy(Conflict):
    """Another maintenance job has the bucket; `job` is its id."""

    code = "BucketBusy"


class TargetNotEmpty(Conflict):
    """The target holds something; `keys`, `versions`, `uploads` say how much."""

    code = "TargetNotEmpty"


class TargetLocked(Conflict):
    """The target holds locked versions, which nothing may remove; `locked` says how many."""

    code = "TargetLocked"


class TargetForeign(Conflict):
    """The target's real bucket holds what is not ours."""

    code = "TargetForeign"


class TargetCannotKeep(Conflict):
    """The target cannot keep something of the bucket.

    `versions` (older versions and delete markers), `version_ids` (of current objects), `locked` and
    `uploads` say how much; `drop` names what must be given up, empty where nothing would help.
    """

    code = "TargetCannotKeep"


class RulesRefused(Conflict):
    """The declared rules cannot be taken over; `findings` say why, each with its `line` and `text`."""

    code = "RulesRefused"


class PrecopyImpossible(BadRequest):
    """Changes of the bucket leave no trace that could be followed while it is copied."""

    code = "PrecopyImpossible"


class Unavailable(JobError):
    """A backend that the request needs cannot be reached now."""

    status, code = 503, "BackendUnavailable"


class TooManyAttempts(JobError):
    """Too many failed logins from one place; `retry_after` is in seconds."""

    status, code = 429, "TooManyAttempts"


class WorkSignal(Exception):
    """Ends the work on a job in this process."""


class LeaseLost(WorkSignal):
    """Somebody else may hold the job now: stop, settle nothing, write nothing."""


class Cancelled(WorkSignal):
    """The operator asked for the end; heard at a checkpoint or inside a large object."""


class Deferred(WorkSignal):
    """A rule must wait for something else: its run ends, to be taken up where it stopped.

    The message is the reason that operators read; `wait_s`: try again no sooner than that.
    """

    def __init__(self, message: str, wait_s: float = 5.0) -> None:
        super().__init__(message)
        self.wait_s = wait_s


class Withdrawn(WorkSignal):
    """The rule is not to run any more: it was disabled, or it is not declared any more."""


class BadToken(WorkSignal):
    """The first page of a resumed walk was refused because of its token."""


class CursorError(WorkSignal):
    """A page that cannot be true: truncated without a token, or the same token twice."""


class BudgetSpent(WorkSignal):
    """The page budget ran out before the end of a walk that must be whole."""


class JobFailed(WorkSignal):
    """The kind says that this job cannot go on; the message is the reason that is shown.

    `code` groups failures (an S3 code where there is one).
    """

    def __init__(self, message: str, code: str = "JobFailed") -> None:
        super().__init__(message)
        self.code = code
