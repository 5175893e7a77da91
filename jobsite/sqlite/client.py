"""`manage.py dbshell` with a SQLite library as new as the gateway's.

The `sqlite3` program of the system is often linked with one that can corrupt a database which
other processes use; apsw brings a shell and a library of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from django.db.backends.sqlite3 import client as stock


class DatabaseClient(stock.DatabaseClient):
    """Runs apsw's shell in a process of its own."""

    executable_name = sys.executable

    @classmethod
    def settings_to_cmd_args_env(
        cls, settings_dict: dict[str, Any], parameters: Iterable[str]
    ) -> tuple[list[str], None]:
        return [cls.executable_name, "-m", "apsw", str(settings_dict["NAME"]), *parameters], None
