"""Requests byte for byte as a test wants them, signed by a few lines of our own."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO
from xml.etree import ElementTree

from tests.s3.server import Server


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def code(self) -> str:
        """The <Code> of an error document."""
        return ElementTree.fromstring(self.body).findtext("Code") or ""


def head(
    server: Server,
    method: str,
    target: str,
    headers: dict[str, str] | None = None,
    *,
    payload: str = "UNSIGNED-PAYLOAD",
    now: datetime | None = None,
    secret: str | None = None,
) -> bytes:
    """The signed head of a request. `target` is sent as it is; its query must be sorted."""
    path, _, query = target.partition("?")
    stamp = (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
    fields = {
        "host": f"127.0.0.1:{server.port}",
        "x-amz-date": stamp,
        "x-amz-content-sha256": payload,
        **{name.lower(): value for name, value in (headers or {}).items()},
    }
    signed = sorted(name for name in fields if name not in ("content-length", "expect", "connection"))
    canonical = "\n".join(
        [method, path, query, *(f"{n}:{fields[n].strip()}" for n in signed), "", ";".join(signed), payload]
    )
    scope = f"{stamp[:8]}/us-east-1/s3/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode('latin-1')).hexdigest()}"
    key = ("AWS4" + (secret or server.secret_key)).encode()
    for part in (*scope.split("/"), text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    fields["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={server.access_key}/{scope}, SignedHeaders={';'.join(signed)}, "
        f"Signature={key.hex()}"
    )
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def read(connection: socket.socket, method: str = "GET") -> Answer:
    """The next answer on a connection; of what comes behind it, something may be lost."""
    answer = http.client.HTTPResponse(connection, method=method)
    try:
        answer.begin()
        return Answer(answer.status, answer.headers, answer.read())
    finally:
        answer.close()


def ask(
    server: Server,
    method: str,
    target: str,
    headers: dict[str, str] | None = None,
    body: bytes = b"",
    **signing: object,
) -> Answer:
    """One signed request on a connection of its own."""
    fields = dict(headers or {})
    if body or method in ("PUT", "POST"):
        fields.setdefault("content-length", str(len(body)))
    with server.connect() as connection:
        connection.sendall(head(server, method, target, fields, **signing) + body)  # type: ignore[arg-type]
        return read(connection, method)


def ask_unsigned(server: Server, request: bytes) -> Answer:
    """Bytes as they are, and the answer to them."""
    with server.connect() as connection:
        connection.sendall(request)
        return read(connection)


def read_in_turn(stream: BinaryIO) -> Answer:
    """The next of several answers that come one behind the other, each with its length."""
    status = int(stream.readline().split()[1])
    headers = http.client.parse_headers(stream)
    return Answer(status, headers, stream.read(int(headers["content-length"])))
