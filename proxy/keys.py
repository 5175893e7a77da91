"""Access keys: making them, finding their secrets, switching them off."""

from __future__ import annotations

import re
import secrets
from functools import lru_cache

from django.conf import settings
from django.db import IntegrityError, transaction

from proxy.crypto import WrongKey, open_sealed, seal
from proxy.errors import InvalidArgument
from proxy.models import AccessKey
from proxy.records import AccessKeyRecord, find_access_key

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_ACCESS_KEY = re.compile(r"[A-Za-z0-9._-]{3,128}")
_SECRET = re.compile(r"[\x21-\x7e]{8,128}")


def new_access_key() -> str:
    """20 upper-case letters and digits, as S3 clients know them."""
    return "SG" + "".join(secrets.choice(_ALPHABET) for _ in range(18))


def new_secret() -> str:
    """40 characters, 240 random bits."""
    return secrets.token_urlsafe(30)


def create_key(
    access_key: str | None = None, secret: str | None = None, *, root: bool = False, display_name: str = ""
) -> tuple[str, str]:
    """Make an enabled key; what is None is drawn at random. Returns (access key, secret).

    Raises InvalidArgument for a malformed or existing access key or a malformed secret.
    """
    access_key = access_key or new_access_key()
    secret = secret or new_secret()
    _check(access_key, secret)
    try:
        with transaction.atomic():
            AccessKey.objects.create(
                access_key=access_key,
                sealed_secret=seal(secret.encode(), _context(access_key)),
                root=root,
                display_name=display_name,
            )
    except IntegrityError:
        raise InvalidArgument(f"The access key {access_key} exists already.") from None
    return access_key, secret


def ensure_key(access_key: str, secret: str, *, root: bool = False, display_name: str = "") -> bool:
    """See to it that this key exists, is enabled and has this secret; True if anything had to change.

    Its owner stays, so that its buckets do. Raises InvalidArgument.
    """
    _check(access_key, secret)
    found = secret_of(access_key)
    if found is not None and found[1] == secret and found[0].root == root:
        return False
    changed = AccessKey.objects.filter(access_key=access_key).update(
        sealed_secret=seal(secret.encode(), _context(access_key)), root=root, enabled=True
    )
    if not changed:
        create_key(access_key, secret, root=root, display_name=display_name)
    return True


def secret_of(access_key: str) -> tuple[AccessKeyRecord, str] | None:
    """The enabled key and its secret, or None. Raises WrongKey.

    Opened secrets are remembered by their sealed bytes, so a change is seen at once.
    """
    record = find_access_key(access_key)
    if record is None:
        return None
    return record, _opened(record.sealed_secret, access_key, settings.MASTER_KEY)


def set_enabled(access_key: str, enabled: bool) -> bool:
    """Switch a key on or off, from the next request on; False if there is no such key."""
    return bool(AccessKey.objects.filter(access_key=access_key).update(enabled=enabled))


def unreadable_keys() -> list[str]:
    """The access keys whose secrets the master key does not open."""
    rows = AccessKey.objects.order_by("access_key").values_list("access_key", "sealed_secret")
    return [access_key for access_key, sealed in rows if not _opens(bytes(sealed), access_key)]


def _opens(sealed: bytes, access_key: str) -> bool:
    try:
        open_sealed(sealed, _context(access_key))
    except WrongKey:
        return False
    return True


@lru_cache(maxsize=1024)
def _opened(sealed: bytes, access_key: str, master_key: str) -> str:
    return open_sealed(sealed, _context(access_key)).decode()


def _context(access_key: str) -> bytes:
    return b"access key " + access_key.encode()


def _check(access_key: str, secret: str) -> None:
    if not _ACCESS_KEY.fullmatch(access_key):
        raise InvalidArgument("An access key has 3 to 128 letters, digits, dots, dashes and underscores.")
    if not _SECRET.fullmatch(secret):
        raise InvalidArgument("A secret key has 8 to 128 printable ASCII characters without spaces.")
