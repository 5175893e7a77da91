"""Routes: which backend and which place on it serve a bucket; buckets are made and removed here.

Backends are built once per process (again after a fork) from `settings.STORAGE`, and each is
wrapped in what seals and opens bodies: without a key too, for customers may bring theirs. Which
physical place a name means is noted in the control database when it is first prepared; a
name that later shows another place, or none, is unavailable and never an empty backend.
"""

from __future__ import annotations

import logging
import os
import secrets
import threading
import time
from typing import Any

from django.conf import settings
from django.core.signals import setting_changed
from django.db import connection

from proxy import backends
from proxy.backends.base import Backend
from proxy.backends.encrypted import SEALING, Encrypted
from proxy.backends.seals import Encryption
from proxy.backends.values import Place, Route, Usage
from proxy.bucket_keys import BucketKeys
from proxy.bucket_settings import BucketSettings, settings_text
from proxy.errors import (
    BackendUnavailable,
    BucketAlreadyExists,
    BucketAlreadyOwnedByYou,
    BucketNotEmpty,
    InvalidBucketName,
    NoSuchBucket,
    SlowDown,
)
from proxy.models import new_bucket_id
from proxy.records import BucketRecord, find_bucket
from proxy.reserved import RESERVED_BUCKET_NAMES
from proxy.rings import encryption_of, ring_of
from proxy.wire.encryption import AES256, KMS
from proxy.wire.names import check_bucket_name

_log = logging.getLogger(__name__)

_built: dict[str, Backend] = {}
_inherited: list[dict[str, Backend]] = []
_building = threading.RLock()


def _forget(*, setting: str = "STORAGE", **_: Any) -> None:
    """Build anew from now on."""
    global _built, _building
    if setting == "STORAGE":
        _built, _building = {}, threading.RLock()


def _leave_to_parent() -> None:
    """In a forked child: what was built is the parent's, and is kept alive so that nothing here closes it."""
    _inherited.append(_built)
    _forget()


os.register_at_fork(after_in_child=_leave_to_parent)
setting_changed.connect(_forget)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


# -- backends ------------------------------------------------------------------------------


def backend_names() -> tuple[str, ...]:
    """The configured backends, in the order of the configuration."""
    return tuple(settings.STORAGE["backends"])


def encryption_mode(name: str) -> str:
    """How the configuration of a backend encrypts what is written there."""
    return str(encryption_of(name).get("mode", "none"))


def seals(name: str) -> bool:
    """Whether what is written to a backend is sealed here, by the newest key of its ring."""
    return encryption_mode(name) == SEALING


def default_backend_for(bucket_name: str) -> str:
    """The backend on which a new bucket of that name is made."""
    chosen = settings.STORAGE["buckets"].get(bucket_name, {}).get("backend")
    return str(chosen or settings.STORAGE["default_backend"])


def backend(name: str) -> Backend:
    """The backend of that name. Raises BackendUnavailable: not configured, or not the known place."""
    built = _built.get(name)
    if built is None:
        with _building:
            built = _built.get(name) or _build(name)
            _built[name] = built
    return built


def is_at_hand(route: Route) -> bool:
    """Whether a row there is read without waiting: its backend is built and says so of the place."""
    built = _built.get(route.backend)
    return built is not None and built.is_at_hand(route.place)


_TOLD_AS = {"aes256-gcm-proxy": AES256, "sse-s3": AES256, "sse-kms": KMS}


def encryption_at(backend_name: str) -> Encryption:
    """How what is written there is encrypted at rest, as clients are told; a client's own key goes first."""
    said = encryption_of(backend_name)
    mode = _TOLD_AS.get(said.get("mode", ""), "")
    return Encryption(mode, (said.get("kms_key_id") or "") if mode == KMS else "")


def place_id(backend_name: str) -> str:
    """The identity of the physical place behind a name. Raises BackendUnavailable."""
    return backend(backend_name).place_id


def prepare_backends() -> dict[str, str]:
    """Find or make the place of every configured backend: name -> place id.

    One that is unavailable is logged and left out: the others can be served.
    """
    found: dict[str, str] = {}
    for name in backend_names():
        try:
            found[name] = place_id(name)
        except BackendUnavailable as error:
            _log.error("backend %s is unavailable: %s", name, error.message)
    for name, place in found.items():
        others = [other for other, same in found.items() if same == place and other != name]
        if others:
            _log.warning("backend %s is the same place as %s", name, ", ".join(others))
    return found


def _build(name: str) -> Backend:
    options = settings.STORAGE["backends"].get(name)
    if options is None:
        raise BackendUnavailable(f"The storage {name!r} is not configured.")
    built = backends.BACKENDS[options["type"]](name, options, _now_ms)
    known = _known_place(name)
    shown = built.prepare(known)
    if known is None:
        _note_place(name, shown)
    keys = BucketKeys(name, ring_of(name), built, _now_ms)
    return Encrypted(built, keys, encryption_mode(name))


def _known_place(name: str) -> str | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT place_id FROM proxy_knownplace WHERE backend = %s", [name])
        row = cursor.fetchone()
    return None if row is None else str(row[0])


def _note_place(name: str, shown: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO proxy_knownplace (backend, place_id, created) VALUES (%s, %s, CURRENT_TIMESTAMP)"
            " ON CONFLICT (backend) DO NOTHING",
            [name, shown],
        )
    known = _known_place(name)
    if known != shown:
        raise BackendUnavailable(
            f"The storage {name!r} is not the place that other processes know by its name."
        )


# -- buckets -------------------------------------------------------------------------------


_NOTHING_SET = BucketSettings()


def real_name(bucket: str, backend_name: str) -> str:
    """What a bucket is called on a backend: its alias on the one that the configuration gives it."""
    alias = settings.STORAGE["buckets"].get(bucket, {}).get("alias")
    return str(alias) if alias and default_backend_for(bucket) == backend_name else bucket


def new_place(bucket_id: str, bucket: str, backend_name: str) -> Place:
    """A place of a bucket on a backend that never existed before."""
    return Place(bucket_id, real_name(bucket, backend_name), new_incarnation())


def new_incarnation() -> str:
    """One that no place ever had."""
    return secrets.token_hex(8)


def create_bucket(
    name: str, owner_id: str, now_ms: int, asked: BucketSettings = _NOTHING_SET
) -> BucketRecord:
    """Make a bucket on its default backend, with what its owner has set from the beginning.

    The place is made first and the row makes it a bucket; so a crash leaves either a whole
    bucket or an empty place that nothing refers to.
    Raises BucketAlreadyOwnedByYou, BucketAlreadyExists, BackendUnavailable, StorageFull.
    """
    _refuse_existing(name, owner_id)
    backend_name = default_backend_for(name)
    behind = backend(backend_name)
    place = new_place(new_bucket_id(), name, backend_name)
    behind.create_bucket(place)
    try:
        return enter_bucket(name, owner_id, now_ms, backend_name, place, asked)
    except (BucketAlreadyOwnedByYou, BucketAlreadyExists, SlowDown):
        behind.delete_bucket(place)  # (after any other error the row may be there all the same)
        raise


def check_new_name(name: str) -> None:
    """Raise InvalidBucketName unless a bucket may be made here under that name."""
    if name in RESERVED_BUCKET_NAMES:
        raise InvalidBucketName(
            f"The name {name!r} is reserved: on this server the path /{name}/ belongs to another API.",
            fields={"BucketName": name},
        )
    check_bucket_name(name)


def enter_bucket(
    name: str,
    owner_id: str,
    now_ms: int,
    backend_name: str,
    place: Place,
    asked: BucketSettings,
) -> BucketRecord:
    """The row that makes a place a bucket.

    Raises BucketAlreadyOwnedByYou, BucketAlreadyExists, SlowDown: then there is no such row.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO proxy_bucket (id, name, owner_id, created_ms, backend, place_id, real_bucket,"
            " incarnation, gate_generation, settings) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 0, %s)"
            " ON CONFLICT (name) DO NOTHING",
            [
                place.bucket_id,
                name,
                owner_id,
                now_ms,
                backend_name,
                place_id(backend_name),
                place.bucket,
                place.incarnation,
                settings_text(asked),
            ],
        )
        made = cursor.rowcount == 1
    if not made:
        _refuse_existing(name, owner_id)
        raise SlowDown("The bucket of that name was removed at this moment. Try again.")
    return find_bucket(name)


def _refuse_existing(name: str, owner_id: str) -> None:
    try:
        existing = find_bucket(name)
    except NoSuchBucket:
        return
    fields = {"BucketName": name}
    if existing.owner_id == owner_id:
        raise BucketAlreadyOwnedByYou(fields=fields)
    raise BucketAlreadyExists(fields=fields)


def delete_bucket(record: BucketRecord) -> None:
    """Remove an empty bucket; the caller is alone in its write slot (`gate.enter(exclusive=True)`).

    Open multipart uploads go with it, older versions and delete markers keep it.

    The row goes first: a crash leaves an empty place, never a bucket without one.
    Raises BucketNotEmpty, SlowDown (its gate was closed, or it was moved or removed meanwhile).
    """
    route = record.route
    behind = backend(route.backend)
    holds = behind.usage(route.place, patience_s=0.0)  # whether it holds anything is enough
    if holds.keys or holds.versions:
        raise BucketNotEmpty(_still(holds), fields={"BucketName": record.name})
    with connection.cursor() as cursor:
        cursor.execute(
            f"DELETE FROM proxy_bucket WHERE {_IS_ROUTE} AND gate_holder IS NULL",
            [record.id, *_route_values(route)],
        )
        removed = cursor.rowcount == 1
    if not removed:
        raise SlowDown("This bucket is being moved or removed at this moment. Try again.")
    behind.delete_bucket(route.place, uploads=True)


def _still(holds: Usage) -> str:
    if holds.keys:
        return BucketNotEmpty.text
    many = f"{holds.versions}" if holds.exact else f"at least {holds.versions}"
    return f"{BucketNotEmpty.text} It has {many} older versions or delete markers."


_IS_ROUTE = "id = %s AND backend = %s AND real_bucket = %s AND incarnation = %s"


def _route_values(route: Route) -> list[str]:
    return [route.backend, route.place.bucket, route.place.incarnation]


def switch(bucket_id: str, old: Route, new: Route) -> bool:
    """Point a bucket at another place, in the caller's transaction; False if it is not at `old`."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE proxy_bucket SET backend = %s, real_bucket = %s, incarnation = %s, place_id = %s"
            f" WHERE {_IS_ROUTE}",
            [*_route_values(new), place_id(new.backend), bucket_id, *_route_values(old)],
        )
        return bool(cursor.rowcount == 1)
