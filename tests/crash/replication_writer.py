"""`python -m tests.crash.replication_writer REPORT`: writes, overwrites and deletes at a steady rate.

The orders are in REPORT.orders; it stops when REPORT.stop is there, and then tells how much it did in REPORT.
"""

from __future__ import annotations

import json
import random
import sys
import time
from pathlib import Path
from typing import Any

import django

django.setup()

from proxy.backends.s3.client import Client, connect  # noqa: E402

KEYS = 400
DELETES = 0.15
LARGEST = 20_000


def write(client: Client, bucket: str, rng: random.Random, number: int) -> str:
    """One change of one key: what was done."""
    key = f"d{rng.randrange(8)}/key-{rng.randrange(KEYS):03d}"
    if rng.random() < DELETES:
        client.delete(bucket, key)
        return "deleted"
    client.put(bucket, key, number.to_bytes(8, "big") + rng.randbytes(rng.randrange(LARGEST)))
    return "put"


def main(report: Path) -> None:
    orders: dict[str, Any] = json.loads(Path(f"{report}.orders").read_text())
    client, rng = connect("service", orders["options"]), random.Random(orders["seed"])
    done = {"put": 0, "deleted": 0}
    began, number = time.monotonic(), 0
    while not Path(f"{report}.stop").exists():
        done[write(client, orders["bucket"], rng, number)] += 1
        number += 1
        time.sleep(max(0.0, began + number / orders["rate"] - time.monotonic()))
    report.write_text(json.dumps({**done, "seconds": time.monotonic() - began}))
    client.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
