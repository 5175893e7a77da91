"""Settle: nothing of what was replaced stays, no key stays that seals nothing, and what is left is told.

The walk goes: uploads of this job whose object could not be completed, then replaced bodies, then keys.
"""

from __future__ import annotations

from dataclasses import replace

from django.conf import settings

from jobs.kinds.base import Issue, Item, Outcome, Page
from jobs.kinds.position import decode, encode
from jobs.kinds.reencryption.ground import UNSCRUBBED, Ground
from jobs.kinds.steps import Step, todo
from proxy.errors import NoSuchUpload

SCRUB_EVERY_S = 2.0
SCRUB_PATIENCE_S = 900.0
"""How long what was replaced may be kept beyond the grace of reads, before the job says so and ends."""

_SCRUB, _KEYS, _TOLD = "scrub", "keys", "told"


def _page(ground: Ground, token: str | None) -> Page:
    page = _PAGES.get(token or "")
    return page(ground) if page is not None else _uploads_page(ground, token, then=_SCRUB)


def _uploads_page(ground: Ground, token: str | None, then: str | None) -> Page:
    position = decode(token)
    listing = ground.uploads_after(position)
    items = [
        todo("abort", upload.key, upload=upload.upload_id)
        for upload in listing.uploads
        if upload.upload_id.startswith(ground.collects)
    ]
    if listing.last is not None:
        return Page(items, token=encode(position.past(*listing.last)), truncated=True)
    return Page(items, token=then, truncated=then is not None)


def _scrub_page(ground: Ground) -> Page:
    """Waits until what was replaced is gone. It is kept as long as reads may be at it."""
    work, backend, place = ground.work, ground.store.backend, ground.route.place
    goes_on = Page(token=_KEYS, truncated=True)
    if backend.marked(place, UNSCRUBBED) is None:
        return goes_on
    since = work.state.setdefault("scrubbing_ms", work.now_ms())
    grace_s: float = settings.CLEANUP_GRACE_SECONDS
    with work.effect():
        if backend.scrub(place, grace_s):
            backend.mark(place, UNSCRUBBED, None)
            return goes_on
    if (work.now_ms() - since) / 1000 < grace_s + SCRUB_PATIENCE_S:
        return Page(token=_SCRUB, truncated=True, wait_s=SCRUB_EVERY_S)
    return replace(goes_on, items=[todo("kept", work.bucket.name)])


def _keys_page(ground: Ground) -> Page:
    return Page([todo("drop", ground.work.bucket.name)], token=_TOLD, truncated=True)


def _told_page(ground: Ground) -> Page:
    ground.work.state["seals"] = dict(ground.store.backend.count_seals(ground.route.place))
    return Page()


_PAGES = {_SCRUB: _scrub_page, _KEYS: _keys_page, _TOLD: _told_page}


def _abort(ground: Ground, item: Item) -> Outcome:
    with ground.work.effect():
        try:
            ground.store.abort_upload(item.data["upload"])
        except NoSuchUpload:
            pass
    return Outcome(objects=0)


def _kept(ground: Ground, item: Item) -> Outcome:
    text = "What the rewritten bodies replaced is still kept, since something still reads it."
    return Outcome(objects=0, issues=(Issue("", "NotScrubbed", text),))


def _drop(ground: Ground, item: Item) -> Outcome:
    with ground.work.effect():
        ground.resealing.drop_keys()
    return Outcome(objects=0)


SETTLE = Step(_page, {"abort": _abort, "kept": _kept, "drop": _drop})


def _unwinding_page(ground: Ground, token: str | None) -> Page:
    return _uploads_page(ground, token, then=None)


UNWIND = Step(_unwinding_page, {"abort": _abort})
"""After a cancel or a failure only the uploads of this job are taken away."""
