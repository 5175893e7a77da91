"""One request's attempt to prove whom it is from: the secret to verify with, and what becomes of it.

Used around the verification of any kind of signature; leaving it with an error counts the
failure, leaving it without one makes the caller known.
"""

from __future__ import annotations

import time
from types import TracebackType

from proxy import guesses, identity, keys, metrics
from proxy.caller import Caller
from proxy.errors import InvalidAccessKeyId, SignatureDoesNotMatch, SlowDown

_REASONS: dict[type[BaseException], str] = {
    InvalidAccessKeyId: "unknown_key",
    SignatureDoesNotMatch: "signature",
    SlowDown: "limited",
}
_COUNTED = (InvalidAccessKeyId, SignatureDoesNotMatch)


class Attempt:
    """A context manager; `caller` is None until a signature was verified in it."""

    def __init__(self, address: str) -> None:
        self.caller: Caller | None = None
        self._address = address
        self._claimed: Caller | None = None
        self._bucket = ""
        self._now = 0.0

    def secret_for(self, access_key: str) -> str | None:
        """The secret of a key that may be used, or None.

        Raises SlowDown if the address has sent too many wrong signatures for this key, or too many
        keys that nobody has. Raises WrongKey, database errors.
        """
        self._now = time.time()
        found = identity.identify(access_key, self._now)
        self._bucket = guesses.bucket_name(access_key if found else "", self._address)
        guesses.check(self._bucket, self._now)
        if found is None:
            return None
        self._claimed, secret = found
        return secret

    def __enter__(self) -> Attempt:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._succeeded()
        elif kind in _REASONS:
            metrics.count_auth_failure(_REASONS[kind])
            if issubclass(kind, _COUNTED):
                bucket = self._bucket or guesses.bucket_name("", self._address)
                guesses.failed(bucket, self._now or time.time())

    def _succeeded(self) -> None:
        self.caller = self._claimed
        if self.caller is not None:
            guesses.forgive(self._bucket)
            keys.note_use(self.caller.access_key, self._now)
