"""What `manage.py keys` does with encryption keys: made, listed, checked and retired."""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from proxy import key_needs, rings, routes
from proxy.bucket_keys import forget_bucket
from proxy.crypto.ring import KEY_BYTES
from proxy.errors import InvalidArgument, S3Error
from proxy.key_needs import BucketState, KeyState
from proxy.management.speaking import Speaking, moment, show_table

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_HEADS = ("BACKEND", "ENCRYPTION KEY", "STATE", "FIRST SEEN", "BUCKET KEYS", "BUCKETS", "SEALED")


class EncryptionKeys(Speaking):
    """The actions about the keys of rings."""

    def add_encryption_actions(self, actions: Any) -> None:
        """Their words on the command line."""
        generate = actions.add_parser("generate", help="draw an encryption key for sluicegate.yaml")
        generate.add_argument("--id", metavar="ID", help="its name for ever; default: the date and 4 digits")
        generate.add_argument("--out", metavar="FILE", help="write the key to a new file of mode 0600")
        check = actions.add_parser(
            "check",
            help="open every bucket key, and count what needs each encryption key. Exit code 1 if one"
            " does not open",
        )
        check.add_argument("--backend", metavar="BACKEND", help="default: all that are configured")
        check.set_defaults(method="check_keys")  # `check` is Django's own
        retire = actions.add_parser(
            "retire", help="see that nothing needs an encryption key any more, so that it can be taken out"
        )
        retire.add_argument("key_id", metavar="ID")
        retire.add_argument("--backend", metavar="BACKEND", help="default: all that know a key of that id")

    def generate(self, options: dict[str, Any]) -> None:
        key_id = options["id"] or f"key-{datetime.now(UTC):%Y-%m-%d}-{secrets.token_hex(2)}"
        if not _ID.fullmatch(key_id):
            raise InvalidArgument("The id of a key has up to 64 letters, digits, '-' and '_'.")
        key = secrets.token_hex(KEY_BYTES)
        given = f'key: "{key}"'
        if options["out"]:
            path = Path(options["out"]).absolute()
            _write_new(path, f"{key}\n")
            given = f"key_file: {path}"
        self.stdout.write(f"- id: {key_id}\n  {given}")
        self.stderr.write(
            "Put it at the end of `encryption.keys` of a backend, for the last key seals, and restart. Keep a"
            " copy in a safe place: what it has sealed can be read with nothing else."
        )

    def check_keys(self, options: dict[str, Any]) -> None:
        surveys = {name: key_needs.survey(name) for name in _backends(options["backend"])}
        found = sum(self._show_bucket(*(name, state)) for name, states in surveys.items() for state in states)
        states = [
            state
            for name, buckets in surveys.items()
            for state in key_needs.key_states(name, key_needs.needs(buckets))
        ]
        self.show_encryption_keys(states)
        if found:
            raise CommandError(f"{found} problem{'s' if found != 1 else ''}.")
        self.stdout.write(self.style.SUCCESS("Every bucket key opens, and no key that is needed is missing."))

    def retire(self, options: dict[str, Any]) -> None:
        key_id = options["key_id"]
        known = [name for name in _backends(options["backend"]) if key_id in _known_ids(name)]
        if not known:
            raise InvalidArgument(f"No backend knows an encryption key {key_id}.")
        for name in known:
            key_needs.refresh_copies(name)  # what only a copy has may need the key too
        refusals = [text for name in known for text in _refusals(name, key_id)]
        if refusals:
            raise CommandError("\n".join(refusals))
        now_ms = time.time_ns() // 1_000_000
        for name in known:
            for bucket_id in key_needs.gone_buckets(name):
                forget_bucket(bucket_id, name)
            rings.note_keys(name, now_ms)
            rings.retire_key(name, key_id, now_ms)
            self.stdout.write(f"{name}: nothing needs {key_id}. It may be taken out of sluicegate.yaml.")
        self.stderr.write("Backups of the control database that are older than this may need it still.")

    def encryption_keys(self) -> list[KeyState]:
        """Every key of every backend; one that cannot be counted through is told, and shown without."""
        return [state for name in routes.backend_names() for state in self._counted(name)]

    def _counted(self, backend: str) -> list[KeyState]:
        needed = key_needs.recorded_needs(backend)
        try:
            if needed:
                needed = key_needs.needs(key_needs.survey(backend))
        except S3Error as error:
            self.stderr.write(f"{backend}: not counted: {error.message}")
        return key_needs.key_states(backend, needed)

    def show_encryption_keys(self, states: Sequence[KeyState]) -> None:
        """As a table."""
        show_table(self, _HEADS, [_cells(state) for state in states])

    def _show_bucket(self, backend: str, bucket: BucketState) -> int:
        """Write what is to be said of a bucket; how many problems there are."""
        problems = list(key_needs.problems(bucket))
        for problem in problems:
            self.stdout.write(f"{backend}/{bucket.name}: {problem}")
        if bucket.customer:
            self.stdout.write(f"{backend}/{bucket.name}: customers' own keys seal {bucket.customer:,}.")
        if not bucket.copies_agree:
            self.stdout.write(
                f"{backend}/{bucket.name}: the copy of its bucket keys beside its objects is not up to date;"
                " the next process that seals there writes it."
            )
        return len(problems)


def encryption_row(state: KeyState) -> dict[str, Any]:
    """As JSON."""
    first_seen, retired = _times(state)
    need = state.need
    return {
        "backend": state.backend,
        "id": state.key_id,
        "state": state.state,
        "first_seen": first_seen,
        "retired": retired,
        "bucket_keys": need.bucket_keys,
        "buckets": list(need.buckets),
        "sealed": need.sealed,
    }


def _cells(state: KeyState) -> tuple[str, ...]:
    need = state.need
    sealed = "?" if need.sealed is None and need.bucket_keys else f"{need.sealed or 0:,}"
    return (
        *(state.backend, state.key_id, state.state, moment(_times(state)[0])),
        *(f"{need.bucket_keys:,}", f"{len(need.buckets):,}", sealed),
    )


def _times(state: KeyState) -> tuple[datetime | None, datetime | None]:
    """When a key was first seen, and when it was retired."""
    known = state.known
    first_seen, retired = (None, None) if known is None else (known.first_seen_ms, known.retired_ms)
    return _moment(first_seen), _moment(retired)


def _moment(ms: int | None) -> datetime | None:
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC)


def _backends(chosen: str | None) -> tuple[str, ...]:
    if chosen and chosen not in routes.backend_names():
        raise InvalidArgument(f"There is no backend {chosen}.")
    return (chosen,) if chosen else routes.backend_names()


def _known_ids(backend: str) -> set[str]:
    states = key_needs.key_states(backend, key_needs.recorded_needs(backend))
    return {state.key_id for state in states}


def _refusals(backend: str, key_id: str) -> list[str]:
    """Why a key cannot be retired on a backend. Raises BackendUnavailable."""
    on_ring = rings.ring_of(backend).ids
    refusals = []
    if routes.seals(backend) and on_ring[-1:] == (key_id,):
        refusals.append(
            f"{backend}: {key_id} is the newest key, which seals. Put another one after it first."
        )
    need = key_needs.needs(key_needs.survey(backend)).get(key_id)
    if need is not None:
        refusals.append(
            f"{backend}: {key_id} is needed by {need}. Re-encrypt these buckets"
            " first. What a migration has left on the backend counts too."
        )
    return refusals


def _write_new(path: Path, text: str) -> None:
    """A file of mode 0600, durably. Raises InvalidArgument if there is one, or none can be made."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise InvalidArgument(f"{path} cannot be made: {error.strerror}.") from None
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
