"""A real web server with a home of its own, and clients for it."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 30.0
DOMAIN = "s3.test"
"""Hosts below it name buckets; requests to 127.0.0.1 name them in the path."""
ONE_TRY = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, max_pool_connections=64)


@dataclass
class Server:
    """One Sluicegate: home, database, keys, and a running gunicorn after `start`."""

    home: Path
    worker: str = ""
    """A worker class in place of the configured one."""
    settings: dict[str, str] = field(default_factory=dict)
    access_key: str = ""
    secret_key: str = ""
    port: int = 0
    process: subprocess.Popen[bytes] | None = None
    clients: list[Any] = field(default_factory=list)

    @property
    def endpoint(self) -> str:
        scheme = "https" if "SLUICEGATE_TLS_CERT" in self.settings else "http"
        return f"{scheme}://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.home / "server.log"

    @property
    def env(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SLUICEGATE_")}
        return {
            **kept,
            "DJANGO_SETTINGS_MODULE": "jobsite.settings",
            "PYTHONWARNINGS": "error",
            "SLUICEGATE_HOME": str(self.home),
            "SLUICEGATE_CONFIG": str(ROOT / "sluicegate.yaml"),
            "SLUICEGATE_BIND": f"127.0.0.1:{self.port}",
            "SLUICEGATE_WEB_WORKERS": "2",
            "SLUICEGATE_DOMAIN": DOMAIN,
            "SLUICEGATE_TRUSTED_PROXIES": "127.0.0.1",
            **self.settings,
        }

    def prepare(self) -> None:
        """Keys, tables, and one access key."""
        self.settings.setdefault("SLUICEGATE_MASTER_KEY", secrets.token_hex(32))
        self.settings.setdefault("SLUICEGATE_SECRET_KEY", secrets.token_hex(32))
        self.manage("migrate", "-v0")
        made = json.loads(self.manage("keys", "create", "tests", "--root", "--json"))
        self.access_key, self.secret_key = made["access_key"], made["secret_key"]

    def copy(self, home: Path, worker: str = "", **settings: str) -> Server:
        """Another server with the same tables and keys, in a home of its own."""
        shutil.copytree(self.home, home, dirs_exist_ok=True)
        return Server(home, worker, {**self.settings, **settings}, self.access_key, self.secret_key)

    def manage(self, *arguments: str) -> str:
        """Run a management command; what it printed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments], cwd=ROOT, env=self.env, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self) -> None:
        """Start gunicorn and wait until it answers."""
        self.port = self.port or free_port()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "gunicorn", "-c", "jobsite/gunicorn_conf.py"),
                    *(("-k", self.worker) if self.worker else ()),
                    "jobsite.asgi:application",
                ],
                cwd=ROOT,
                env=self.env,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                with self.connect(5) as connection:
                    connection.sendall(b"GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                    if connection.recv(16):
                        return
            except OSError:
                pass
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.05)
        raise TimeoutError(self.log.read_text())

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End the server and whatever is left of its process group."""
        while self.clients:
            self.clients.pop().close()
        if self.process is None:
            return
        self.process.send_signal(number)
        try:
            self.process.wait(40)
        finally:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process = None

    def client(self, config: Config = ONE_TRY, **options: Any) -> Any:
        """A boto3 client with this server's key; `options` as of boto3.client."""
        made = boto3.client(
            "s3",
            **{
                "endpoint_url": self.endpoint,
                "region_name": "us-east-1",
                "aws_access_key_id": self.access_key,
                "aws_secret_access_key": self.secret_key,
                "config": config,
                **options,
            },
        )
        self.clients.append(made)
        return made

    def connect(self, timeout: float = 10) -> socket.socket:
        """A connection of one's own; the certificate is not looked at."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout)
        if "SLUICEGATE_TLS_CERT" not in self.settings:
            return connection
        return ssl._create_unverified_context().wrap_socket(connection)

    def client_env(self) -> dict[str, str]:
        """What the stock command line clients need to know, and nothing else of ours."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.endpoint,
            "S3_ENDPOINT_URL": self.endpoint,
            "RCLONE_CONFIG": "/dev/null",
            "RCLONE_CONFIG_SLUICE_TYPE": "s3",
            "RCLONE_CONFIG_SLUICE_PROVIDER": "Other",
            "RCLONE_CONFIG_SLUICE_ENV_AUTH": "true",
            "RCLONE_CONFIG_SLUICE_ENDPOINT": self.endpoint,
            "RCLONE_CONFIG_SLUICE_REGION": "us-east-1",
        }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
