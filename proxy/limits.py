"""Bounds of the gateway: what S3 fixes, and what an operator may set.

Sizes are bytes, times are seconds. Source of the fixed ones: Amazon S3 User Guide,
"Amazon S3 multipart upload limits", "Creating object key names", "Quotas".
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from django.conf import settings

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB

MAX_PUT_BYTES = 5 * GIB
"""One PutObject, UploadPart, CopyObject or UploadPartCopy."""
MAX_FORM_BYTES = MAX_PUT_BYTES + MIB
"""One PostObject: a file as large as any, its fields and the frame around them."""
MAX_PART_NUMBER = 10_000
MAX_KEYS = 1000
"""Most entries of one page, whatever the client asks for."""
MAX_DOCUMENT_BYTES = 8 * MIB
"""Most of an XML document: 1,000 keys of 1,024 bytes, each written as a reference, need 6 MiB."""

SMALL_BODY_BYTES = MIB
"""Up to here a body is read by the event loop before a thread is taken."""
BRIEF_BYTES = 32 * KIB
"""Up to here the event loop reads an object itself, if it is at hand."""
UNASKED_BODY_BYTES = 256 * KIB
"""What the server holds of a body before we ask for it: reading this much early costs nothing."""
LINGER_BYTES = 64 * MIB
LINGER_SECONDS = 5.0
"""How much of a refused body is thrown away so that its sender can read the refusal."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What an operator may set, read once per process."""

    read_idle: float
    """No byte of an upload for so long: RequestTimeout."""
    write_idle: float
    """The client takes no byte of a download for so long: the connection is cut."""
    least_rate: int
    """An upload slower than this, in bytes a second while we wait for it, is ended."""
    short_threads: int
    stream_threads: int
    """Streaming uploads and long copies at once in one worker; beyond them: SlowDown."""
    pipe_bytes: int
    """Bytes of one streaming upload that wait for its thread."""
    access_log: bool


@cache
def bounds() -> Bounds:
    return Bounds(
        read_idle=settings.READ_IDLE_SECONDS,
        write_idle=settings.WRITE_IDLE_SECONDS,
        least_rate=settings.LEAST_UPLOAD_RATE,
        short_threads=settings.SHORT_THREADS,
        stream_threads=settings.STREAM_THREADS,
        pipe_bytes=settings.PIPE_BYTES,
        access_log=settings.ACCESS_LOG,
    )
