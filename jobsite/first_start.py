"""What the first start makes: the home, the secrets, the root access key and the console's admin.

Each step can be repeated, by several processes at once. What is generated goes into a file of
mode 0600 before anything uses it, so that a crash in between loses nothing.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shlex
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

CREDENTIALS = "credentials"
GENERATED = {
    "AWS_ACCESS_KEY_ID": lambda: "SG" + secrets.token_hex(9).upper(),
    "AWS_SECRET_ACCESS_KEY": lambda: secrets.token_urlsafe(30),
    "SLUICEGATE_ADMIN_PASSWORD": lambda: secrets.token_urlsafe(15),
}
_HEADER = """\
# Made on the first start. The access key is root's: for setting up. For a shell: . {path}
# A value that is set in the environment (SLUICEGATE_ROOT_ACCESS_KEY, SLUICEGATE_ROOT_SECRET_KEY,
# SLUICEGATE_ADMIN_PASSWORD) counts instead of the one here.
"""


def make_home(home: Path) -> None:
    """The state directory, for its owner alone if it is new."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)


def make_secret(path: Path) -> str:
    """The secret in that file, made if it is not there; whoever comes second gets the first one's.

    64 hex digits: 256 random bits.
    """
    write_new(path, secrets.token_hex(32) + "\n")
    return path.read_text().strip()


def write_new(path: Path, text: str) -> bool:
    """Write a file of mode 0600 unless there is one; it appears whole or not at all, and durably."""
    if path.exists():
        return False
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    sync_folder(path.parent)
    return True


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def one_at_a_time(home: Path) -> Iterator[None]:
    """Preparing the same home twice at once: the second waits for the first."""
    with (home / "prepare.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def make_credentials(path: Path, wanted: Iterable[str]) -> tuple[dict[str, str], list[str]]:
    """The generated credentials, those of `wanted` made if they are missing; which were made just now.

    To be called under `one_at_a_time`. The file is replaced whole and durably.
    """
    values = read_credentials(path)
    made = [name for name in wanted if name not in values]
    if made:
        values |= {name: GENERATED[name]() for name in made}
        draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        write_new(draft, _HEADER.format(path=path) + _exports(values))
        draft.replace(path)
        sync_folder(path.parent)
    return values, made


def read_credentials(path: Path) -> dict[str, str]:
    """NAME=value lines, as a shell would read them; empty if there is no such file."""
    values: dict[str, str] = {}
    with contextlib.suppress(FileNotFoundError):
        for word in shlex.split(path.read_text(), comments=True):
            name, equals, value = word.partition("=")
            if equals:
                values[name] = value
    return values


def _exports(values: Mapping[str, str]) -> str:
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in values.items())
