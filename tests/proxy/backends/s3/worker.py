"""A process with a backend of a service of its own that does as it is told, and dies where it is told to."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

import django

django.setup()

from proxy.backends.s3 import S3Backend  # noqa: E402
from proxy.backends.values import NewObject, PartRequest, Place, UploadInfo  # noqa: E402
from tests.bodies import Bytes, content, noise  # noqa: E402

FIVE = 5 * 1024 * 1024
PARTS = {1: noise(FIVE, 1), 2: noise(10, 2)}
OWNER = "o" * 64


def create(backend: S3Backend, place: Place) -> None:
    backend.create_bucket(place)


def versioned(backend: S3Backend, place: Place) -> None:
    backend.set_versioning(place, "Enabled")


def upload(backend: S3Backend, place: Place) -> list[str]:
    backend.create_upload(place, UploadInfo("u", "k", 1, metadata={"m": "1"}, owner_id=OWNER))
    return [backend.put_part(place, "u", number, Bytes(data)).etag for number, data in PARTS.items()]


def complete(backend: S3Backend, place: Place) -> list[object]:
    asked = [PartRequest(part.number, part.etag) for part in backend.list_parts(place, "u")[0]]
    return _told(backend.complete_upload(place, "u", asked))


def again(backend: S3Backend, place: Place) -> list[object]:
    """As a client repeats it that never heard the answer."""
    return _told(backend.complete_upload(place, "u", [PartRequest(1, "0" * 32)]))


def put(backend: S3Backend, place: Place) -> list[object]:
    return _told(backend.put(place, NewObject("k", owner_id=OWNER), Bytes(b"small", "crc32")))


def overwrite(backend: S3Backend, place: Place) -> None:
    backend.put(place, NewObject("k", version_id="new"), Bytes(b"other"))


def listed(backend: S3Backend, place: Place) -> list[list[object]]:
    return [_told(info) for info in backend.list_versions(place).versions]


def read(backend: S3Backend, place: Place) -> int:
    return len(content(backend.open(place, "k")))


def uploads(backend: S3Backend, place: Place) -> list[str]:
    return [one.upload_id for one in backend.list_uploads(place).uploads]


def remove(backend: S3Backend, place: Place) -> list[str]:
    backend.delete_bucket(place, force=True)
    return [found.incarnation for found in backend.places(place.bucket)]


def _told(info: Any) -> list[object]:
    return [info.key, info.size, info.etag, info.owner_id, info.version_id, dict(info.checksums)]


DOES: dict[str, Callable[[S3Backend, Place], Any]] = {
    act.__name__: act
    for act in (create, versioned, upload, complete, again, put, overwrite, listed, read, uploads, remove)
}


def deadly(backend: S3Backend, call: str) -> None:
    """The process is killed when the service has done that call, before anybody hears of it."""
    client: Any = backend._client
    real = getattr(client, call)

    def done_and_dead(*arguments: Any, **named: Any) -> None:
        real(*arguments, **named)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(client, call, done_and_dead)


def main() -> None:
    options = json.loads(sys.stdin.readline())
    backend = S3Backend("far", options, lambda: time.time_ns() // 1_000_000)
    backend.prepare(None)
    for line in sys.stdin:
        told = json.loads(line)
        if "die_after" in told:
            deadly(backend, told["die_after"])
        print(json.dumps(DOES[told["do"]](backend, Place(*told["place"]))), flush=True)


if __name__ == "__main__":
    main()
