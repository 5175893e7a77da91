"""What a start does to the control database first: end a change of keys, encrypt what is plain."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

from jobsite.first_start import sync_folder
from jobsite.sqlite import keys, swapping
from jobsite.sqlite.exporting import remove
from jobsite.sqlite.opening import is_absent, key_of, opens

log = logging.getLogger(__name__)

CONVERTING, REKEYING, RESTORING = ".converting", ".rekeying", ".restoring"
"""What a draft has after the database's own name."""


def attend(path: Path, home: Path) -> None:
    """Leave a database that opens with the key that is known, or none where none was.

    To be called under `first_start.one_at_a_time`, with no connection open in this process.
    Raises WrongDatabaseKey, Refused (in use, no room), ImproperlyConfigured, the library's errors.
    """
    for draft in drafts(path):
        remove(draft)
    if is_absent(path):
        keys.make()
    elif opens(path, None):
        encrypt(path)
    else:
        key_of(path)
    end_rekey(path, home)


def drafts(path: Path) -> Iterator[Path]:
    """Where a new file grows, by what for."""
    return (path.with_name(path.name + end) for end in (CONVERTING, REKEYING, RESTORING))


def encrypt(path: Path) -> None:
    """A plain database becomes an encrypted one. Raises Refused, the library's errors."""
    log.info("encrypting %s", path)
    key = keys.make()
    swapping.reencrypt(path, None, key.digits, path.with_name(path.name + CONVERTING))
    log.info("%s is encrypted with the key in %s", path, key.source)


def end_rekey(path: Path, home: Path) -> None:
    """Keep that key file which opens the database, as THE key file; a kill may have left two."""
    new = home / keys.NEW_FILE
    key = None if keys.from_environment() else keys.read(new)
    if key is None:
        return
    if opens(path, key.digits):
        new.replace(home / keys.FILE)
    else:
        new.unlink()  # (the other one opens it: `key_of` has proven that one of them does)
    sync_folder(home)
