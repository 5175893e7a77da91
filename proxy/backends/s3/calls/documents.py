"""Documents that go to a service, and answers that come as one."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from hashlib import md5
from typing import TypeVar

from proxy.backends.s3.answers import Facts
from proxy.backends.s3.caller import Caller
from proxy.backends.s3.errors import unreadable
from proxy.backends.s3.requests import Request
from proxy.errors import MalformedXML

_Answer = TypeVar("_Answer")

_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def writable(text: str) -> bool:
    """Whether XML 1.0 can hold it."""
    return _NOT_XML.search(text) is None


def with_digest(document: bytes, headers: Mapping[str, str] | None = None) -> dict[str, str]:
    """The headers of a document: its MD5, which S3 demands of some."""
    digest = b64encode(md5(document, usedforsecurity=False).digest()).decode()
    return {**(headers or {}), "content-md5": digest, "content-type": "application/xml"}


class Calls:
    """What all calls stand on."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller

    def _facts(self, request: Request) -> Facts:
        """The answer's head; its body, which is short, is read and dropped."""
        reply, _ = self.caller.read(request)
        return Facts(reply.status, reply.headers)

    def _put_document(
        self,
        bucket: str,
        key: str,
        query: Mapping[str, str],
        body: bytes,
        headers: Mapping[str, str] | None = None,
    ) -> Facts:
        return self._facts(Request("PUT", bucket, key, query, with_digest(body, headers), body))

    def _read(self, request: Request, reader: Callable[[bytes], _Answer]) -> _Answer:
        """The answer's document as a value. Raises ServiceFault if it cannot be read."""
        return self._read_both(request, lambda facts, document: reader(document))

    def _read_both(self, request: Request, reader: Callable[[Facts, bytes], _Answer]) -> _Answer:
        reply, document = self.caller.read(request)
        try:
            return reader(Facts(reply.status, reply.headers), document)
        except MalformedXML:
            raise unreadable(self.caller.backend) from None


def given(**parameters: str | int | None) -> dict[str, str]:
    """The query parameters that are not empty; `_` in a name stands for `-`."""
    return {
        name.replace("_", "-"): str(value) for name, value in parameters.items() if value not in (None, "")
    }
