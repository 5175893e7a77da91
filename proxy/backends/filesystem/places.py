"""What is asked of a place as a whole."""

from __future__ import annotations

from proxy.backends.filesystem.bucket import OpenBucket
from proxy.backends.filesystem.rows import Row
from proxy.backends.filesystem.transaction import Transaction
from proxy.backends.values import Usage
from proxy.errors import BucketNotEmpty

_USAGE = "SELECT keys, (SELECT count(*) FROM history), (SELECT count(*) FROM uploads), size FROM place"


def usage(bucket: OpenBucket) -> Usage:
    """Keys and bytes are kept count of, so this does not grow with the place."""
    with bucket.pool.lend() as connection:
        row: Row = connection.execute(_USAGE).fetchall()[0]
    return Usage(*row)


def head_seq(bucket: OpenBucket) -> int:
    with bucket.pool.lend() as connection:
        return int(connection.execute("SELECT seq FROM place").get)


def mark(bucket: OpenBucket, name: str, text: str | None) -> None:
    """A note beside the objects: no change of the place, so no seq."""

    def operation(transaction: Transaction) -> None:
        if text is None:
            transaction.run("DELETE FROM marks WHERE name = ?", name)
        else:
            transaction.run("INSERT OR REPLACE INTO marks (name, text) VALUES (?, ?)", name, text)

    bucket.writer.submit(operation)


def marked(bucket: OpenBucket, name: str) -> str | None:
    with bucket.pool.lend() as connection:
        row = connection.execute("SELECT text FROM marks WHERE name = ?", (name,)).fetchone()
    return None if row is None else str(row[0])


def retire(bucket: OpenBucket, force: bool) -> None:
    """From here on nobody writes to the place, in no process. Raises BucketNotEmpty."""

    def operation(transaction: Transaction) -> None:
        _, versions, uploads, _ = transaction.rows(_USAGE)[0]
        if (transaction.keys or versions or uploads) and not force:
            raise BucketNotEmpty(fields={"BucketName": bucket.place.bucket})
        transaction.retire()

    bucket.writer.submit(operation)
