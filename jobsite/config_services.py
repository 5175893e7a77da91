"""What the configuration says about S3 services and cannot mean. Looks at the document as it was written."""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jobsite.config_encryption import Loc
from proxy.errors import InvalidBucketName
from proxy.wire.names import check_bucket_name

_CREDENTIALS = (
    ("access_key_id", "secret_access_key"),
    ("secret_access_key", "access_key_id"),
    ("session_token", "access_key_id"),
)
"""(what is given, what it needs)"""


def service_contradictions(
    backends: Iterable[tuple[int, Mapping[str, Any]]], home: Path
) -> Iterator[tuple[Loc, str]]:
    """Credentials of which a half is missing, endpoints, certificates and keys that do not fit."""
    for index, item in backends:
        if item.get("type") == "s3":
            where: Loc = ("storage", "backends", index)
            for given, needed in _CREDENTIALS:
                if item.get(given) is not None and item.get(needed) is None:
                    yield (*where, given), f"needs '{needed}' beside it"
            yield from _endpoint(item, where)
            yield from _authorities(item, where, home)
            yield from _kms(item, where)


def _endpoint(item: Mapping[str, Any], where: Loc) -> Iterator[tuple[Loc, str]]:
    endpoint = item.get("endpoint")
    if not isinstance(endpoint, str):
        return
    try:
        parts = urlsplit(endpoint)
        good = bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        yield (*where, "endpoint"), "this is no host, or no port of one"


def _authorities(item: Mapping[str, Any], where: Loc, home: Path) -> Iterator[tuple[Loc, str]]:
    bundle, endpoint = item.get("ca_bundle"), item.get("endpoint")
    if not isinstance(bundle, str) or not bundle:
        return
    if isinstance(endpoint, str) and endpoint.startswith("http://"):
        yield (*where, "ca_bundle"), "has no meaning without https"
        return
    try:
        ssl.create_default_context(cafile=home / bundle)
    except ssl.SSLError:
        yield (*where, "ca_bundle"), "holds no certificates in PEM"
    except OSError as error:
        yield (*where, "ca_bundle"), f"cannot be read: {error.strerror}"


def _kms(item: Mapping[str, Any], where: Loc) -> Iterator[tuple[Loc, str]]:
    encryption = item.get("encryption")
    said = encryption if isinstance(encryption, Mapping) else {}
    if said.get("kms_key_id") is not None and said.get("mode") != "sse-kms":
        yield (*where, "encryption", "kms_key_id"), "has no meaning without 'mode: sse-kms'"


def alias_contradictions(buckets: Any, backends: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Loc, str]]:
    """Aliases where no service is, that no bucket can be called, or that another bucket has."""
    types = {item.get("name"): item.get("type") for item in backends}
    taken: dict[tuple[Any, str], str] = {}
    declared = buckets.items() if isinstance(buckets, Mapping) else ()
    for bucket, item in declared:
        if not isinstance(item, Mapping):
            continue
        backend, alias = item.get("backend"), item.get("alias")
        where: Loc = ("storage", "buckets", bucket, "alias")
        if isinstance(alias, str):
            yield from _alias(alias, types.get(backend), where)
        real = alias if isinstance(alias, str) else str(bucket)
        first = taken.setdefault((backend, real), str(bucket))
        if first != bucket:
            loc = where if alias is not None else where[:-1]
            yield loc, f"the real bucket '{real}' is that of '{first}' already"


def _alias(alias: str, backend_type: Any, where: Loc) -> Iterator[tuple[Loc, str]]:
    if backend_type not in ("s3", None):
        yield where, "only buckets on a backend of type s3 can have an alias"
    try:
        check_bucket_name(alias)
    except InvalidBucketName:
        yield where, "no bucket can be called that"
