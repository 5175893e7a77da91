"""The stock clients with their default settings: what people will point at us."""

from __future__ import annotations

import filecmp
import itertools
import json
import random
import subprocess
import urllib.request
from pathlib import Path

import pytest

from tests.needs import needs
from tests.s3.server import Server

MIB = 1024 * 1024
_numbers = itertools.count(1)

FILES = {
    "empty": 0,
    "small.txt": 100,
    "just-inline.bin": 32 * 1024,
    "folder/medium.bin": 300_000,
    "folder/deep/er/name with spaces & signs+%.txt": 5000,
    "folder/ünïcödé-🚰.bin": 70_000,
    "multipart.bin": 20 * MIB + 12345,
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of all sizes, some above every client's multipart threshold."""
    root = tmp_path_factory.mktemp("tree")
    for number, (name, size) in enumerate(FILES.items()):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(random.Random(number).randbytes(size))
    for number in range(50):
        (root / "many").mkdir(exist_ok=True)
        (root / "many" / f"{number:03}").write_bytes(str(number).encode() * number)
    return root


@pytest.fixture
def name() -> str:
    return f"clients-{next(_numbers)}"


def run(server: Server, *command: str, status: int = 0) -> str:
    """Run a client; what it printed."""
    done = subprocess.run(
        command, env=server.client_env(), capture_output=True, text=True, cwd=server.home, timeout=110
    )
    assert done.returncode == status, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def same(first: Path, second: Path) -> bool:
    """What `diff -r` would say."""
    done = subprocess.run(["diff", "-r", str(first), str(second)], capture_output=True, text=True)
    return done.returncode == 0 and filecmp.dircmp(first, second).left_only == []


@needs("aws", "drives the stock AWS command line")
def test_aws_sync_in_and_out(s3_server: Server, tree: Path, tmp_path: Path, name: str) -> None:
    run(s3_server, "aws", "s3", "mb", f"s3://{name}")
    run(s3_server, "aws", "s3", "sync", str(tree), f"s3://{name}/in", "--quiet")
    assert run(s3_server, "aws", "s3", "sync", str(tree), f"s3://{name}/in") == ""
    run(s3_server, "aws", "s3", "sync", f"s3://{name}/in", str(tmp_path / "out"), "--quiet")
    assert same(tree, tmp_path / "out")
    listed = run(s3_server, "aws", "s3", "ls", "--recursive", f"s3://{name}/in/")
    assert len(listed.splitlines()) == len(FILES) + 50
    run(s3_server, "aws", "s3", "rm", "--recursive", f"s3://{name}", "--quiet")
    run(s3_server, "aws", "s3", "rb", f"s3://{name}")
    assert name not in run(s3_server, "aws", "s3", "ls")


@needs("aws", "drives the stock AWS command line")
def test_aws_sends_parts_over_connections_that_sent_empty_files(
    s3_server: Server, tmp_path: Path, name: str
) -> None:
    for number in range(30):
        (tmp_path / f"{number:02}").touch()
    (tmp_path / "large").write_bytes(random.Random(1).randbytes(3 * 8 * MIB))
    run(s3_server, "aws", "s3", "mb", f"s3://{name}")
    run(s3_server, "aws", "s3", "sync", str(tmp_path), f"s3://{name}", "--quiet")


@needs("aws", "drives the stock AWS command line")
def test_aws_cp_mv_and_presign(s3_server: Server, tree: Path, tmp_path: Path, name: str) -> None:
    run(s3_server, "aws", "s3", "mb", f"s3://{name}")
    run(s3_server, "aws", "s3", "cp", str(tree / "multipart.bin"), f"s3://{name}/one", "--quiet")
    run(s3_server, "aws", "s3", "cp", f"s3://{name}/one", f"s3://{name}/two", "--quiet")
    run(s3_server, "aws", "s3", "mv", f"s3://{name}/two", f"s3://{name}/three", "--quiet")
    url = run(s3_server, "aws", "s3", "presign", f"s3://{name}/three").strip()
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == (tree / "multipart.bin").read_bytes()
    run(s3_server, "aws", "s3", "cp", f"s3://{name}/three", str(tmp_path / "three"), "--quiet")
    assert filecmp.cmp(tree / "multipart.bin", tmp_path / "three", shallow=False)
    run(s3_server, "aws", "s3", "rb", f"s3://{name}", "--force")


@needs("aws", "drives the stock AWS command line")
def test_aws_s3api(s3_server: Server, tree: Path, tmp_path: Path, name: str) -> None:
    where = ["--bucket", name, "--key", "k"]
    run(s3_server, "aws", "s3api", "create-bucket", "--bucket", name)
    body = str(tree / "small.txt")
    put = json.loads(run(s3_server, "aws", "s3api", "put-object", *where, "--body", body))
    head = json.loads(run(s3_server, "aws", "s3api", "head-object", *where, "--checksum-mode", "ENABLED"))
    assert head["ETag"] == put["ETag"]
    assert head["ChecksumCRC64NVME" if "ChecksumCRC64NVME" in put else "ChecksumCRC32"]
    run(s3_server, "aws", "s3api", "get-object", *where, str(tmp_path / "k"))
    assert filecmp.cmp(body, tmp_path / "k", shallow=False)
    run(s3_server, "aws", "s3api", "delete-object", *where)
    missing = run(s3_server, "aws", "s3api", "list-objects-v2", "--bucket", name)
    assert "Contents" not in missing
    run(s3_server, "aws", "s3api", "delete-bucket", "--bucket", name)


@needs("s5cmd", "drives the stock s5cmd")
def test_s5cmd_in_and_out(s3_server: Server, tree: Path, tmp_path: Path, name: str) -> None:
    run(s3_server, "s5cmd", "mb", f"s3://{name}")
    run(s3_server, "s5cmd", "cp", f"{tree}/", f"s3://{name}/in/")
    (tmp_path / "out").mkdir()
    run(s3_server, "s5cmd", "cp", f"s3://{name}/in/*", f"{tmp_path}/out/")
    assert same(tree, tmp_path / "out")
    assert len(run(s3_server, "s5cmd", "ls", f"s3://{name}/*").splitlines()) == len(FILES) + 50
    run(s3_server, "s5cmd", "cp", f"s3://{name}/in/multipart.bin", f"s3://{name}/copy")
    run(s3_server, "s5cmd", "sync", f"{tree}/", f"s3://{name}/in/")
    run(s3_server, "s5cmd", "rm", f"s3://{name}/*")
    run(s3_server, "s5cmd", "rb", f"s3://{name}")


@needs("rclone", "drives the stock rclone")
def test_rclone_in_and_out(s3_server: Server, tree: Path, tmp_path: Path, name: str) -> None:
    there = f"sluice:{name}"
    run(s3_server, "rclone", "mkdir", there)
    run(s3_server, "rclone", "copy", "--checksum", str(tree), f"{there}/in")
    run(s3_server, "rclone", "check", str(tree), f"{there}/in")
    run(s3_server, "rclone", "check", "--download", str(tree), f"{there}/in")
    run(s3_server, "rclone", "sync", "--checksum", f"{there}/in", str(tmp_path / "out"))
    assert same(tree, tmp_path / "out")
    run(s3_server, "rclone", "sync", f"{there}/in", f"{there}/copy")
    run(s3_server, "rclone", "check", f"{there}/in", f"{there}/copy")
    listed = json.loads(run(s3_server, "rclone", "lsjson", "-R", "--files-only", f"{there}/copy"))
    assert len(listed) == len(FILES) + 50
    run(s3_server, "rclone", "purge", there)
    assert name not in run(s3_server, "rclone", "lsd", "sluice:")
