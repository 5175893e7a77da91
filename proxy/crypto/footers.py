"""What the footer of a sealed segment says of its plaintext, so that bodies explain themselves
when the database that described them is lost.

JSON in at most FOOTER_BYTES bytes. Size, ETag and part number always fit; checksums are taken up in
the order of CHECKSUMS as long as there is room.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from proxy.crypto.frames import FOOTER_BYTES, DamagedBody

CHECKSUMS = ("crc64nvme", "crc32c", "crc32", "sha256", "sha1")


@dataclass(frozen=True, slots=True)
class Footer:
    """The plaintext of one segment: bytes, ETag without quotes, base64 checksums by algorithm.

    `part` is the number of an upload's part, 0 for a body that was put whole.
    """

    size: int
    etag: str
    checksums: Mapping[str, str] = field(default_factory=dict)
    part: int = 0


def footer_bytes(footer: Footer) -> bytes:
    """What `Sealer.end` takes."""
    said: dict[str, Any] = {"size": footer.size, "etag": footer.etag}
    if footer.part:
        said["part"] = footer.part
    written = _json(said)
    fitting: dict[str, str] = {}
    for algorithm in CHECKSUMS:
        if algorithm in footer.checksums:
            more = {**fitting, algorithm: footer.checksums[algorithm]}
            longer = _json({**said, "checksums": more})
            if len(longer) <= FOOTER_BYTES:
                fitting, written = more, longer
    return written


def read_footer(facts: bytes) -> Footer:
    """What `Opener.open_footer` gives. Raises DamagedBody."""
    try:
        said = json.loads(facts)
        return Footer(
            size=int(said["size"]),
            etag=str(said["etag"]),
            checksums={str(name): str(value) for name, value in said.get("checksums", {}).items()},
            part=int(said.get("part", 0)),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise DamagedBody("its footer has a form that this version does not know") from None


def _json(said: Mapping[str, Any]) -> bytes:
    return json.dumps(said, separators=(",", ":")).encode()
