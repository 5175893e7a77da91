"""Finding the object of an upload whose completion was done but not answered."""

from __future__ import annotations

from collections.abc import Sequence

from proxy.backends.multipart import multipart_etag
from proxy.backends.s3.client import Client
from proxy.backends.s3.looking import Looker
from proxy.backends.s3.places import At
from proxy.backends.s3.showing import Shown
from proxy.backends.s3.upload_rows import UploadRow
from proxy.backends.values import NULL_VERSION, PartInfo, PartRequest
from proxy.errors import MethodNotAllowed, NoSuchKey, NoSuchVersion

_LOOKED_AT = 1000
"""Versions of the key that are looked through."""


def find_again(
    client: Client, looker: Looker, at: At, upload: UploadRow, parts: Sequence[PartRequest]
) -> Shown | None:
    """The version that the upload became, by its stamp; None if there is none by now."""
    try:
        current = looker.ask(at, upload.key)
        if _made_by(current, upload):
            return current
    except (NoSuchKey, NoSuchVersion):
        pass
    return _among_older(client, looker, at, upload, parts) if at.versioned else None


def _among_older(
    client: Client, looker: Looker, at: At, upload: UploadRow, parts: Sequence[PartRequest]
) -> Shown | None:
    etag = multipart_etag([PartInfo(part.number, 0, part.etag, 0) for part in parts])
    page = client.list_versions(at.bucket, prefix=upload.key, limit=_LOOKED_AT)
    for one in page.versions:
        if one.key != upload.key or one.etag != etag:
            continue
        try:
            found = looker.ask(at, upload.key, one.version_id or NULL_VERSION)
        except (NoSuchKey, NoSuchVersion, MethodNotAllowed):
            continue
        if _made_by(found, upload):
            return found
    return None


def _made_by(found: Shown, upload: UploadRow) -> bool:
    return found.stamp is not None and found.stamp.upload == upload.upload_id
