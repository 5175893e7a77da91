"""A copy of the configuration that a server was started with, for its children that start anew.

The file itself may be edited while the server runs: what is wrong with it, or half written, must not keep
a child from coming back.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

VARIABLE = "SLUICEGATE_CONFIG_AT_START"
"""Tells the children where it is."""
NAME = "config_at_start.yaml"


def keep(path: Path, home: Path) -> Path:
    """Copy the file into the home, whole and for its owner alone: where it is now. Raises OSError."""
    draft, kept = home / f".{NAME}.{secrets.token_hex(8)}", home / NAME
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(path.read_bytes())
    os.replace(draft, kept)
    return kept
