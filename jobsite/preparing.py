"""Everything that must be there before the first request; safe to repeat at every start."""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import connection, transaction

from jobsite import first_start
from jobsite.sqlite import upkeep
from proxy import keys, reachability, rings, routes
from proxy.models import AccessKey

ADMIN = "admin"
_PREPARING = 0x736C7569636567  # any number that nobody else takes: "sluiceg"


@dataclass(frozen=True, slots=True)
class Prepared:
    """What `prepare` did. `made` holds the credentials that it made just now."""

    credentials: Path
    made: dict[str, str]
    unavailable: tuple[str, ...]


def prepare(verbosity: int = 1) -> Prepared:
    """Secrets, tables, backends, the root access key and the admin, as far as they are missing.

    Raises SystemCheckError (a guarantee would not hold), OSError, ImproperlyConfigured,
    InvalidArgument, Refused (the control database is to be encrypted, and cannot be now),
    database errors.
    """
    home = Path(settings.HOME)
    path = home / first_start.CREDENTIALS
    first_start.make_home(home)
    with first_start.one_at_a_time(home):
        _control_database(home)
        _secrets(home)
        call_command("check", databases=["default"], stdout=io.StringIO())
        with _one_host_at_a_time():
            call_command("migrate", interactive=False, verbosity=verbosity)
            _note_rings()
            found = routes.prepare_backends()
            made = _credentials(path)
    reachability.probe_services()
    return Prepared(path, made, tuple(name for name in routes.backend_names() if name not in found))


def _secrets(home: Path) -> None:
    """What the settings could not find is made, and used from now on by this process too."""
    if not settings.MASTER_KEY:
        settings.MASTER_KEY = first_start.make_secret(home / "master_key")
    if not settings.SECRET_KEY_SHARED:
        settings.SECRET_KEY = first_start.make_secret(home / "secret_key")


def _note_rings() -> None:
    for name in routes.backend_names():
        rings.note_keys(name, time.time_ns() // 1_000_000)


def _control_database(home: Path) -> None:
    if connection.vendor == "sqlite":
        connection.close()
        upkeep.attend(Path(connection.settings_dict["NAME"]), home)


@contextlib.contextmanager
def _one_host_at_a_time() -> Iterator[None]:
    """Hosts that share a PostgreSQL server wait for each other; the lock is the session's."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [_PREPARING])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_PREPARING])


def _credentials(path: Path) -> dict[str, str]:
    """Root access key and admin. The environment's values count, at every start; else they are
    generated, once. Returns what was generated in this call."""
    given = {
        "AWS_ACCESS_KEY_ID": settings.ROOT_ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": settings.ROOT_SECRET_KEY,
        "SLUICEGATE_ADMIN_PASSWORD": settings.ADMIN_PASSWORD,
    }
    if settings.ROOT_SECRET_KEY and not settings.ROOT_ACCESS_KEY:
        raise ImproperlyConfigured("SLUICEGATE_ROOT_SECRET_KEY needs SLUICEGATE_ROOT_ACCESS_KEY with it.")
    needed: list[str] = []
    if not AccessKey.objects.filter(user__root=True).exists():
        needed += ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
    if not get_user_model().objects.filter(username=ADMIN).exists():
        needed.append("SLUICEGATE_ADMIN_PASSWORD")
    kept, made = first_start.make_credentials(path, [name for name in needed if not given[name]])
    values = {name: given[name] or (kept[name] if name in needed else None) for name in given}
    access_key, secret, password = values.values()
    if access_key and secret:
        keys.ensure_root_key(access_key, secret)
    if password:
        _ensure_admin(password)
    return {name: kept[name] for name in made}


@transaction.atomic
def _ensure_admin(password: str) -> None:
    user, _ = get_user_model().objects.get_or_create(
        username=ADMIN, defaults={"is_staff": True, "is_superuser": True}
    )
    if not user.check_password(password):
        user.set_password(password)
        user.save(update_fields=["password"])
