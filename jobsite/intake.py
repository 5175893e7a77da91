"""Taking a request's body for the console: bounded, paced, and never onto the last of the disk."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import IO, Any, cast

from django.conf import settings
from django.core.exceptions import RequestAborted

from proxy.crypto.scratch import ScratchFile
from proxy.door.inlet import Inlet
from proxy.errors import S3Error
from proxy.limits import KIB, MIB, bounds

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]

KEPT_FREE = 64 * MIB
"""Room on the state disk that uploads leave alone: the control database lives there."""
FORM_OVERHEAD = 64 * KIB
_IN_MEMORY = 64 * KIB
_AT_ONCE = MIB

_promised = 0
"""Bytes that this process has agreed to take and has not written yet. Belongs to the event loop."""


class Refused(Exception):
    """A body that is not taken; `status` is HTTP's."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Intake:
    """One request's body. Calling it receives, as any ASGI `receive`.

    `upload` says that the page takes files; `limit` is in bytes.
    """

    def __init__(self, scope: Scope, receive: Receive) -> None:
        headers = dict(scope["headers"])
        length = headers.get(b"content-length", b"")
        self.length = int(length) if length.isdigit() and len(length) < 19 else None
        self.upload = _takes_files(scope)
        most = settings.CONSOLE_UPLOAD_BYTES if self.upload else settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        self.limit = int(most) + FORM_OVERHEAD
        # The files of a form are taken out of the body into files of their own.
        copies = 2 if headers.get(b"content-type", b"").startswith(b"multipart/") else 1
        self._promise = copies * (self.length or 0)
        self._receive = receive
        self._inlet = Inlet(receive, bounds(), asyncio.get_running_loop())

    async def __call__(self) -> Any:
        return await self._receive()

    def check(self) -> None:
        """All that the announced length tells. Raises Refused."""
        if self.length is not None and self.length > self.limit:
            raise self._too_large()
        if self.upload:
            _check_room(self._promise)

    async def file(self) -> IO[bytes]:
        """The whole body, at its beginning; a file of it can be read by nobody else.

        Raises Refused, RequestAborted.
        """
        global _promised
        small = self.length is not None and self.length <= _IN_MEMORY
        body = io.BytesIO() if small else cast(IO[bytes], ScratchFile(Path(settings.HOME)))
        _promised += self._promise
        try:
            await self._keep(body)
            body.seek(0)
        except BaseException as error:
            body.close()
            if isinstance(error, OSError):
                raise Refused(507, "The disk of this server is full. Nothing was kept.") from None
            raise
        finally:
            _promised -= self._promise
        return body

    async def linger(self) -> None:
        """Let a refused client read its answer."""
        if not self._inlet.done and not self._inlet.gone:
            await self._inlet.linger()

    async def _keep(self, body: IO[bytes]) -> None:
        held = bytearray()
        while not self._inlet.done:
            held += await self._take()
            if len(held) >= _AT_ONCE:
                _check_room(0)
                await asyncio.to_thread(body.write, bytes(held))
                self._kept(len(held))
                held.clear()
        body.write(held)

    async def _take(self) -> bytes:
        try:
            piece = await self._inlet.take()
        except S3Error as error:
            if self._inlet.gone:
                raise RequestAborted from None
            raise Refused(408, error.message) from None
        if self._inlet.count > self.limit:
            raise self._too_large()
        return piece

    def _kept(self, size: int) -> None:
        global _promised
        kept = min(size, self._promise)
        self._promise -= kept
        _promised -= kept

    def _too_large(self) -> Refused:
        most = self.limit - FORM_OVERHEAD
        if self.upload:
            return Refused(413, f"An upload in the console may be {most:,} bytes. Use an S3 client for more.")
        return Refused(413, f"A request to this page may be {most:,} bytes.")


def _takes_files(scope: Scope) -> bool:
    """POST /_/buckets/NAME/upload/"""
    parts = scope["path"].split("/")
    return scope["method"] == "POST" and parts[:3] == ["", "_", "buckets"] and parts[4:] == ["upload", ""]


def _check_room(more: int) -> None:
    disk = os.statvfs(settings.HOME)
    if disk.f_bavail * disk.f_frsize - _promised - more < KEPT_FREE:
        raise Refused(507, "The disk of this server is too full for this upload. Nothing was kept.")
