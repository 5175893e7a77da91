"""What the console takes in: bounded before it is read, nothing from nobody, never the last of a disk."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from jobs.pages.browser.one import _Served
from jobsite import intake
from jobsite.console import Console
from proxy.errors import AccessDenied
from proxy.handlers.call import Download
from proxy.store import Store
from tests.jobs.visitors import make_person, own_bucket, signed_in
from tests.jobs.windows import two_backends
from tests.nameless import nameless_files

UPLOAD = "/_/buckets/photos/upload/"
MIB = 1024 * 1024
MARKER = b"nobody else may read this"


class Sender:
    """A client's body, and how much of it was asked for."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = list(pieces)
        self.taken = 0

    async def __call__(self) -> dict[str, Any]:
        if not self.pieces:
            await asyncio.sleep(3600)
        piece = self.pieces.pop(0)
        self.taken += 1
        return {"type": "http.request", "body": piece, "more_body": bool(self.pieces)}


def ask(path: str, sender: Sender, query: str = "", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """POST to the console over ASGI: status, headers, body."""
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "scheme": "http",
        "headers": [(b"host", b"testserver"), *raw],
        "client": ("127.0.0.1", 5),
        "server": ("testserver", 80),
    }
    asyncio.run(asyncio.wait_for(Console()(scope, sender, send), 30))
    start = sent[0]
    told = {name.decode().lower(): value.decode() for name, value in start["headers"]}
    return start["status"], told, b"".join(message.get("body", b"") for message in sent[1:])


@pytest.fixture
def cookie(home: Path, transactional_db: None) -> str:
    client = Client()
    client.force_login(User.objects.create_user("somebody"))
    return f"sluicegate_session={client.cookies['sluicegate_session'].value}"


def test_a_large_body_for_a_small_page_is_refused_unread(home: Path, transactional_db: None) -> None:
    sender = Sender(b"x")
    status, headers, body = ask("/_/login/", sender, content_length=str(10**12))
    assert status == 413 and json.loads(body)["code"] == "BodyTooLarge"
    assert "default-src 'none'" in headers["content-security-policy"]


def test_a_body_that_announced_no_length_is_cut_at_the_same_size(home: Path, transactional_db: None) -> None:
    sender = Sender(*[b"x" * MIB] * 10)
    assert ask("/_/login/", sender)[0] == 413
    assert list(home.iterdir()) == [], "what came until then has no name and is gone"


@pytest.mark.parametrize("cookie", ["", "sluicegate_session=guessed", "sluicegate_session=\x01;;=,"])
def test_nobody_uploads_without_a_session(home: Path, transactional_db: None, cookie: str) -> None:
    status, _, body = ask(UPLOAD, Sender(b"x"), content_length="1", cookie=cookie)
    assert status == 401 and json.loads(body)["code"] == "Unauthorized"


def test_people_are_told_on_a_page(home: Path, transactional_db: None) -> None:
    status, headers, body = ask(UPLOAD, Sender(b"x"), content_length="1", accept="text/html,*/*")
    assert status == 401 and headers["content-type"].startswith("text/html") and b"Sign in" in body


def test_an_upload_is_refused_before_the_disk_is_full(
    cookie: str, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    disk = os.statvfs(settings.HOME)
    free = disk.f_bavail * disk.f_frsize
    monkeypatch.setattr(intake, "KEPT_FREE", free - 10 * MIB)
    status, _, body = ask(UPLOAD, Sender(b"x"), content_length=str(500 * MIB), cookie=cookie)
    assert status == 507 and json.loads(body)["code"] == "StorageFull"
    assert intake._promised == 0
    monkeypatch.setattr(intake, "KEPT_FREE", free + 10 * MIB)
    pieces = Sender(*[b"x" * MIB] * 3)
    assert ask(UPLOAD, pieces, cookie=cookie)[0] == 507, (
        "and while it comes, if it did not say how long it is"
    )


def test_what_is_too_large_for_the_console_says_how_much_may_be(cookie: str, settings: Any) -> None:
    settings.CONSOLE_UPLOAD_BYTES = MIB
    status, _, body = ask(UPLOAD, Sender(b"x"), content_length=str(2 * MIB), cookie=cookie)
    assert status == 413 and "1,048,576 bytes" in json.loads(body)["error"]


def test_an_upload_beyond_every_limit_of_forms_arrives_whole(
    home: Path, transactional_db: None, settings: Any
) -> None:
    two_backends(settings, home)
    person = make_person()
    bucket = own_bucket(person)
    client = signed_in(person)
    client.get("/_/buckets/photos/")
    cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())
    told = {"cookie": cookies, "x_csrftoken": client.cookies["sluicegate_csrf"].value}
    pieces = [bytes([number]) * MIB for number in range(7)]
    size = str(7 * MIB)
    kind = "application/octet-stream"
    status, _, body = ask(
        UPLOAD, Sender(*pieces), query="key=large", content_length=size, content_type=kind, **told
    )
    assert status == 201, body
    with Store.of(bucket).open("large") as reader:
        assert b"".join(reader.read(0, 7 * MIB)) == b"".join(pieces)
    status, _, body = ask(UPLOAD, Sender(*pieces), query="key=more", content_length=size, content_type=kind)
    assert status == 401, "and not without the cookie"


def test_what_is_uploaded_in_the_console_stands_nowhere_in_plain(
    home: Path, transactional_db: None, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the body nor the file that a form holds; `put` is where both are there."""
    two_backends(settings, home)
    person = make_person()
    own_bucket(person)
    client = signed_in(person)
    seen: list[bytes] = []

    def put(*arguments: Any, **options: Any) -> None:
        seen.extend(nameless_files(home))
        raise AccessDenied()

    monkeypatch.setattr(Store, "put", put)
    client.get("/_/buckets/photos/")
    cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())
    told = {"cookie": cookies, "x_csrftoken": client.cookies["sluicegate_csrf"].value}
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n'
    form = head + MARKER * 10_000 + b"\r\n--x--\r\n"
    kind = "multipart/form-data; boundary=x"
    ask(UPLOAD, Sender(form), content_length=str(len(form)), content_type=kind, **told)
    assert len(seen) == 2
    assert min(map(len, seen)) == len(MARKER) * 10_000 and MARKER not in b"".join(seen)


class Reader:
    """An open object of a hundred pieces that counts those which were read."""

    def __init__(self) -> None:
        self.count = 0
        self.closed = False

    def read(self, start: int, end: int) -> Iterator[bytes]:
        for _ in range(start, end):
            self.count += 1
            yield b"x"

    def close(self) -> None:
        self.closed = True


def test_a_download_is_read_as_it_is_taken_and_closed_when_its_client_leaves() -> None:
    """Django itself would read a synchronous body whole before it sends the first byte."""
    reader = Reader()

    async def take() -> list[bytes]:
        async with aclosing(aiter(_Served(Download(reader, 0, 100)))) as pieces:  # type: ignore[arg-type]
            return [await anext(pieces), await anext(pieces)]

    assert asyncio.run(take()) == [b"x", b"x"] and reader.count == 2 and reader.closed
