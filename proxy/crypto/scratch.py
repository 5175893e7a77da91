"""A file for what has to be set aside for a moment, and must not stand on a disk in plain.

It has no name and is sealed with a key that is in memory alone (AES-256 in counter mode), so that nothing of
it can be read once it is closed, or after a crash. Who alters it while it is open is not found out.
Source: NIST SP 800-38A, 6.5.
"""

from __future__ import annotations

import io
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

_KEY_BYTES, _BLOCK = 32, 16


class ScratchFile(io.RawIOBase):
    """Grows at its end and is read anywhere. In `folder`, of which it needs as much room as it has bytes."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError."""
        super().__init__()
        self._key = os.urandom(_KEY_BYTES)
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115  (closed with this one)
        self._at = 0
        self._size = 0

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def write(self, piece: ReadableBuffer, /) -> int:
        """All of it. Raises OSError; UnsupportedOperation anywhere but at the end, where nothing was yet
        sealed with the same stream."""
        if self._at != self._size:
            raise io.UnsupportedOperation("what was written stays")
        sealed = memoryview(self._stream().update(bytes(piece)))
        length = len(sealed)
        self._file.seek(self._size)
        while sealed:
            written = self._file.write(sealed)
            sealed = sealed[written:]
            self._at = self._size = self._size + written
        return length

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        sealed = os.pread(self._file.fileno(), len(view), self._at)
        view[: len(sealed)] = self._stream().update(sealed)
        self._at += len(sealed)
        return len(sealed)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()

    def _stream(self) -> CipherContext:
        """The cipher, come to where we are."""
        blocks, begun = divmod(self._at, _BLOCK)
        stream = Cipher(AES(self._key), CTR(blocks.to_bytes(_BLOCK))).encryptor()
        stream.update(bytes(begun))
        return stream
