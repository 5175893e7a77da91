"""Rows as data requests see them: raw SQL on Django's connection, no ORM.

One indexed read for the bucket, and one look at the epoch of identities (`proxy.epoch`), is all
that a request costs in the control database; what is known of an access key is remembered.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from django.db import connection

from proxy.backends.values import Place, Route
from proxy.bucket_settings import BucketSettings, settings_of, settings_text
from proxy.control import by_vendor, read
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
class UserRecord:
    """One user row."""

    id: int
    name: str
    owner_id: str
    enabled: bool
    root: bool
    creates_buckets: bool


@dataclass(frozen=True, slots=True)
class IdentityRecord:
    """An enabled access key of an enabled user; `sealed_secret` is opened by `proxy.keys`.

    `expires` is in seconds since the epoch of Unix, infinite for a key without an end.
    """

    user: UserRecord
    sealed_secret: bytes
    expires: float


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


_FIND_BUCKET = by_vendor(f"SELECT {_BUCKET_COLUMNS} FROM proxy_bucket WHERE name = %s")
_USER_COLUMNS = "u.id, u.name, u.owner_id, u.enabled, u.root, u.creates_buckets"
_FIND_IDENTITY = by_vendor(
    f"SELECT {_USER_COLUMNS}, k.sealed_secret, k.expires FROM proxy_accesskey k"
    " JOIN proxy_user u ON u.id = k.user_id WHERE k.access_key = %s AND k.enabled AND u.enabled"
)
_FIND_USER = {
    column: by_vendor(f"SELECT {_USER_COLUMNS} FROM proxy_user u WHERE u.{column} = %s ORDER BY u.id LIMIT 1")
    for column in ("name", "owner_id", "login_id", "root")
}
_FIND_POLICIES = by_vendor(
    "SELECT p.text FROM proxy_policy p WHERE p.user_id = %s UNION ALL SELECT p.text FROM proxy_policy p"
    " JOIN proxy_group_members m ON m.group_id = p.group_id WHERE m.user_id = %s"
)


def _first(statement: dict[str, str], value: object) -> tuple[Any, ...] | None:
    return next(iter(read(statement, value)), None)


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


def find_identity(access_key: str) -> IdentityRecord | None:
    """Who signs with that key, or None if it does not exist or is switched off."""
    row = _first(_FIND_IDENTITY, access_key)
    if row is None:
        return None
    *user, sealed, expires = row
    return IdentityRecord(_user(tuple(user)), bytes(sealed), _seconds(expires))


def find_user(column: str, value: object) -> UserRecord | None:
    """The first user of that `name`, `owner_id`, `login_id` or `root`; disabled ones too."""
    row = _first(_FIND_USER[column], value)
    return None if row is None else _user(row)


def policies_of(user_id: int) -> tuple[str, ...]:
    """The texts of the user's own policies and of those of the user's groups."""
    return tuple(row[0] for row in read(_FIND_POLICIES, user_id, user_id))


def _user(row: tuple[Any, ...]) -> UserRecord:
    user_id, name, owner_id, enabled, root, creates_buckets = row
    return UserRecord(user_id, name, owner_id, bool(enabled), bool(root), bool(creates_buckets))


def _seconds(at: datetime | None) -> float:
    """SQLite's driver gives times without a zone; they are of UTC."""
    if at is None:
        return math.inf
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


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
