"""Encryption by a client's own key, as the stock command line clients ask for it."""

from __future__ import annotations

import filecmp
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.needs import needs
from tests.s3.encrypting import MINE, OTHER, by, told
from tests.s3.server import Server

MIB = 1024 * 1024


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A small file and one that is sent in parts."""
    folder = tmp_path / "files"
    folder.mkdir()
    for name, size in (("small", 1000), ("parts", 12 * MIB)):
        (folder / name).write_bytes(random.Random(size).randbytes(size))
    return folder


def run(server: Server, *command: str, status: int = 0) -> str:
    """Run a client that trusts the server's certificate; what it printed."""
    cert = server.settings["AWS_CA_BUNDLE"]
    env = server.client_env() | {"AWS_CA_BUNDLE": cert, "RCLONE_CA_CERT": cert}
    done = subprocess.run(command, env=env, capture_output=True, text=True, cwd=server.home, timeout=110)
    assert (done.returncode == 0) is (status == 0), f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


@needs("aws", "drives the stock AWS command line")
def test_aws_copies_with_a_key(
    encrypting: Server, secret: Any, sealed: str, files: Path, tmp_path: Path
) -> None:
    (tmp_path / "key").write_bytes(MINE.key)
    with_key = ["--sse-c", "AES256", "--sse-c-key", f"fileb://{tmp_path / 'key'}"]
    from_key = ["--sse-c-copy-source", "AES256", "--sse-c-copy-source-key", f"fileb://{tmp_path / 'key'}"]
    run(encrypting, "aws", "s3", "cp", "--recursive", str(files), f"s3://{sealed}/in/", *with_key)
    assert told(secret.head_object(Bucket=sealed, Key="in/parts", **MINE.sent)) == by(MINE)
    run(encrypting, "aws", "s3", "cp", "--recursive", f"s3://{sealed}/in/", str(tmp_path / "out"), *with_key)
    for name in ("small", "parts"):
        assert filecmp.cmp(files / name, tmp_path / "out" / name, shallow=False)
    refusal = run(encrypting, "aws", "s3", "cp", f"s3://{sealed}/in/small", str(tmp_path / "x"), status=1)
    assert "Bad Request" in refusal
    run(encrypting, "aws", "s3", "cp", f"s3://{sealed}/in/parts", f"s3://{sealed}/copy", *from_key)
    run(encrypting, "aws", "s3", "cp", f"s3://{sealed}/copy", str(tmp_path / "copy"))
    assert filecmp.cmp(files / "parts", tmp_path / "copy", shallow=False)


@needs("rclone", "drives the stock rclone")
def test_rclone_copies_with_a_key(
    encrypting: Server, secret: Any, sealed: str, files: Path, tmp_path: Path
) -> None:
    with_key = ["--s3-sse-customer-algorithm", "AES256", "--s3-sse-customer-key-base64", MINE.text]
    in_parts = ["--s3-upload-cutoff", "5M", "--s3-chunk-size", "5M"]
    there = f"sluice:{sealed}/in"
    run(encrypting, "rclone", "copy", str(files), there, *with_key, *in_parts)
    assert told(secret.head_object(Bucket=sealed, Key="in/parts", **MINE.sent)) == by(MINE)
    run(encrypting, "rclone", "copy", there, str(tmp_path / "out"), *with_key)
    run(encrypting, "rclone", "check", "--download", str(files), there, *with_key)
    for name in ("small", "parts"):
        assert filecmp.cmp(files / name, tmp_path / "out" / name, shallow=False)
    wrong = [*with_key[:3], OTHER.text]
    run(encrypting, "rclone", "copy", "--retries", "1", there, str(tmp_path / "no"), *wrong, status=1)
    assert not list((tmp_path / "no").rglob("*"))
