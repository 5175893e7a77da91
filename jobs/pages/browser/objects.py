"""One folder of a bucket: its folders and objects, or every version of them, page by page."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, unquote

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from jobs import actions
from jobs.actions import Actor
from jobs.pages.browser.links import crumbs, item_text, link
from jobs.pages.frame import open_page, polled
from jobs.presentation import busy_row
from proxy import browsing
from proxy.backends.values import CURRENT, STORAGE_CLASS, ObjectInfo
from proxy.browsing import Visit

PAGE = 100
_GIVEN = ("prefix", "q", "after", "after_version", "versions")


@require_safe
@open_page
def objects(request: HttpRequest, actor: Actor, bucket: str) -> HttpResponse:
    """The folder; `q` narrows it to names that begin so. A script gets the list alone."""
    given = {
        name: request.GET.get(name, "") for name in ("prefix", "q", "after", "after_version", "versions")
    }
    given["prefix"] = given["prefix"] or unquote(request.GET.get("within", ""))
    prefix, start = given["prefix"], given["prefix"] + given["q"]
    here = actions.visit(request, bucket, start)
    shows_versions = bool(given["versions"]) and here.versioned
    context = busy_context(here) | {
        "crumbs": crumbs(bucket, prefix, versions=given["versions"]),
        "given": given,
        "within": quote(prefix, safe=""),
        "upload_url": link("upload", bucket, prefix=prefix),
        "versioned": here.versioned,
        "shows_versions": shows_versions,
        "owner": here.caller.name,
        "may_upload": browsing.may_upload(here, prefix),
        **_links(bucket, given, shows_versions),
    }
    context |= (_versions if shows_versions else _objects)(here, given, start)
    context["may_delete"] = any(row["item"] for row in context["rows"])
    facts = [context["rows"], context["folders"], context["next"], context["gated"]]
    return polled(request, actor, "browser/objects.html", "browser/_objects.html", context, facts)


def _links(bucket: str, given: dict[str, str], shows_versions: bool) -> dict[str, str]:
    """The same folder with and without versions, from its first page, and without the search."""
    turned = {**given, "after": "", "after_version": "", "versions": "" if shows_versions else "1"}
    first = {**given, "after": "", "after_version": ""}
    return {
        "other_view": link("objects", bucket, **turned),
        "first": link("objects", bucket, **first) if given["after"] else "",
        "top": link("objects", bucket, prefix=given["prefix"], versions=given["versions"]),
    }


def busy_context(here: Visit) -> dict[str, Any]:
    """What every page of the bucket needs: the job that has it, and whether nobody may write now."""
    shown = actions.busy(here.bucket.name)
    return {
        "section": "buckets",
        "bucket": here.bucket.name,
        "busy": None if shown is None else busy_row(shown),
        "gated": here.bucket.gate.closed,
    }


def _objects(here: Visit, given: dict[str, str], start: str) -> dict[str, Any]:
    found = browsing.objects(here, start, given["after"], PAGE)
    more = {**given, "after": found.last or ""}
    return {
        "rows": [_row(here, info, given["prefix"], CURRENT) for info in found.objects],
        "folders": _folders(here, found.prefixes, given),
        "next": link("objects", here.bucket.name, **more) if found.last is not None else "",
    }


def _versions(here: Visit, given: dict[str, str], start: str) -> dict[str, Any]:
    found = browsing.versions(here, start, (given["after"], given["after_version"]), PAGE)
    key, version = found.last or ("", "")
    more = {**given, "after": key, "after_version": version}
    return {
        "rows": [_row(here, info, given["prefix"], info.version_id) for info in found.versions],
        "folders": _folders(here, found.prefixes, given),
        "next": link("objects", here.bucket.name, **more) if found.last is not None else "",
    }


def _folders(here: Visit, prefixes: tuple[str, ...], given: dict[str, str]) -> list[dict[str, str]]:
    return [
        {
            "name": name[len(given["prefix"]) :],
            "url": link("objects", here.bucket.name, prefix=name, versions=given["versions"]),
        }
        for name in prefixes
    ]


def _row(here: Visit, info: ObjectInfo, prefix: str, version: str) -> dict[str, Any]:
    """One object or version; `item` is empty unless the visitor may delete it."""
    bucket, key = here.bucket.name, info.key
    readable = not info.marker and browsing.may_read(here, info, version)
    return {
        "name": key[len(prefix) :],
        "url": "" if info.marker else link("object", bucket, key=key, version=version),
        "download": link("download", bucket, key=key, version=version) if readable else "",
        "item": item_text(key, version) if browsing.may_delete(here, key, version) else "",
        "size": info.size,
        "modified": info.last_modified // 1000,
        "storage_class": info.headers.get(STORAGE_CLASS, "STANDARD"),
        "version": version,
        "marker": info.marker,
        "latest": info.latest,
    }
