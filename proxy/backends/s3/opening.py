"""Opening objects: their facts and the beginning of their bytes come with one answer."""

from __future__ import annotations

from proxy.backends.rules import no_such, refuse_marker
from proxy.backends.s3.calls.objects import Download
from proxy.backends.s3.client import Client
from proxy.backends.s3.looking import Looker
from proxy.backends.s3.places import RESERVED, At
from proxy.backends.s3.reader import AHEAD_BYTES, Pinned, S3Reader
from proxy.backends.s3.showing import info_of
from proxy.backends.s3.stamps import UNSTAMPED
from proxy.backends.values import CURRENT, NULL_VERSION
from proxy.errors import InvalidRange, S3Error


def open_object(client: Client, looker: Looker, service: str, at: At, key: str, version: str) -> S3Reader:
    """See `Backend.open`."""
    if key.startswith(RESERVED) or (version not in (CURRENT, NULL_VERSION) and not at.versioned):
        raise no_such(key, version)
    found = _begun(client, looker, at, key, version)
    try:
        seen = looker.of_answer(at, key, found.facts)
        info = refuse_marker(looker.info(at, seen, sure_of_latest=version == CURRENT))
        pinned = Pinned(at.bucket, key, looker.named(at, seen.version_id), seen.etag, seen.size)
        return S3Reader(client, service, pinned, info, found)
    except BaseException:
        found.close()
        raise


def _begun(client: Client, looker: Looker, at: At, key: str, version: str) -> Download:
    """Raises NoSuchKey, NoSuchVersion, MethodNotAllowed (a marker)."""
    named = looker.named(at, version)
    try:
        try:
            return client.get(at.bucket, key, version=named, span=(0, AHEAD_BYTES))
        except InvalidRange:  # of an object without bytes
            return client.get(at.bucket, key, version=named)
    except S3Error as error:
        marker = looker.marker_or_error(at, key, version, error)
        refuse_marker(info_of(marker, UNSTAMPED, 0))
        raise
