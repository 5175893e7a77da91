"""The keys of the control database: what one is, where it comes from, and which may open it.

A key is 256 bits, given to SQLCipher as they are, so that no connection derives anything. 64 hex
digits are those bits; any other text is turned into them by scrypt, once per process. Its salt
is a constant that names the purpose: there is one such key per installation, and it must be the
same on every start. Sources: SQLCipher API, "PRAGMA key" (raw key data); RFC 7914.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from jobsite.env import LEAST_KEY_CHARACTERS
from jobsite.first_start import make_secret

FILE = "db_key"
NEW_FILE = "db_key.new"
"""The key to come, while `db_rekey` is under way: until it has ended, either may be the right one."""
VARIABLE = "SLUICEGATE_DB_KEY"
NEW_VARIABLE = "SLUICEGATE_DB_NEW_KEY"

_HEX = re.compile(r"[0-9A-Fa-f]{64}", re.ASCII)
_SALT = b"sluicegate control database 1"
_COST = {"n": 2**15, "r": 8, "p": 1, "maxmem": 64 * 1024 * 1024}


class Key(NamedTuple):
    """64 hex digits, and where the operator finds them."""

    digits: str
    source: str


def digits_of(text: str, source: str) -> str:
    """The key that a text stands for, as 64 hex digits. Raises ImproperlyConfigured if it is too short."""
    if _HEX.fullmatch(text):
        return text.lower()
    if len(text) < LEAST_KEY_CHARACTERS:
        raise ImproperlyConfigured(
            f"{source} must have 64 hex digits, or be a text of at least {LEAST_KEY_CHARACTERS} characters."
        )
    return _derived(text)


@lru_cache(maxsize=8)
def _derived(text: str) -> str:
    return hashlib.scrypt(text.encode(), salt=_SALT, dklen=32, **_COST).hex()


def fingerprint(digits: str) -> str:
    """16 hex digits that tell keys apart and give nothing of them away."""
    return hashlib.sha256(b"sluicegate key fingerprint 1" + bytes.fromhex(digits)).hexdigest()[:16]


def from_environment() -> bool:
    """Whether the environment gives the key; then no file is looked at."""
    return bool(settings.DB_KEY)


def known() -> list[Key]:
    """The keys that may open the control database, the most likely first; none before the first start.

    Raises ImproperlyConfigured for an unreadable file or a text that is too short.
    """
    if from_environment():
        given = [(settings.DB_KEY, VARIABLE), (settings.DB_NEW_KEY, NEW_VARIABLE)]
        return [Key(digits_of(text, source), source) for text, source in given if text]
    found = [read(Path(settings.HOME) / name) for name in (FILE, NEW_FILE)]
    return [key for key in found if key is not None]


def read(path: Path) -> Key | None:
    """The key in a file; None if there is no such file. Raises ImproperlyConfigured."""
    try:
        text = path.read_text().strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(f"Cannot read {path}: {error}.") from None
    return Key(digits_of(text, str(path)), str(path))


def make() -> Key:
    """The key of a new database: what is known, else a new file of mode 0600 in the home."""
    found = known()
    if found:
        return found[0]
    path = Path(settings.HOME) / FILE
    return Key(digits_of(make_secret(path), str(path)), str(path))
