"""Control databases as files: plain ones of an older release, looks into them, and killed changes.

`python -m tests.jobsite.databases MODULE FUNCTION before|after ACTION [TEXT]` acts in the home of
the environment and kills itself there; FUNCTION "-" lets it end.
"""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jobsite.sqlite import exporting, opening

ROOT = Path(__file__).resolve().parents[2]
PLAIN_HEADER = b"SQLite format 3\0"


def environ(home: Path, **more: str) -> dict[str, str]:
    """A process of its own that finds its keys in that home, unless `more` gives them."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SLUICEGATE_")}
    return {
        **kept,
        "DJANGO_SETTINGS_MODULE": "jobsite.settings",
        "SLUICEGATE_HOME": str(home),
        "SLUICEGATE_CONFIG": str(ROOT / "sluicegate.yaml"),
        "PYTHONWARNINGS": "error",
        **more,
    }


def python(*words: str, env: dict[str, str], text: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run the interpreter in the project's folder."""
    command = [sys.executable, *words]
    return subprocess.run(command, cwd=ROOT, env=env, input=text, capture_output=True, text=True, timeout=100)


def manage(*words: str, env: dict[str, str], text: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run a management command."""
    return python("manage.py", *words, env=env, text=text)


def refused(done: subprocess.CompletedProcess[str]) -> str:
    """What a command said that failed in a plain way."""
    assert done.returncode != 0, done.stdout
    assert "Traceback" not in done.stderr
    return done.stderr


def key_in(home: Path) -> str:
    """The digits of the key that is kept in a home."""
    return (home / "db_key").read_text().strip()


def contents(path: Path, digits: str | None) -> exporting.Contents:
    """What a database holds. Raises the library's errors with a wrong key."""
    connection = opening.connect(path, digits)
    try:
        return exporting.contents(connection)
    finally:
        connection.close()


def run(path: Path, digits: str | None, *statements: str) -> list[Any]:
    """The rows of the last statement."""
    connection = opening.connect(path, digits)
    try:
        return [connection.execute(statement).fetchall() for statement in statements][-1]
    finally:
        connection.close()


def make_plain(home: Path) -> exporting.Contents:
    """Turn the control database of a home into one of a release before encryption; what it holds."""
    path, draft = home / "control.db", home / "plain"
    connection = opening.connect(path, key_in(home))
    exporting.export(connection, draft, None)
    held = exporting.contents(connection)
    connection.close()
    exporting.remove(path)
    (home / "db_key").unlink()
    draft.rename(path)
    run(path, None, "PRAGMA journal_mode = WAL")
    assert path.read_bytes()[:16] == PLAIN_HEADER
    return held


def killed_at(home: Path, module: str, function: str, when: str, *action: str, **more: str) -> None:
    """Have a process kill itself before or after a step of what it does."""
    done = python("-m", __name__, module, function, when, *action, env=environ(home, **more))
    assert done.returncode == -signal.SIGKILL, done.stderr


def _attend() -> None:
    from jobsite.first_start import one_at_a_time
    from jobsite.sqlite import upkeep

    home = _home()
    with one_at_a_time(home):
        upkeep.attend(home / "control.db", home)


def _rekey(text: str = "") -> None:
    from jobsite.rekeying import rekey_file

    rekey_file(_home() / "control.db", _home(), text or None)


def _restore(source: str) -> None:
    import django

    django.setup()
    from django.core.management import call_command

    call_command("restore", source, "--yes")


def _home() -> Path:
    return Path(os.environ["SLUICEGATE_HOME"])


ACTIONS: dict[str, Callable[..., None]] = {"attend": _attend, "rekey": _rekey, "restore": _restore}


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _main(module: str, function: str, when: str, action: str, *arguments: str) -> None:
    if function != "-":
        owner = importlib.import_module(module)
        real = getattr(owner, function)

        def deadly(*given: Any, **named: Any) -> Any:
            if when == "before":
                _kill()
            answer = real(*given, **named)
            _kill()
            return answer

        setattr(owner, function, deadly)
    ACTIONS[action](*arguments)


if __name__ == "__main__":
    _main(*sys.argv[1:])
