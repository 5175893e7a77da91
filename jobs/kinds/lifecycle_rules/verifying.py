"""Whether a copy has the bytes of its original: it is read back, unless its service has confirmed it."""

from __future__ import annotations

import hashlib

from jobs.kinds.pieces import GONE, is_md5
from proxy.backends.base import ObjectReader
from proxy.backends.values import Pulse
from proxy.store import Store


def same_bytes(reader: ObjectReader, there: Store, key: str, pulse: Pulse) -> bool:
    """Compare what is read with the object of that key. Raises S3Error, and what the pulse raises."""
    try:
        copy = there.open(key)
    except GONE:
        return False
    with copy:
        info = reader.info
        if (copy.info.size, copy.info.etag) != (info.size, info.etag):
            return False
        if there.backend.confirms_copies:
            return True
        found = _digest(copy, "md5", pulse) if is_md5(info.etag) else ""
        if found == info.etag:
            return True
        return _digest(reader, "sha256", pulse) == _digest(copy, "sha256", pulse)


def _digest(reader: ObjectReader, algorithm: str, pulse: Pulse) -> str:
    """Of all the bytes, in hex."""
    running = hashlib.new(algorithm, usedforsecurity=False)
    for piece in reader.read(0, reader.info.size):
        pulse()
        running.update(piece)
    return running.hexdigest()
