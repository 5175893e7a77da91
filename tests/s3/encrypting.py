"""A server over TLS with one backend that seals what it keeps and one that does not, and keys of clients."""

from __future__ import annotations

import base64
import hashlib
import itertools
import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from tests.certificates import make_certificate
from tests.s3.server import Server

_numbers = itertools.count(1)
_MOST = 100
CONFIG = """
storage:
  backends:
    - name: strongroom
      type: filesystem
      path: strongroom
      encryption:
        mode: aes256-gcm-proxy
        keys: [{{id: first, key: "{key}"}}]
    - name: shelf
      type: filesystem
      path: shelf
  default_backend: strongroom
  buckets: {{{exceptions}}}
"""


@pytest.fixture(scope="session")
def encrypting(prepared: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server. Buckets are made on `strongroom`, those of `unsealed` on `shelf`."""
    home = tmp_path_factory.mktemp("encrypting")
    exceptions = ", ".join(f"unsealed-{number}: {{backend: shelf}}" for number in range(1, _MOST))
    config = home / "sluicegate.yaml"
    config.write_text(CONFIG.format(key=secrets.token_hex(32), exceptions=exceptions))
    cert, key = make_certificate(home)
    server = prepared.copy(
        home,
        SLUICEGATE_CONFIG=str(config),
        SLUICEGATE_TLS_CERT=str(cert),
        SLUICEGATE_TLS_KEY=str(key),
        AWS_CA_BUNDLE=str(cert),
        SLUICEGATE_DRAIN_SECONDS="1",  # else the end waits for clients that keep TLS open and do not read
    )
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def secret(encrypting: Server) -> Any:
    """A boto3 client of that server; it sends clients' keys over TLS only."""
    return encrypting.client(verify=encrypting.settings["AWS_CA_BUNDLE"])


@pytest.fixture
def sealed(secret: Any) -> str:
    """The name of a new bucket whose backend seals."""
    name = f"sealed-{next(_numbers)}"
    secret.create_bucket(Bucket=name)
    return name


@pytest.fixture
def unsealed(secret: Any) -> str:
    """The name of a new bucket whose backend does not."""
    name = f"unsealed-{next(_numbers)}"
    secret.create_bucket(Bucket=name)
    return name


class Key:
    """A client's own key, as boto3 and as headers say it."""

    def __init__(self, byte: int) -> None:
        self.key = bytes([byte]) * 32
        self.text = base64.b64encode(self.key).decode()
        self.md5 = base64.b64encode(hashlib.md5(self.key).digest()).decode()

    @property
    def sent(self) -> dict[str, str]:
        """Parameters of boto3, which writes key and MD5 itself where the MD5 is not given."""
        return {
            "SSECustomerAlgorithm": "AES256",
            "SSECustomerKey": self.text,
            "SSECustomerKeyMD5": self.md5,
        }

    @property
    def of_source(self) -> dict[str, str]:
        return {f"CopySource{name}": value for name, value in self.sent.items()}

    @property
    def headers(self) -> dict[str, str]:
        prefix = "x-amz-server-side-encryption-customer"
        return {f"{prefix}-algorithm": "AES256", f"{prefix}-key": self.text, f"{prefix}-key-md5": self.md5}


MINE, OTHER = Key(0x6B), Key(0x6F)


def told(answer: dict[str, Any]) -> dict[str, str]:
    """What an answer of boto3 says about encryption; its body is closed, so that no connection stays."""
    if "Body" in answer:
        answer["Body"].close()
    names = ("ServerSideEncryption", "SSEKMSKeyId", "SSECustomerAlgorithm", "SSECustomerKeyMD5")
    return {name: answer[name] for name in names if name in answer}


def by(key: Key) -> dict[str, str]:
    """What is told of an object that this key seals."""
    return {"SSECustomerAlgorithm": "AES256", "SSECustomerKeyMD5": key.md5}


BY_SERVER = {"ServerSideEncryption": "AES256"}
