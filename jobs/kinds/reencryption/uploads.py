"""Open uploads: what seals their parts gets another wrap. One in another mode is told, and stays."""

from __future__ import annotations

from jobs.kinds.base import Issue, Item, Outcome, Page
from jobs.kinds.position import decode, encode
from jobs.kinds.reencryption.deciding import Way, upload_way
from jobs.kinds.reencryption.ground import Ground
from jobs.kinds.steps import Step, todo
from proxy.backends.values import UploadInfo
from proxy.errors import NoSuchUpload

_WORDS = {Way.REWRAP: "rewrap", Way.REWRITE: "other", Way.OTHER: "other"}


def _page(ground: Ground, token: str | None) -> Page:
    position, aim = decode(token), ground.aim
    listing = ground.uploads_after(position)
    found = [(upload, upload_way(upload, aim)) for upload in listing.uploads]
    items = [todo(_WORDS[how], each.key, upload=each.upload_id) for each, how in found if how in _WORDS]
    if listing.last is None:
        return Page(items)
    return Page(items, token=encode(position.past(*listing.last)), truncated=True)


def _rewrap(ground: Ground, item: Item) -> Outcome:
    """One that ended meanwhile, or has its new wrap already, is passed over."""
    with ground.work.effect():
        try:
            upload = ground.store.head_upload(item.data["upload"])
        except NoSuchUpload:
            return Outcome(objects=0)
        if upload.completed is not None or upload_way(upload, ground.aim) is not Way.REWRAP:
            return Outcome(objects=0)
        change = ground.resealing.rewrapped_upload(upload)
        (done,) = ground.store.backend.reseal(ground.route.place, [change])
    return Outcome(objects=0) if done else Outcome(objects=0, issues=(_stays(upload),))


def _other(ground: Ground, item: Item) -> Outcome:
    """Its parts are as it was begun, and so its object would be."""
    try:
        upload = ground.store.head_upload(item.data["upload"])
    except NoSuchUpload:
        return Outcome(objects=0)
    return Outcome(objects=0, issues=(_stays(upload),))


def _stays(upload: UploadInfo) -> Issue:
    text = (
        f"Upload {upload.upload_id} stays encrypted as it was begun. Complete or abort it, and"
        " re-encrypt the bucket again."
    )
    return Issue(upload.key, "OpenUpload", text)


UPLOADS = Step(_page, {"rewrap": _rewrap, "other": _other})
