"""What the answers of a service have shown of it."""

from __future__ import annotations


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
