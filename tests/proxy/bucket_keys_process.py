"""A process that asks for the keys of many buckets as it is told, and dies where it is told to."""

from __future__ import annotations

import json
import os
import signal
import sys
import time

import django

django.setup()

from proxy.backends.values import Place  # noqa: E402
from proxy.bucket_keys import BucketKeys  # noqa: E402
from proxy.crypto.ring import Ring  # noqa: E402

BUCKETS = 20


class Notes:
    """Copies in memory, and the places that have one."""

    def __init__(self, *, deadly: bool = False) -> None:
        self.texts: dict[tuple[Place, str], str | None] = {}
        self._deadly = deadly

    def mark(self, place: Place, name: str, text: str | None) -> None:
        if self._deadly:
            print(text, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        self.texts[(place, name)] = text

    def marked(self, place: Place, name: str) -> str | None:
        return self.texts.get((place, name))

    def places(self, bucket: str) -> tuple[Place, ...]:
        return tuple({place for place, _ in self.texts if place.bucket == bucket})


def main() -> None:
    notes = Notes(deadly="die" in sys.argv)
    keys = BucketKeys("local", Ring([("one", b"1" * 32)]), notes, lambda: time.time_ns() // 1_000_000)
    places = [Place(f"bucket-{number}", "name", "life") for number in range(BUCKETS)]
    print("ready", flush=True)
    for line in sys.stdin:
        act = {"newest": keys.newest, "make_new": keys.make_new}[line.strip()]
        print(json.dumps([(key.id, key.key.hex()) for key in map(act, places)]), flush=True)


if __name__ == "__main__":
    main()
