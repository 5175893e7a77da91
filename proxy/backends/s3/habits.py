"""What the answers of a service have shown of it."""

from __future__ import annotations

from proxy.backends.bodies import is_md5
from proxy.errors import BackendUnavailable


class Habits:
    """Whether ETags of what is put whole are MD5s, by real bucket. (Not where a KMS key seals.)

    Learned from answers, and forgotten with the process; until it is known it counts as no.
    """

    def __init__(self) -> None:
        self._md5: set[str] = set()

    def learn(self, bucket: str, was_md5: bool) -> None:
        if was_md5:
            self._md5.add(bucket)
        else:
            self._md5.discard(bucket)

    def tells_md5(self, bucket: str) -> bool:
        return bucket in self._md5

    def confirm(self, bucket: str, sent: str, kept: str) -> None:
        """Compare the MD5 of what was streamed with the ETag of what was kept, where that tells.

        Raises BackendUnavailable: the service has other bytes than it was sent.
        """
        if self.tells_md5(bucket) and is_md5(kept) and kept != sent:
            raise BackendUnavailable(
                f"The storage of {bucket!r} kept other bytes than it was sent. Try again."
            )
