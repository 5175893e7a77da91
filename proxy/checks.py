"""Conditions under which a guarantee of the gateway would not hold, found by `manage.py check`.

Those that ask the control database run with `--database default` (and so at every start).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import DEFAULT_DB_ALIAS, connection

from proxy import mounts, routes, slots
from proxy.backends.filesystem.index import SAFE_VERSION, require_safe_sqlite
from proxy.crypto.ring import fingerprint
from proxy.errors import BackendUnavailable
from proxy.key_needs import MISSING, key_states, recorded_needs
from proxy.keys import unreadable_keys
from proxy.models import AccessKey, BucketKey
from proxy.rings import changed_keys, ring_of
from proxy.slots.advisory import behind_pooler

Messages = Iterable[CheckMessage]


# -- from the settings alone ----------------------------------------------------------------


def control_kind() -> Messages:
    """Slots are made of what the control database offers."""
    if connection.vendor not in slots.MECHANISMS:
        yield Error(
            f"{connection.display_name} cannot be the control database.",
            hint="Set DATABASE_URL to a PostgreSQL database, or leave it away for SQLite.",
            id="proxy.E007",
        )


def control_library() -> Messages:
    """The SQLite of the control database."""
    version = getattr(getattr(connection, "Database", None), "sqlite_version_info", ())
    if connection.vendor == "sqlite" and version < SAFE_VERSION:
        yield Error(
            f"SQLite {_dotted(version)} can corrupt a control database that several processes use.",
            hint=f"Use the engine jobsite.sqlite with SQLite {_dotted(SAFE_VERSION)} or newer (sqlcipher3).",
            id="proxy.E001",
        )


def index_library() -> Messages:
    """The SQLite of the filesystem backend."""
    try:
        require_safe_sqlite()
    except BackendUnavailable as error:
        yield Error(error.message, id="proxy.E002")


def network_file_systems() -> Messages:
    """SQLite's and our own locks do not hold between the hosts of a network file system."""
    for what, path in _local_paths():
        kind = mounts.kind_of(path)
        if kind in mounts.NETWORK:
            yield Error(
                f"{what} is on a network file system ({kind}): {path}",
                hint="Use a local disk. For several hosts use PostgreSQL, and an S3 cluster as the backend.",
                id="proxy.E003",
            )


def one_key_twice() -> Messages:
    """A key that is replaced by itself is no new key."""
    first: dict[str, tuple[str, str]] = {}
    for name in settings.STORAGE["backends"]:
        ring = ring_of(name)
        for key_id in ring.ids:
            other, other_id = first.setdefault(fingerprint(ring.key(key_id).key), (name, key_id))
            if other_id != key_id:
                yield Warning(
                    f"The encryption key {key_id!r} of backend {name!r} is the same key as {other_id!r} of"
                    f" backend {other!r}.",
                    id="proxy.W001",
                )


def _local_paths() -> Iterator[tuple[str, Path]]:
    if connection.vendor == "sqlite":
        yield "The control database", Path(connection.settings_dict["NAME"])
        yield "The home with the lock files", Path(settings.HOME)
    for name, options in settings.STORAGE["backends"].items():
        if options["type"] == "filesystem":
            yield f"The backend {name!r}", Path(options["path"])


# -- from the control database ----------------------------------------------------------------


def synchronous_commit() -> Messages:
    """PostgreSQL must not acknowledge what a crash can take back."""
    if connection.vendor == "postgresql" and _show("synchronous_commit") == "off":
        yield Error(
            "PostgreSQL runs with synchronous_commit = off: a crash would take back acknowledged changes.",
            hint="Set it to on (or local) for the database or the user of Sluicegate.",
            id="proxy.E004",
        )


def transaction_pooler() -> Messages:
    """A lock of a session means nothing when sessions are shared."""
    if connection.vendor == "postgresql" and behind_pooler():
        yield Error(
            "The control database is behind a transaction pooler: session locks do not hold there.",
            hint="Connect to PostgreSQL itself, or through a pooler in session mode.",
            id="proxy.E005",
        )


def master_key() -> Messages:
    """What is sealed must be open to this process."""
    if AccessKey._meta.db_table not in connection.introspection.table_names():
        return
    names = unreadable_keys()
    if names:
        yield Error(
            f"SLUICEGATE_MASTER_KEY does not open the secrets of {len(names)} access keys ({names[0]} ...).",
            hint="Set the master key with which they were sealed; all hosts must have the same one.",
            id="proxy.E006",
        )


def encryption_keys() -> Messages:
    """What was sealed must be open to this process, and a key's id must mean what it meant."""
    if BucketKey._meta.db_table not in connection.introspection.table_names():
        return
    for changed in changed_keys():
        yield Error(
            f"The encryption key {changed.key_id!r} of backend {changed.backend!r} has changed.",
            hint="Give a new key an id of its own, and keep the old one on the ring while it is needed.",
            id="proxy.E009",
        )
    for name in settings.STORAGE["backends"]:
        yield from _ring_of_backend(name)


def _ring_of_backend(name: str) -> Messages:
    on_ring = ring_of(name).ids
    for state in key_states(name, recorded_needs(name)):
        if state.state == MISSING:
            yield Error(
                f"The encryption key {state.key_id!r} is not on the ring of backend {name!r}. What needs it:"
                f" {state.need}.",
                hint="Put it back (`encryption.keys`): what it has sealed can be read with nothing else.",
                id="proxy.E008",
            )
        retired = state.known is not None and state.known.retired_ms is not None
        if retired and routes.seals(name) and on_ring[-1:] == (state.key_id,):
            yield Error(
                f"The encryption key {state.key_id!r} of backend {name!r} is retired, and is the newest.",
                hint="Put the key that is to seal at the end of `encryption.keys`.",
                id="proxy.E010",
            )


SETTINGS_CHECKS = (control_kind, control_library, index_library, network_file_systems, one_key_twice)
DATABASE_CHECKS = (synchronous_commit, transaction_pooler, master_key, encryption_keys)


@register("proxy")
def check_settings(**kwargs: Any) -> list[CheckMessage]:
    """Every check that needs no connection."""
    return [message for check in SETTINGS_CHECKS for message in check()]


@register(Tags.database)
def check_database(*, databases: Iterable[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Every check that asks the control database."""
    if DEFAULT_DB_ALIAS not in (databases or ()):
        return []
    return [message for check in DATABASE_CHECKS for message in check()]


def _show(name: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SHOW {name}")
        row = cursor.fetchone()
    return str(row[0])


def _dotted(version: Iterable[int]) -> str:
    return ".".join(map(str, version))
