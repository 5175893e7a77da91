"""The table of backend types: one line each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from proxy.backends.base import Backend
from proxy.backends.encrypted import SEALING
from proxy.backends.filesystem import FilesystemBackend
from proxy.backends.memory import MemoryBackend
from proxy.backends.s3 import S3Backend
from proxy.backends.values import Clock


def _seals(options: Mapping[str, Any]) -> bool:
    return bool(options.get("encryption", {}).get("mode", "none") == SEALING)


BACKENDS: Mapping[str, Callable[[str, Mapping[str, Any], Clock], Backend]] = {
    "filesystem": lambda name, options, now: FilesystemBackend(
        name,
        Path(options["path"]),
        now,
        secure_delete=_seals(options),
        copy_hours=options.get("copy_hours", 0),
    ),
    "memory": lambda name, options, now: MemoryBackend(
        name,
        now,
        keeps_versions=options.get("keeps_versions", True),
        keeps_locks=options.get("keeps_locks", True),
    ),
    "s3": S3Backend,
}
"""type -> (name, options, clock) -> Backend. Options: `path` and `copy_hours` of a filesystem backend;
`keeps_versions` and `keeps_locks` of one in memory; of a service what `jobsite.config_backends` says."""
