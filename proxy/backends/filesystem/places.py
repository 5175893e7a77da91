"""What is asked of a place as a whole."""

from __future__ import annotations

from proxy.backends.filesystem.bucket import OpenBucket
from proxy.backends.filesystem.rows import Row
from proxy.backends.filesystem.transaction import Transaction
from proxy.backends.values import Usage
from proxy.errors import BucketNotEmpty, ObjectLocked

# The condition of each partial index is said again, else SQLite does not use it.
_LOCKED = "(SELECT count(*) FROM {} WHERE (until > 0 OR hold = 1) AND (until > ?1 OR hold = 1))"
_USAGE = (
    "SELECT keys, versions, (SELECT count(*) FROM uploads), size, versions_size,"
    f" {_LOCKED.format('live')} + {_LOCKED.format('history')} FROM place"
)


def usage(bucket: OpenBucket) -> Usage:
    """All but uploads and locked versions are kept count of, so this does not grow with the place."""
    with bucket.pool.lend() as connection:
        row: Row = connection.execute(_USAGE, (bucket.now(),)).fetchall()[0]
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


def retire(bucket: OpenBucket, *, uploads: bool, force: bool, unserved: bool) -> None:
    """From here on nobody writes to the place, in no process. Raises BucketNotEmpty, ObjectLocked."""

    def operation(transaction: Transaction) -> None:
        # (What others of this commit counted is not in the row yet.)
        _, _, open_uploads, _, _, locked = transaction.rows(_USAGE, transaction.now)[0]
        if not force and (transaction.keys or transaction.versions or (open_uploads and not uploads)):
            raise BucketNotEmpty(fields={"BucketName": bucket.place.bucket})
        if locked and not unserved:
            raise ObjectLocked(fields={"BucketName": bucket.place.bucket})
        transaction.retire()

    bucket.writer.submit(operation)
