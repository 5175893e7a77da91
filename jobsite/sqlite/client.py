"""`manage.py dbshell`: a small SQL shell over the connection itself.

No other program can read the encrypted file, and an older library could corrupt what other
processes use.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from typing import IO, Any

from django.db.backends.sqlite3 import client as stock
from sqlcipher3 import dbapi2 as Database

PROMPT, MORE = "sqlite> ", "   ...> "
COMMANDS = {
    ".tables": "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') ORDER BY name",
    ".schema": "SELECT sql || ';' FROM sqlite_master WHERE sql IS NOT NULL ORDER BY tbl_name, type DESC",
}
ENDS = (".quit", ".exit")
_UP_TO_SEMICOLON = re.compile(r"(?<=;)")


class DatabaseClient(stock.DatabaseClient):
    """Statements from the arguments, else from standard input until its end."""

    executable_name = sys.executable

    def runshell(self, parameters: Iterable[str]) -> None:
        self.connection.ensure_connection()
        given = list(parameters)
        statements = given or read_statements(sys.stdin)
        failed = [not run(self.connection.connection, statement) for statement in statements]
        if any(failed) and (given or not sys.stdin.isatty()):
            sys.exit(1)


def read_statements(lines: IO[str]) -> Iterator[str]:
    """Whole statements, each up to its semicolon; a line that begins with a dot is one by itself."""
    asks = lines.isatty()
    if asks:
        print(f"SQL, or {', '.join([*COMMANDS, *ENDS])}. Each statement is committed at once.")
    text = ""
    while True:
        if asks:
            print(MORE if text else PROMPT, end="", flush=True)
        line = lines.readline()
        for piece in _UP_TO_SEMICOLON.split(line):
            text += piece
            if Database.complete_statement(text) or text.lstrip().startswith("."):
                if text.strip() in ENDS:
                    return
                yield text.strip()
                text = ""
        if not line:
            break
    if text.strip():
        yield text.strip()


def run(connection: Any, statement: str) -> bool:
    """Print the rows, their values between bars; False after an error, which is printed too."""
    try:
        for row in connection.execute(COMMANDS.get(statement, statement)):
            print("|".join("" if value is None else str(value) for value in row))
    except (Database.Error, Database.Warning) as error:
        print(f"Error: {error}", file=sys.stderr)
        return False
    return True
