"""Whether anything about who is who has changed: users, access keys, groups and policies.

One row of the control database holds a number, and triggers there give it a new one in the
transaction of every such change, whoever makes it. What was read under a number holds for as long
as the number is the same, in every process and on every host, so a change counts from the next
request on.

With SQLite even that row is seldom read: `PRAGMA data_version` says whether another connection has
committed anything, `total_changes` whether this one has; together they cost half of a row.
Sources: SQLite documentation, "PRAGMA data_version"; PostgreSQL documentation, "CREATE TRIGGER".
"""

from __future__ import annotations

import threading
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, transaction

from proxy.control import database

_TABLES = {
    "proxy_user": "",
    "proxy_accesskey": " OF access_key, sealed_secret, user_id, enabled, expires",
    "proxy_group": "",
    "proxy_group_members": "",
    "proxy_policy": "",
}
"""Whose changes count, and what of an update does: that a key was used is no change."""

_READ = "SELECT value FROM proxy_identityepoch WHERE id = 1"

_seen = threading.local()


def current() -> int | None:
    """The number now. None: nothing may be remembered, for what is read may be rolled back."""
    own = database()
    if own.in_atomic_block:
        return None
    with own.wrap_database_errors:
        return _by_sqlite(own.connection) if own.vendor == "sqlite" else _read(own.connection)


def _read(driver: Any) -> int | None:
    row = driver.execute(_READ).fetchone()
    return None if row is None else int(row[0])


def _by_sqlite(driver: Any) -> int | None:
    # Asked before the row is read: what is committed in between shows at the next look.
    token = (driver, driver.execute("PRAGMA data_version").fetchone()[0], driver.total_changes)
    if getattr(_seen, "token", None) != token:
        _seen.value = _read(driver)
        _seen.token = token
    value: int | None = _seen.value
    return value


# -- the triggers ---------------------------------------------------------------------------

_SQLITE_STEP = (
    "INSERT INTO proxy_identityepoch (id, value) VALUES (1, random())"
    " ON CONFLICT (id) DO UPDATE SET value = excluded.value"
)
_POSTGRESQL_FUNCTION = """
CREATE OR REPLACE FUNCTION proxy_new_epoch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO proxy_identityepoch (id, value) VALUES (1, (random() * 9007199254740992)::bigint)
        ON CONFLICT (id) DO UPDATE SET value = excluded.value;
    RETURN NULL;
END $$"""


def make_triggers(**kwargs: Any) -> None:
    """Make the triggers that are missing; called after every `migrate`.

    Not part of a migration: where SQLite makes a table anew to change it, its triggers go.
    """
    migrated = connections[DEFAULT_DB_ALIAS]
    there = set(migrated.introspection.table_names())
    if not {*_TABLES, "proxy_identityepoch"} <= there:
        return  # migrated back, to before there were users
    with transaction.atomic(), migrated.cursor() as cursor:
        for statement in _STATEMENTS[migrated.vendor]:
            cursor.execute(statement)


def _sqlite_statements() -> list[str]:
    return [
        f"CREATE TRIGGER IF NOT EXISTS {table}_epoch_{event} AFTER {event}{columns} ON {table}"
        f" BEGIN {_SQLITE_STEP}; END"
        for table, update in _TABLES.items()
        for event, columns in (("INSERT", ""), ("DELETE", ""), ("UPDATE", update))
    ]


def _postgresql_statements() -> list[str]:
    return [_POSTGRESQL_FUNCTION] + [
        f"CREATE OR REPLACE TRIGGER {table}_epoch AFTER INSERT OR DELETE OR UPDATE{update} ON {table}"
        f" FOR EACH STATEMENT EXECUTE FUNCTION proxy_new_epoch()"
        for table, update in _TABLES.items()
    ]


_STATEMENTS = {"sqlite": _sqlite_statements(), "postgresql": _postgresql_statements()}
