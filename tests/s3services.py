"""Real services that speak S3, for whatever uses one: each is started when first asked for, and once."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from proxy.backends.s3.client import Client, connect
from proxy.errors import S3Error
from tests.s3.server import Server, free_port

START_SECONDS = 60.0


@dataclass(frozen=True)
class Service:
    """One running service. `options` is its entry of `settings.STORAGE["backends"]`."""

    name: str
    options: dict[str, Any]

    def client(self) -> Client:
        """A new client of ours, with a breaker and connections of its own."""
        return connect(self.name, self.options)

    def bucket(self, client: Client, **headers: str) -> str:
        """The name of a new bucket."""
        name = f"b-{uuid.uuid4().hex[:20]}"
        client.create_bucket(name, {key.replace("_", "-"): value for key, value in headers.items()})
        return name


def program(name: str) -> str:
    """A program beside this Python, or on the path; the test is not run without it."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"the program {name} is not installed")
    return found


@contextmanager
def _running(
    name: str, command: list[str], folder: Path, port: int, keys: tuple[str, str]
) -> Iterator[Service]:
    """The service, once it takes an object; ended with all its children."""
    options = _options(port, keys)
    log_path = folder / "log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, start_new_session=True)
    try:
        service = Service(name, options)
        _wait(service, process, log_path)
        yield service
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _options(port: int, keys: tuple[str, str]) -> dict[str, Any]:
    return {
        "type": "s3",
        "endpoint": f"http://127.0.0.1:{port}",
        "region": "us-east-1",
        "access_key_id": keys[0],
        "secret_access_key": keys[1],
        "session_token": None,
        "path_style": True,
        "ca_bundle": None,
        "connect_timeout": 5.0,
        "read_timeout": 30.0,
        "retry_budget": 10.0,
        "connections": 64,
        "encryption": {"mode": "none", "keys": []},
    }


def _wait(service: Service, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        client = service.client()
        try:
            bucket = service.bucket(client)
            client.put(bucket, "first", b"x")
            client.delete(bucket, "first")
            client.delete_bucket(bucket)
            return
        except S3Error as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{service.name}: {error}\n{log.read_text('utf-8', 'replace')}") from None
            time.sleep(0.1)
        finally:
            client.close()


def _new_keys() -> tuple[str, str]:
    return "TEST" + secrets.token_hex(8).upper(), secrets.token_hex(20)


@contextmanager
def seaweedfs() -> Iterator[Service]:
    """SeaweedFS in one process; small volumes, so that there is room for many buckets."""
    weed, keys = program("weed"), _new_keys()
    names = ("master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port",
             "filer.port.grpc", "s3.port", "s3.port.grpc")  # fmt: skip
    ports = {name: free_port() for name in names}
    identity = {
        "name": "tests",
        "credentials": [{"accessKey": keys[0], "secretKey": keys[1]}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    with tempfile.TemporaryDirectory(prefix="sgweed-") as name:
        folder = Path(name)
        (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
        (folder / "master.toml").write_text("[master.volume_growth]\ncopy_1 = 1\n")
        (folder / "security.toml").write_text(f'[s3.sse]\nkey = "{secrets.token_hex()}"\n')
        command = [weed, "server", f"-dir={folder}", "-ip=127.0.0.1", "-s3", "-s3.config=s3.json",
                   "-volume.max=2000", "-s3.port.iceberg=0", "-s3.port.lance=0",
                   "-master.volumeSizeLimitMB=64",
                   *(f"-{option}={port}" for option, port in ports.items())]  # fmt: skip
        with _running("seaweedfs", command, folder, ports["s3.port"], keys) as service:
            yield service


@contextmanager
def moto() -> Iterator[Service]:
    """moto's server: everything in memory, no signature checked."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="sgmoto-") as name:
        command = [program("moto_server"), "-H", "127.0.0.1", "-p", str(port)]
        with _running("moto", command, Path(name), port, _new_keys()) as service:
            yield service


@contextmanager
def sluicegate() -> Iterator[Service]:
    """A Sluicegate, as it is configured for production, with its objects in a folder."""
    with tempfile.TemporaryDirectory(prefix="sgsg-") as name:
        server = Server(Path(name), settings={"SLUICEGATE_WEB_WORKERS": "1"})
        server.prepare()
        server.start()
        try:
            yield Service("sluicegate", _options(server.port, (server.access_key, server.secret_key)))
        finally:
            server.stop()


SERVICES: dict[str, Callable[[], AbstractContextManager[Service]]] = {
    "seaweedfs": seaweedfs,
    "moto": moto,
    "sluicegate": sluicegate,
}


@pytest.fixture(scope="session")
def s3_services() -> Iterator[Callable[[str], Service]]:
    """Gives the service of a name of SERVICES, started if it is not running yet."""
    running: dict[str, Service] = {}
    with ExitStack() as stack:

        def get(name: str) -> Service:
            if name not in running:
                running[name] = stack.enter_context(SERVICES[name]())
            return running[name]

        yield get


@pytest.fixture(scope="session", params=list(SERVICES))
def s3_service(request: pytest.FixtureRequest, s3_services: Callable[[str], Service]) -> Service:
    """Each of the services in turn."""
    return s3_services(request.param)


@pytest.fixture(scope="session")
def s3_client(s3_service: Service) -> Iterator[Client]:
    """One client of ours for all tests of a service."""
    client = s3_service.client()
    yield client
    client.close()


@pytest.fixture
def s3_bucket(s3_service: Service, s3_client: Client) -> str:
    """The name of a new bucket on it."""
    return s3_service.bucket(s3_client)
