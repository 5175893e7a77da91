"""Django's own SQLite backend with another library under it, which encrypts the file.

SQLite before 3.51.3 can corrupt a WAL database when several connections write and
checkpoint at the same moment, which is what web workers and job workers do; the library
that Python links is often older. `sqlcipher3` bundles a newer one behind the same DB-API, and
SQLCipher with it: every page is sealed by AES-256 (CBC) and an HMAC-SHA512 of its own, in the
write-ahead log too. Source: SQLCipher, "Design".
"""

from __future__ import annotations

import datetime
import decimal
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db.backends.sqlite3 import base as stock
from django.db.backends.sqlite3._functions import register as register_functions  # type: ignore[import-untyped]
from django.utils.dateparse import parse_date, parse_datetime, parse_time
from sqlcipher3 import dbapi2 as Database

from jobsite.sqlite.client import DatabaseClient
from jobsite.sqlite.forks import watch
from jobsite.sqlite.opening import open_keyed

SAFE_VERSION = (3, 51, 3)

Database.register_converter("bool", b"1".__eq__)
Database.register_converter("date", stock.decoder(parse_date))
Database.register_converter("time", stock.decoder(parse_time))
Database.register_converter("datetime", stock.decoder(parse_datetime))
Database.register_converter("timestamp", stock.decoder(parse_datetime))
Database.register_adapter(decimal.Decimal, str)
Database.register_adapter(datetime.date, stock.adapt_date)
Database.register_adapter(datetime.datetime, stock.adapt_datetime)


def boottime_ms() -> int:
    """Milliseconds since the machine was started, suspend included; no clock setting moves it."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


class Cursor(Database.Cursor):
    """Takes Django's `%s` placeholders, as Django's own cursor does."""

    def execute(self, query: str, params: Any = None) -> Any:
        if params is None:
            return super().execute(query)
        names = list(params) if isinstance(params, Mapping) else None
        return super().execute(self._native(query, names), params)

    def executemany(self, query: str, param_list: Iterable[Any]) -> Any:
        rows = list(param_list)
        names = list(rows[0]) if rows and isinstance(rows[0], Mapping) else None
        return super().executemany(self._native(query, names), rows)

    @staticmethod
    def _native(query: str, names: list[str] | None) -> str:
        if names is None:
            return stock.FORMAT_QMARK_REGEX.sub("?", query).replace("%%", "%")
        return query % {name: f":{name}" for name in names}


class DatabaseWrapper(stock.DatabaseWrapper):
    """SQLite, encrypted, in WAL mode, FULL synchronous, with the functions that leases need."""

    init_commands: list[str]

    Database = Database
    client_class = DatabaseClient

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        if Database.sqlite_version_info < SAFE_VERSION:
            raise ImproperlyConfigured(
                f"SQLite {Database.sqlite_version} can corrupt a database that several processes use; "
                f"{'.'.join(map(str, SAFE_VERSION))} or newer is needed (package sqlcipher3)."
            )
        path = Path(self.settings_dict["NAME"])
        connection = open_keyed(path, lambda: Database.connect(**conn_params))
        register_functions(connection)
        connection.create_function("boottime_ms", 0, boottime_ms)
        for command in ("PRAGMA foreign_keys = ON", "PRAGMA legacy_alter_table = OFF", *self.init_commands):
            if command.strip():
                connection.execute(command)
        watch(self)
        return connection

    def create_cursor(self, name: str | None = None) -> Any:
        return self.connection.cursor(factory=Cursor)
