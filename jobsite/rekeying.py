"""Another key for the control database, and the newest master key for the secrets in it."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.db import connection

from jobsite import first_start
from jobsite.offline import offline
from jobsite.sqlite import keys, swapping, upkeep
from jobsite.sqlite.opening import Refused, key_of


def rekey_file(path: Path, home: Path, text: str | None) -> str:
    """Encrypt the database with another key: `text`, where the home keeps the key, else the one
    that the environment announces. What the operator has to do next.

    The new key is in a file (or the environment) before the database needs it, the old one until it
    does not any more; a kill leaves both, and every start tries both. Raises Refused,
    ImproperlyConfigured, the library's errors.
    """
    connection.close()
    with offline(home):
        upkeep.attend(path, home)
        if keys.from_environment():
            return _announced(path, text)
        if text is None:
            raise Refused(f"The key is in {home / keys.FILE}: give --generate or --new-key-file.")
        _require_another(path, keys.digits_of(text, "The new key"))
        first_start.write_new(home / keys.NEW_FILE, text + "\n")
        try:
            _reencrypt(path, keys.digits_of(text, "The new key"))
        finally:
            upkeep.end_rekey(path, home)
    return f"The new key is in {home / keys.FILE}. Back it up: without it the database cannot be read."


def _announced(path: Path, text: str | None) -> str:
    if text is not None:
        raise Refused(f"{keys.VARIABLE} is set: give the new key in {keys.NEW_VARIABLE}, not as an option.")
    if not settings.DB_NEW_KEY:
        raise Refused(f"{keys.VARIABLE} is set: give the new key in {keys.NEW_VARIABLE}.")
    digits = keys.digits_of(settings.DB_NEW_KEY, keys.NEW_VARIABLE)
    if key_of(path).digits != digits:  # (else a kill came after the work was done)
        _reencrypt(path, digits)
    return f"Set {keys.VARIABLE} to the new key now, and take {keys.NEW_VARIABLE} away."


def _require_another(path: Path, digits: str) -> None:
    if key_of(path).digits == digits:
        raise Refused("That is the key which the database has; nothing was changed.")


def _reencrypt(path: Path, digits: str) -> None:
    draft = path.with_name(path.name + upkeep.REKEYING)
    swapping.reencrypt(path, key_of(path).digits, digits, draft)
