"""One object: what is known of it, and its bytes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.views.decorators.http import require_GET, require_safe

from jobs import actions
from jobs.actions import Actor
from jobs.errors import BadRequest
from jobs.pages.browser.links import Item, crumbs, folder_of, item_text, link
from jobs.pages.browser.objects import busy_context
from jobs.pages.frame import framed, open_page
from jobs.presentation import compact
from proxy import browsing
from proxy.backends.values import STORAGE_CLASS, ObjectInfo
from proxy.browsing import Visit
from proxy.handlers.call import Download
from proxy.wire.headers import DEFAULT_CONTENT_TYPE

_FENCE = {"Content-Security-Policy": "sandbox; default-src 'none'", "X-Content-Type-Options": "nosniff"}
"""What a client stored must not run as the console."""
_ENCRYPTIONS = {"": "none", "customer": "by a key of its writer's own (SSE-C)"}


@require_safe
@open_page
def details(request: HttpRequest, actor: Actor, bucket: str) -> HttpResponseBase:
    """Every fact that the visitor may know, and what they may do."""
    key, version = asked(request)
    here = actions.visit(request, bucket, folder_of(key))
    info = browsing.describe(here, key, version)
    context: dict[str, Any] = busy_context(here) | {
        "crumbs": crumbs(bucket, folder_of(key)),
        "name": key[len(folder_of(key)) :] or key,
        "key": key,
        "version": version,
        "info": info,
        "facts": _facts(info),
        "modified": info.last_modified // 1000,
        "locked_until": info.lock.until // 1000,
        "storage_class": info.headers.get(STORAGE_CLASS, "STANDARD"),
        "versioned": here.versioned,
        "download": "" if browsing.needs_key(info) else link("download", bucket, key=key, version=version),
        "encryption": _ENCRYPTIONS.get(info.encryption.mode, info.encryption.mode),
        "current": link("object", bucket, key=key),
        "versions": link("objects", bucket, prefix=folder_of(key), q=key[len(folder_of(key)) :], versions=1),
        "item": item_text(key, version) if browsing.may_delete(here, key, version) else "",
        "restorable": item_text(key, version) if _may_restore(here, info, version) else "",
    }
    return framed(request, actor, "browser/object.html", context)


@require_GET
@open_page
def download(request: HttpRequest, actor: Actor, bucket: str) -> HttpResponseBase:
    """The bytes, never shown in the browser but saved."""
    key, version = asked(request)
    here = actions.visit(request, bucket, folder_of(key))
    reader = browsing.open_object(here, key, version)
    info = reader.info
    kind = info.headers.get("content-type", DEFAULT_CONTENT_TYPE)
    response = _Served(Download(reader, 0, info.size), content_type=kind)
    for name, value in _FENCE.items():
        response[name] = value
    response["Content-Disposition"] = _attachment(key)
    response["Content-Length"] = str(info.size)
    if "content-encoding" in info.headers:
        response["Content-Encoding"] = info.headers["content-encoding"]
    return response


class _Served(StreamingHttpResponse):
    """A body that is read piece by piece in threads; Django would read all of it before the first byte."""

    def __init__(self, body: Download, **kwargs: Any) -> None:
        super().__init__(body, **kwargs)
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            while piece := await asyncio.to_thread(next, self._body, b""):
                yield piece
        finally:  # the client may have left, and then nobody closes the response
            self._body.close()


def asked(request: HttpRequest) -> Item:
    """The object that the address names. Raises BadRequest."""
    key = request.GET.get("key", "")
    if not key:
        raise BadRequest("The address names no object.")
    return key, request.GET.get("version", "")


def _may_restore(here: Visit, info: ObjectInfo, version: str) -> bool:
    return (
        bool(version)
        and not info.latest
        and not browsing.needs_key(info)
        and here.may("s3:PutObject", info.key)
    )


def _facts(info: ObjectInfo) -> dict[str, str]:
    """Standard headers that are set, by name."""
    shown = {name: value for name, value in info.headers.items() if name != STORAGE_CLASS}
    return compact(shown)


def _attachment(key: str) -> str:
    """The last part of the key as a file's name, harmless and complete. Source: RFC 6266, RFC 8187."""
    name = key.rstrip("/").rpartition("/")[2] or "object"
    name = "".join(char if char.isprintable() else "_" for char in name)
    plain = "".join(char if char.isascii() and char not in '"\\%' else "_" for char in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
