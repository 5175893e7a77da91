"""Loaded before Django's settings: this test session's own home, keys and search path.

Nothing that a developer has set, and nothing in ./var, reaches a test.
"""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import sys
import tempfile
from pathlib import Path

_OURS = ("SLUICEGATE_", "DATABASE_URL", "AWS_", "DJANGO_SETTINGS_MODULE")

for _name in [name for name in os.environ if name.startswith(_OURS)]:
    del os.environ[_name]

HOME = Path(tempfile.mkdtemp(prefix="sluicegate-tests-"))
_OWNER = os.getpid()


def _clean() -> None:
    if os.getpid() == _OWNER:  # a forked child runs this too
        shutil.rmtree(HOME, ignore_errors=True)


atexit.register(_clean)

os.environ.update(
    SLUICEGATE_HOME=str(HOME),
    SLUICEGATE_SECRET_KEY=secrets.token_urlsafe(48),
    SLUICEGATE_MASTER_KEY=secrets.token_hex(32),
    SLUICEGATE_DB_KEY=secrets.token_hex(32),
    # Programs that come as Python packages (aws, s5cmd, rclone) are beside the interpreter.
    PATH=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
)
