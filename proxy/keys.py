"""Access keys: making them, opening their secrets, switching them off."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q

from proxy import secrets as master_keys
from proxy.afterwards import later
from proxy.crypto import WrongKey, open_sealed, seal
from proxy.errors import InvalidArgument
from proxy.models import AccessKey, User

ROOT = "root"
"""The user to whom the root access key belongs."""

NOTE_SECONDS = 60
"""How exactly `last_used` is known."""

_MOST_NOTED = 10_000
_noted: dict[str, float] = {}

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
    user: User, access_key: str | None = None, secret: str | None = None, *, expires: datetime | None = None
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
                access_key=access_key, sealed_secret=_sealed(secret, access_key), user=user, expires=expires
            )
    except IntegrityError:
        raise InvalidArgument(f"The access key {access_key} exists already.") from None
    return access_key, secret


@transaction.atomic
def ensure_root_key(access_key: str, secret: str) -> bool:
    """See to it that the root user has this key, enabled and with this secret; True if that changed anything.

    Raises InvalidArgument, also for a key of another user.
    """
    _check(access_key, secret)
    key = AccessKey.objects.select_related("user").filter(access_key=access_key).first()
    if key is None:
        user = User.objects.filter(root=True).order_by("id").first() or User.objects.create(
            name=ROOT, root=True
        )
        create_key(user, access_key, secret)
        return True
    if not key.user.root:
        raise InvalidArgument(f"The access key {access_key} belongs to {key.user.name}, who is not root.")
    if key.enabled and key.user.enabled and key.expires is None and _is_secret(key, secret):
        return False
    AccessKey.objects.filter(pk=access_key).update(
        sealed_secret=_sealed(secret, access_key), enabled=True, expires=None
    )
    User.objects.filter(pk=key.user_id).update(enabled=True)
    return True


def open_secret(sealed: bytes, access_key: str) -> str:
    """The secret of a key. Raises WrongKey. Remembered by the sealed bytes."""
    return _opened(sealed, access_key, settings.MASTER_KEY)


def set_enabled(access_key: str, enabled: bool) -> bool:
    """Switch a key on or off, from the next request on; False if there is no such key."""
    return bool(AccessKey.objects.filter(access_key=access_key).update(enabled=enabled))


def delete_key(access_key: str) -> bool:
    """Take a key away for good, from the next request on; False if there is no such key."""
    return bool(AccessKey.objects.filter(access_key=access_key).delete()[0])


def note_use(access_key: str, now: float) -> None:
    """Have it noted, afterwards and at most once a minute, that a key was used.

    `now` is in seconds since the epoch of Unix.
    """
    if now < _noted.get(access_key, 0.0) + NOTE_SECONDS:
        return
    if len(_noted) >= _MOST_NOTED:
        _noted.clear()
    _noted[access_key] = now
    later(lambda: write_use(access_key, now))


def write_use(access_key: str, now: float) -> bool:
    """Write when a key was last used; False if that is known closely enough."""
    at = datetime.fromtimestamp(now, UTC)
    known = Q(last_used__isnull=True) | Q(last_used__lte=at - timedelta(seconds=NOTE_SECONDS))
    return bool(AccessKey.objects.filter(known, pk=access_key).update(last_used=at))


def unreadable_keys() -> list[str]:
    """The access keys whose secrets the master key does not open."""
    rows = AccessKey.objects.order_by("access_key").values_list("access_key", "sealed_secret")
    return [access_key for access_key, sealed in rows if not _opens(bytes(sealed), access_key)]


def reseal() -> int:
    """Seal the secrets of all access keys with the newest master key, as far as another sealed them.

    How many; may run while keys are used and changed. Raises WrongKey, once those that open are done.
    """
    newest = master_keys.ring(settings.MASTER_KEY)[-1:]
    changed, failed = 0, None
    for access_key, stored in AccessKey.objects.values_list("access_key", "sealed_secret").iterator():
        sealed, context = bytes(stored), _context(access_key)
        if newest and master_keys.is_sealed_with(sealed, newest[0]):
            continue
        try:
            anew = seal(open_sealed(sealed, context), context)
        except WrongKey as error:
            failed = error
            continue
        unchanged = AccessKey.objects.filter(pk=access_key, sealed_secret=stored)
        changed += unchanged.update(sealed_secret=anew)
    if failed is not None:
        raise failed
    return changed


def _opens(sealed: bytes, access_key: str) -> bool:
    try:
        open_sealed(sealed, _context(access_key))
    except WrongKey:
        return False
    return True


def _is_secret(key: AccessKey, secret: str) -> bool:
    """Raises WrongKey: a start with another master key must not go on as if nothing were."""
    return secrets.compare_digest(open_secret(bytes(key.sealed_secret), key.access_key), secret)


@lru_cache(maxsize=1024)
def _opened(sealed: bytes, access_key: str, master_key: str) -> str:
    return open_sealed(sealed, _context(access_key)).decode()


def _sealed(secret: str, access_key: str) -> bytes:
    return seal(secret.encode(), _context(access_key))


def _context(access_key: str) -> bytes:
    return b"access key " + access_key.encode()


def _check(access_key: str, secret: str) -> None:
    if not _ACCESS_KEY.fullmatch(access_key):
        raise InvalidArgument("An access key has 3 to 128 letters, digits, dots, dashes and underscores.")
    if not _SECRET.fullmatch(secret):
        raise InvalidArgument("A secret key has 8 to 128 printable ASCII characters without spaces.")
