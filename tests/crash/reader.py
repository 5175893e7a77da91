"""A client that only reads: `reader.py REPORT`, with orders in REPORT.orders, until REPORT.stop is there.

Every object and every version must be there at every moment, whole and in ranges, as it was written.
"""

from __future__ import annotations

import hashlib
import json
import random
import sys
from pathlib import Path
from typing import Any

import boto3

KIB, MIB = 1024, 1024 * 1024
MARKER = b"<plaintext that nobody may find on a disk>"
SIZES = {0: 70 * MIB, 1: 9 * MIB, 2: 300 * KIB, 12: 33 * KIB, 30: 2 * KIB, 190: 0}
"""From this number on keys have this size, up to the next."""
KEYS, VERSIONED = 200, range(25, 40)
"""How many keys there are, and which of them have an older version too."""


def key_of(number: int) -> str:
    return f"k{number:04d} é+%"


def body_of(number: int, version: int) -> bytes:
    """The marker again and again, with what tells bodies apart."""
    size = next(size for start, size in sorted(SIZES.items(), reverse=True) if number >= start)
    line = MARKER + f" {number}/{version}\n".encode()
    return (line * (size // len(line) + 1))[:size]


class Reader:
    """`versions`: (number, version id, version) of everything that can be read."""

    def __init__(self, orders: dict[str, Any]) -> None:
        self.s3 = boto3.client("s3", region_name="us-east-1", **orders["connection"])
        self.bucket: str = orders["bucket"]
        self.versions: list[tuple[int, str, int]] = [tuple(each) for each in orders["versions"]]
        self.rng = random.Random(orders["seed"])
        self.wrong: list[str] = []
        self.reads = 0

    def read(self) -> None:
        """One version: mostly small ones, now and then all of a large one."""
        number, version_id, version = self.rng.choice(self.versions)
        body = body_of(number, version)
        where = {"Bucket": self.bucket, "Key": key_of(number), "VersionId": version_id}
        start, end = 0, len(body)
        if end > MIB and self.rng.random() < 0.97:
            start = self.rng.randrange(end)
            end = min(end, start + self.rng.randrange(1, 200 * KIB))
            where["Range"] = f"bytes={start}-{end - 1}"
        got = self.s3.get_object(**where)["Body"].read()
        self.reads += 1
        if got != body[start:end]:
            digest = hashlib.sha256(got).hexdigest()[:12]
            self.wrong.append(f"{key_of(number)} {version_id} [{start}, {end}): {len(got)} bytes, {digest}")

    def list(self) -> None:
        """Every version is listed."""
        pages = self.s3.get_paginator("list_object_versions").paginate(Bucket=self.bucket)
        listed = {(each["Key"], each["VersionId"]) for page in pages for each in page.get("Versions", [])}
        missing = {(key_of(number), version_id) for number, version_id, _ in self.versions} - listed
        if missing:
            self.wrong.append(f"not listed: {sorted(missing)[:5]}")


def main(report: Path) -> None:
    reader = Reader(json.loads(Path(f"{report}.orders").read_text()))
    stop = Path(f"{report}.stop")
    while not stop.exists():
        try:
            for _ in range(30):
                reader.read()
            reader.list()
        except Exception as error:
            reader.wrong.append(repr(error))
    report.write_text(json.dumps({"reads": reader.reads, "wrong": reader.wrong}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
