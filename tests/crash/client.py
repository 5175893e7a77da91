"""One client of the migration under fire: `client.py REPORT` reads its orders from REPORT.orders.

Orders are `client` (its number), `bucket`, `seed`, `connection`, and if need be `keys` (the numbers of its
keys: first, and one past the last) and `upload` (false: none is open all the time).

It writes its own keys and reads all, through boto3 with its default retries, and keeps account:
an acknowledged write is there; one without an answer may be there or not. It fills its keys, then
acts without a pause until REPORT.stop exists, then reads everything once more and reports. What is
written once versioning is on has a version id, under which it must be there for good.
"""

from __future__ import annotations

import io
import json
import random
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import BotoCoreError, ClientError

from tests.crash.bodies import (
    CLIENTS,
    KEYS_EACH,
    MIB,
    body_of,
    key_of,
    may_vanish,
    size_of,
    version_in,
)

MULTIPART_FROM = 8 * MIB
VERSIONS_READ = 60
"""Versions whose bodies are read at the end; of all others the id and the order are looked at."""
AGAIN = 5
"""How often a body that was cut is read again."""


@dataclass
class Account:
    """What a client has seen. Times are unix seconds."""

    reads: int = 0
    writes: int = 0
    lists: int = 0
    unanswered: int = 0
    versions: int = 0
    acked_at: list[float] = field(default_factory=list)
    cut_at: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


class Client:
    """`may[number]`: the versions that the key can have now; None stands for no object.

    `made[number]`: the version ids that were acknowledged, oldest first, and what they are.
    """

    def __init__(self, orders: dict[str, Any]) -> None:
        self.me: int = orders["client"]
        self.bucket: str = orders["bucket"]
        self.rng = random.Random(orders["seed"] * 10 + self.me)
        self.s3 = boto3.client("s3", region_name="us-east-1", **orders["connection"])
        self.may: dict[int, list[int | None]] = {}
        self.made: dict[int, list[tuple[str, int | None]]] = {}
        self.next: dict[int, int] = {}
        self.newest_seen: dict[tuple[int, int], int] = {}
        self.account = Account()
        self.upload = ""
        self.numbers = range(*orders.get("keys", (0, KEYS_EACH)))
        self.keeps_an_upload: bool = orders.get("upload", True)

    # -- writes ------------------------------------------------------------------------
    def put(self, number: int) -> None:
        version = self.next.get(number, 0) + 1
        self.next[number] = version
        key, body = key_of(self.me, number), body_of(self.me, number, version)
        seen = version if size_of(number, 1) else 0
        before = self.may.get(number, [None])
        self.may[number] = [*before, seen]
        self._written(number, seen, lambda: self._send(key, body))

    def _send(self, key: str, body: bytes) -> Any:
        """The answer to the put; boto3 keeps that of an upload in parts to itself."""
        if len(body) >= MULTIPART_FROM:
            self.s3.upload_fileobj(io.BytesIO(body), self.bucket, key)
            return {}
        return self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)

    def delete(self, number: int) -> None:
        self.may[number] = [*self.may[number], None]
        where = {"Bucket": self.bucket, "Key": key_of(self.me, number)}
        self._written(number, None, lambda: self.s3.delete_object(**where))

    def _written(self, number: int, seen: int | None, write: Any) -> None:
        """Only an acknowledged write leaves no doubt about what is there."""
        try:
            answer = write()
        except (ClientError, BotoCoreError, S3UploadFailedError):
            self.account.unanswered += 1
            return
        self.account.writes += 1
        self.account.acked_at.append(time.time())
        self.may[number] = [seen]
        if "VersionId" in answer:
            self.made.setdefault(number, []).append((answer["VersionId"], seen))

    # -- reads --------------------------------------------------------------------------
    def read(self, client: int, number: int) -> None:
        key = key_of(client, number)
        for _ in range(AGAIN):
            try:
                body = self._get(key)
                break
            except BotoCoreError as error:
                self.account.cut_at.append(time.time())
                why = error
            except ClientError as error:
                self._note(f"GET {key}: {error}")
                return
        else:
            self._note(f"GET {key}: cut {AGAIN} times: {why!r}")
            return
        self.account.reads += 1
        seen = None if body is None else version_in(client, number, body)
        if body is not None and seen is None:
            self._note(f"GET {key}: {len(body)} bytes of no version: {body[:40]!r}")
        elif client == self.me and seen not in self.may[number]:
            self._note(f"GET {key}: version {seen}, it may be {self.may[number]}")
        elif client != self.me:
            self._judge_foreign(client, number, seen)

    def _get(self, key: str) -> bytes | None:
        try:
            answer = self.s3.get_object(Bucket=self.bucket, Key=key)
        except self.s3.exceptions.NoSuchKey:
            return None
        body: bytes = answer["Body"].read()
        return body

    def _judge_foreign(self, client: int, number: int, seen: int | None) -> None:
        """Another's key never goes back to an older version, and is there unless it may vanish."""
        if seen is None:
            if not may_vanish(number):
                self._note(f"GET {key_of(client, number)}: missing")
            return
        newest = self.newest_seen.get((client, number), 0)
        if seen < newest:
            self._note(f"GET {key_of(client, number)}: version {seen} after {newest}")
        self.newest_seen[client, number] = max(newest, seen)

    def list(self) -> None:
        """All own keys, in small pages, so that some listing begins before the flip and ends after."""
        try:
            pages = self.s3.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=f"c{self.me}/", PaginationConfig={"PageSize": 100}
            )
            found = [each["Key"] for page in pages for each in page.get("Contents", [])]
        except BotoCoreError:
            self.account.cut_at.append(time.time())
            return
        except ClientError as error:
            self._note(f"LIST: {error}")
            return
        self.account.lists += 1
        surely = {key_of(self.me, number) for number, may in self.may.items() if None not in may}
        surely_not = {key_of(self.me, number) for number, may in self.may.items() if may == [None]}
        if found != sorted(found):
            self._note("LIST: not in order")
        if surely - set(found) or surely_not & set(found):
            self._note(f"LIST: misses {surely - set(found)}, shows {surely_not & set(found)}")

    def look_at_versions(self) -> None:
        """Every version and marker that was acknowledged is there, in the order of the acknowledgements."""
        pages = self.s3.get_paginator("list_object_versions").paginate(
            Bucket=self.bucket, Prefix=f"c{self.me}/"
        )
        listed: dict[str, list[str]] = {}
        for page in pages:
            for each in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
                listed.setdefault(each["Key"], []).append(each["VersionId"])
        for number, made in self.made.items():
            key, ids = key_of(self.me, number), dict(made)
            there = [version for version in listed.get(key, []) if version in ids]
            markers = [version for version, seen in reversed(made) if seen is None]
            if there != [version for version, seen in reversed(made) if seen is not None] + markers:
                self._note(f"VERSIONS {key}: {there} are there, {made} were made")
        every = [(number, *version) for number, made in self.made.items() for version in made]
        self.account.versions = len(every)
        for number, version, seen in self.rng.sample(every, min(VERSIONS_READ, len(every))):
            if seen is not None:
                self._look_at_version(number, version, seen)

    def _look_at_version(self, number: int, version: str, seen: int) -> None:
        key = key_of(self.me, number)
        body = self.s3.get_object(Bucket=self.bucket, Key=key, VersionId=version)["Body"].read()
        if version_in(self.me, number, body) != seen:
            self._note(f"GET {key} {version}: it is not {seen}: {body[:40]!r}")

    def _note(self, text: str) -> None:
        self.account.wrong.append(f"{time.time():.3f} {text}")

    # -- an upload that is open all the time ------------------------------------------------
    def begin_upload(self) -> None:
        where = {"Bucket": self.bucket, "Key": f"upload-of-{self.me}"}
        self.upload = self.s3.create_multipart_upload(**where)["UploadId"]
        self.s3.upload_part(**where, UploadId=self.upload, PartNumber=1, Body=b"1" * 5 * MIB)

    def end_upload(self) -> None:
        where = {"Bucket": self.bucket, "Key": f"upload-of-{self.me}"}
        self.s3.upload_part(**where, UploadId=self.upload, PartNumber=2, Body=b"2")
        parts = self.s3.list_parts(**where, UploadId=self.upload)["Parts"]
        asked = [{"PartNumber": part["PartNumber"], "ETag": part["ETag"]} for part in parts]
        done = self.s3.complete_multipart_upload(
            **where, UploadId=self.upload, MultipartUpload={"Parts": asked}
        )
        body = self.s3.get_object(**where)["Body"].read()
        if body != b"1" * 5 * MIB + b"2" or not done["ETag"].endswith('-2"'):
            self._note("the open upload did not become what it was")

    # -- the whole ---------------------------------------------------------------------------
    def fill(self) -> None:
        for number in self.numbers:
            self.put(number)
        if self.keeps_an_upload:
            self.begin_upload()
        if self.account.unanswered:
            self._note("the bucket could not be filled")

    def act(self) -> None:
        """One thing."""
        roll, number = self.rng.random(), self.rng.choice(self.numbers)
        if roll < 0.55:
            self.read(self.me, number)
        elif roll < 0.72:
            self.read(self.rng.randrange(CLIENTS), number)
        elif roll < 0.94:
            self.put(number)
        elif roll < 0.98:
            if may_vanish(number):
                self.delete(number)
        else:
            self.list()

    def look_at_all(self) -> None:
        for number in self.numbers:
            self.read(self.me, number)
        self.list()


def main(report: Path) -> None:
    orders = json.loads(Path(f"{report}.orders").read_text())
    client = Client(orders)
    client.fill()
    Path(f"{report}.filled").touch()
    while not Path(f"{report}.go").exists():
        time.sleep(0.05)
    while not Path(f"{report}.stop").exists():
        client.act()
    if client.keeps_an_upload:
        client.end_upload()
    client.look_at_all()
    client.look_at_versions()
    text = json.dumps({**vars(client.account), "may": client.may})
    report.with_suffix(".draft").write_text(text)
    report.with_suffix(".draft").rename(report)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
