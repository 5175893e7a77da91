"""What changes a bucket's objects: uploads, deletions, restoring a version. Refusals keep everything."""

from __future__ import annotations

import re
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.views.decorators.http import require_http_methods, require_POST

from jobs import actions
from jobs.actions import Actor
from jobs.errors import BadRequest
from jobs.pages.browser.links import Item, crumbs, folder_of, link, read_item
from jobs.pages.browser.objects import busy_context
from jobs.pages.frame import framed, open_page, refused
from jobs.units import grouped, visible
from proxy import browsing
from proxy.browsing import Upload, Visit
from proxy.errors import PreconditionFailed, S3Error

_TYPE = re.compile(r"[\w!#$&^.+-]{1,127}/[\w!#$&^.+-]{1,127}(?:; ?[\w-]+=[\w.-]+)?", re.ASCII)
"""A media type as browsers name it. Source: RFC 6838, section 4.2."""
SHOWN = 20
"""Of what is about to be deleted, as many names are shown."""


# -- uploading -----------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
@open_page
def upload(request: HttpRequest, actor: Actor, bucket: str) -> HttpResponse:
    """GET asks whether an upload would be taken; POST takes one file as it is, or a form with several."""
    if request.method == "GET":
        return _would_take(request, bucket)
    if request.content_type == "multipart/form-data":
        return _upload_form(request, actor, bucket)
    key = _key(request)
    here = actions.visit(request, bucket, folder_of(key))
    length = request.headers.get("Content-Length", "")
    kind = request.GET.get("type", "")
    new = Upload(
        key,
        request,
        int(length) if length.isdigit() else None,
        kind if _TYPE.fullmatch(kind) else "",
        _replaces(request, here),
    )
    info = actions.upload_object(actor, here, new)
    return JsonResponse({"key": info.key, "version": info.version_id, "size": info.size}, status=201)


def _would_take(request: HttpRequest, bucket: str) -> HttpResponse:
    key, size = _key(request), request.GET.get("size", "")
    here = actions.visit(request, bucket, folder_of(key))
    browsing.check_upload(here, key, int(size) if size.isdigit() and len(size) < 19 else None)
    if not _replaces(request, here):
        browsing.check_absent(here, key)
    return HttpResponse(status=204)


def _replaces(request: HttpRequest, here: Visit) -> bool:
    """Where versions are kept nothing is lost; elsewhere only who asked for it replaces an object."""
    return here.versioned or request.GET.get("replace") == "1"


def _upload_form(request: HttpRequest, actor: Actor, bucket: str) -> HttpResponse:
    """Several files; those that were not taken are named with the reason."""
    prefix = request.GET.get("prefix", "")
    back = link("objects", bucket, prefix=prefix)
    files = request.FILES.getlist("files")
    if not files:
        raise BadRequest("No file was chosen.")
    here = actions.visit(request, bucket, prefix)
    replace = here.versioned or request.POST.get("replace") == "on"
    taken, failed = 0, []
    for file in files:
        kind = file.content_type or ""
        new = Upload(prefix + str(file.name), file, file.size, kind if _TYPE.fullmatch(kind) else "", replace)
        try:
            actions.upload_object(actor, here, new)
            taken += 1
        except S3Error as error:
            failed.append(f"{visible(str(file.name))}: {_reason(error)}")
    if taken:
        messages.success(request, f"{_objects(taken)} uploaded.")
    for line in failed[:SHOWN]:
        messages.error(request, line)
    if len(failed) > SHOWN:
        messages.error(request, f"{grouped(len(failed) - SHOWN)} more were not uploaded.")
    return HttpResponseRedirect(back)


def _key(request: HttpRequest) -> str:
    key = request.GET.get("key", "")
    if not key:
        raise BadRequest("The address names no object.")
    return key


def _reason(error: S3Error) -> str:
    if isinstance(error, PreconditionFailed):
        return "there is an object of this name already. Tick “replace” to replace it."
    return error.message


# -- deleting and restoring ----------------------------------------------------------------


@require_POST
@open_page
def delete(request: HttpRequest, actor: Actor, bucket: str) -> HttpResponse:
    """First say what will go, then, with `confirmed`, let it go."""
    wanted = [read_item(text) for text in request.POST.getlist("item")]
    if not wanted:
        raise BadRequest("Nothing was selected.")
    here = actions.visit(request, bucket, folder_of(wanted[0][0]))
    if "confirmed" not in request.POST:
        return _ask(request, actor, here, wanted)
    try:
        results = actions.delete_objects(actor, here, wanted)
    except S3Error as error:
        return _ask(request, actor, here, wanted, error)
    gone = sum(result is None for result in results)
    if gone:
        messages.success(request, f"{_objects(gone)} deleted.")
    refusals = [(key, why) for (key, _), why in zip(wanted, results, strict=True) if why is not None]
    for key, why in refusals[:SHOWN]:
        messages.error(request, f"{visible(key)}: {why.message}")
    if len(refusals) > SHOWN:
        messages.error(request, f"{grouped(len(refusals) - SHOWN)} more were not deleted.")
    return HttpResponseRedirect(_back(request, here, wanted))


def _ask(
    request: HttpRequest, actor: Actor, here: Visit, wanted: list[Item], error: S3Error | None = None
) -> HttpResponse:
    """The page with the number and a button; with what went wrong, the selection kept."""
    denied = [key for key, version in wanted if not browsing.may_delete(here, key, version)]
    if denied and error is None and len(denied) == len(wanted):
        here.require("s3:DeleteObject", denied[0])
    context: dict[str, Any] = busy_context(here) | {
        "crumbs": crumbs(here.bucket.name, folder_of(wanted[0][0])),
        "items": request.POST.getlist("item"),
        "shown": wanted[:SHOWN],
        "more": max(0, len(wanted) - SHOWN),
        "count": len(wanted),
        "forever": sum(bool(version) for _, version in wanted) if here.versioned else len(wanted),
        "versioned": here.versioned,
        "versions": request.POST.get("versions", ""),
        "back": _back(request, here, wanted),
        "error": error.message if error else "",
    }
    response = framed(request, actor, "browser/delete.html", context, error.status if error else 200)
    if error is not None and "Retry-After" in error.headers:
        response["Retry-After"] = error.headers["Retry-After"]
    return response


def _back(request: HttpRequest, here: Visit, wanted: list[Item]) -> str:
    versions = request.POST.get("versions", "")
    return link("objects", here.bucket.name, prefix=folder_of(wanted[0][0]), versions=versions)


@require_POST
@open_page
def restore(request: HttpRequest, actor: Actor, bucket: str) -> HttpResponse:
    """Copy an older version on top."""
    key, version = read_item(request.POST.get("item", ""))
    here = actions.visit(request, bucket, folder_of(key))
    try:
        actions.restore_object(actor, here, key, version)
    except S3Error as error:
        return refused(request, actor, error)
    messages.success(request, "This version is the current one again; the versions before it are kept.")
    return HttpResponseRedirect(link("object", bucket, key=key))


def _objects(count: int) -> str:
    return f"{grouped(count)} object{'' if count == 1 else 's'}"
