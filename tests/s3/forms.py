"""Upload forms as a browser sends them."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from urllib3.filepost import encode_multipart_formdata

from tests.s3 import raw
from tests.s3.raw import Answer
from tests.s3.server import Server


def post(
    server: Server,
    bucket: str,
    fields: Mapping[str, str],
    content: bytes,
    *,
    filename: str = "from-a-browser.txt",
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Send a form with its file last, without any signature but what its fields hold."""
    body, kind = encode_multipart_formdata([*fields.items(), ("file", (filename, content, "text/plain"))])
    lines = {
        "Host": urlsplit(server.endpoint).netloc,
        "Content-Type": kind,
        "Content-Length": str(len(body)),
        **(headers or {}),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return raw.ask_unsigned(server, f"POST /{bucket} HTTP/1.1\r\n{head}\r\n".encode() + body)
