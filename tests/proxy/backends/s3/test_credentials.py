"""Credentials from the configuration or from the SDK's chain, each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]

_ASK = """
import sys
from proxy.backends.s3.client import connect
from proxy.errors import S3Error
client = connect("cloud", {options!r})
try:
    found = client.caller.credentials()
    print(found.access_key, found.secret_key, found.token or "-", "boto3" in sys.modules)
except S3Error as error:
    print(type(error).__name__, error.message)
"""


def _ask(home: Path, options: dict[str, str], **environ: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", _ASK.format(options=options)],
        cwd=ROOT,
        env={**kept, "HOME": str(home), "AWS_EC2_METADATA_DISABLED": "true", **environ},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_what_is_configured_needs_no_sdk(tmp_path: Path) -> None:
    given = {"access_key_id": "AK", "secret_access_key": "SK", "session_token": "ST"}
    assert _ask(tmp_path, given, AWS_ACCESS_KEY_ID="other", AWS_SECRET_ACCESS_KEY="x") == "AK SK ST False"


def test_else_the_sdk_looks_for_them(tmp_path: Path) -> None:
    environ = {"AWS_ACCESS_KEY_ID": "EK", "AWS_SECRET_ACCESS_KEY": "ES", "AWS_SESSION_TOKEN": "ET"}
    assert _ask(tmp_path, {}, **environ) == "EK ES ET True"
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "credentials").write_text(
        "[default]\naws_access_key_id = FK\naws_secret_access_key = FS\n"
    )
    assert _ask(tmp_path, {}) == "FK FS - True"


def test_without_any_it_says_so(tmp_path: Path) -> None:
    assert _ask(tmp_path, {}) == (
        "Refused There are no credentials for the storage 'cloud': neither the configuration has any, nor"
        " any place where the SDK looks."
    )


def test_what_the_sdk_cannot_get_is_no_fault_of_ours(tmp_path: Path) -> None:
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text("[default]\ncredential_process = /no/such/program\n")
    answer = _ask(tmp_path, {})
    assert answer.startswith("Refused There are no credentials for the storage 'cloud': the SDK cannot get")
