"""Rows as data requests see them: raw SQL on Django's connection, no ORM.

One indexed read for the bucket and one for the access key is all that a request costs in
the control database.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, connections

from proxy.backends.values import Place, Route
from proxy.bucket_settings import BucketSettings, settings_of, settings_text
from proxy.errors import NoSuchBucket, OperationAborted

_BUCKET_COLUMNS = (
    "id, name, owner_id, created_ms, backend, real_bucket, incarnation, gate_holder, gate_generation,"
    " settings"
)


@dataclass(frozen=True, slots=True)
class GateState:
    """Closed while it has a holder; `generation` grows at each close."""

    holder: str | None
    generation: int

    @property
    def closed(self) -> bool:
        return self.holder is not None


@dataclass(frozen=True, slots=True)
class BucketRecord:
    """One bucket row at one moment: Route and Gate come from the same statement."""

    id: str
    name: str
    owner_id: str
    created_ms: int
    route: Route
    gate: GateState
    settings: BucketSettings


@dataclass(frozen=True, slots=True)
class AccessKeyRecord:
    """One enabled access key; `sealed_secret` is opened by `proxy.crypto`."""

    access_key: str
    sealed_secret: bytes
    owner_id: str
    display_name: str
    root: bool


def _bucket(row: tuple[Any, ...]) -> BucketRecord:
    bucket_id, name, owner, created, backend, real, incarnation, holder, generation, settings = row
    return BucketRecord(
        id=bucket_id,
        name=name,
        owner_id=owner,
        created_ms=created,
        route=Route(backend, Place(bucket_id, real, incarnation)),
        gate=GateState(holder, generation),
        settings=settings_of(settings),
    )


def _by_vendor(statement: str) -> dict[str, str]:
    return {"sqlite": statement.replace("%s", "?"), "postgresql": statement}


_FIND_BUCKET = _by_vendor(f"SELECT {_BUCKET_COLUMNS} FROM proxy_bucket WHERE name = %s")
_FIND_KEY = _by_vendor(
    "SELECT access_key, sealed_secret, owner_id, display_name, root FROM proxy_accesskey"
    " WHERE access_key = %s AND enabled"
)


def _first(statement: dict[str, str], value: str) -> tuple[Any, ...] | None:
    """One indexed read by the driver itself: Django's cursors cost twice what the read does."""
    database = connections[DEFAULT_DB_ALIAS]
    database.ensure_connection()
    with database.wrap_database_errors:
        found = database.connection.execute(statement[database.vendor], [value])
        row: tuple[Any, ...] | None = found.fetchone()
    return row


def find_bucket(name: str) -> BucketRecord:
    """The bucket of that name now. Raises NoSuchBucket."""
    row = _first(_FIND_BUCKET, name)
    if row is None:
        raise NoSuchBucket(fields={"BucketName": name})
    return _bucket(row)


_BYTE_ORDER = {"postgresql": 'COLLATE "C"'}
"""What makes names sort by bytes, where the database's own order may be a language's."""


def list_buckets(*, after: str = "", prefix: str = "", limit: int = 10_000) -> list[BucketRecord]:
    """Buckets by name in byte order, those after `after` only."""
    name = {"sqlite": "name", "postgresql": 'name COLLATE "C"'}[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {_BUCKET_COLUMNS} FROM proxy_bucket"
            f" WHERE {name} > %s AND {name} >= %s AND {name} < %s ORDER BY {name} LIMIT %s",
            [after, prefix, prefix + "\x7f", limit],
        )
        return [_bucket(row) for row in cursor.fetchall()]


def find_access_key(access_key: str) -> AccessKeyRecord | None:
    """The enabled key of that id, or None."""
    row = _first(_FIND_KEY, access_key)
    if row is None:
        return None
    return AccessKeyRecord(row[0], bytes(row[1]), row[2], row[3], bool(row[4]))


def change_settings(bucket: BucketRecord, **values: Any) -> BucketSettings:
    """Set some of a bucket's settings, guarded by what they were when the bucket was read.

    The caller is alone in the bucket's write slot, so nothing but a mistake can come between.
    Raises OperationAborted if something did.
    """
    changed = replace(bucket.settings, **values)
    with connection.cursor() as cursor:
        cursor.execute("SELECT settings FROM proxy_bucket WHERE id = %s", [bucket.id])
        row = cursor.fetchone()
        if row is None or settings_of(row[0]) != bucket.settings:
            raise OperationAborted()
        cursor.execute(
            "UPDATE proxy_bucket SET settings = %s WHERE id = %s", [settings_text(changed), bucket.id]
        )
    return changed
