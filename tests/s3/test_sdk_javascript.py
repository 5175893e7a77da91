"""An SDK that is not Python's: the AWS SDK for JavaScript, version 3, as it comes."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.needs import needs
from tests.s3.server import DOMAIN, Server

HERE = Path(__file__).parent / "js"
FILES = ("package.json", "package-lock.json")
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "sluicegate-tests"
SCENARIOS = [
    *("objects", "keys", "pages", "checksums", "streams", "multipart", "copies", "conditions"),
    *("versions", "presigned", "hosts"),
]

pytestmark = [needs("node", "runs the AWS SDK for JavaScript"), needs("npm", "installs that SDK")]


def installed() -> Path:
    """A folder with the SDK as the lock file has it; installed once per lock file."""
    content = b"".join((HERE / name).read_bytes() for name in FILES)
    folder = CACHE / f"js-{hashlib.sha256(content).hexdigest()[:16]}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            for name in FILES:
                shutil.copy(HERE / name, folder / name)
            command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--omit=dev"]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=110)
            assert done.returncode == 0, done.stderr
            (folder / "complete").touch()
    return folder


@pytest.fixture(scope="module")
def results(s3_server: Server) -> dict[str, str]:
    """What became of each scenario; one process runs them all."""
    folder = installed()
    shutil.copy(HERE / "scenarios.mjs", folder / "scenarios.mjs")
    environment = {
        **s3_server.client_env(),
        "ENDPOINT": s3_server.endpoint,
        "DOMAIN": DOMAIN,
        "BUCKET": "from-javascript",
    }
    done = subprocess.run(
        ["node", "scenarios.mjs"], cwd=folder, env=environment, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_javascript_sdk_works_with_its_defaults(results: dict[str, str], scenario: str) -> None:
    assert results[scenario] == "ok"


def test_every_scenario_is_looked_at(results: dict[str, str]) -> None:
    assert sorted(results) == sorted(SCENARIOS)
