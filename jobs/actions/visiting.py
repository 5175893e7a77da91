"""Who visits a bucket's objects in the console, and what is done to objects there, audited."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from django.conf import settings

from jobs.actions.actor import Actor, origin_of
from jobs.actions.audit import REFUSED, audited, record
from jobs.errors import Forbidden
from proxy import browsing, identity
from proxy.access import Circumstances
from proxy.backends.values import ObjectInfo
from proxy.browsing import Upload, Visit
from proxy.caller import Caller
from proxy.errors import S3Error

NO_USER = "This account is no user of the gateway: it has no buckets and may see none."
KEYS_NOTED = 20
"""Of a selection, as many keys are written into the audit trail."""


def caller_of(request: Any) -> Caller:
    """The S3 user behind an HTTP request's session; an administrator is root. Raises Forbidden."""
    caller = identity.caller_of_login(request.user)
    if caller is None:
        raise Forbidden(NO_USER)
    return caller


def circumstances_of(request: Any) -> Circumstances:
    """What the conditions of policies may look at."""
    return Circumstances(
        source=origin_of(request),
        secure=request.is_secure(),
        now_ms=time.time_ns() // 1_000_000,
        region=settings.REGION,
    )


def visit(request: Any, bucket: str, prefix: str = "") -> Visit:
    """The caller in a bucket. Raises Forbidden, NoSuchBucket (also for one that is not to be seen)."""
    return browsing.visit(caller_of(request), bucket, circumstances_of(request), prefix)


def upload_object(actor: Actor, here: Visit, new: Upload) -> ObjectInfo:
    """As `browsing.upload`."""
    with audited(actor, "object-upload", bucket=here.bucket.name, key=_noted(new.key)) as done:
        info = browsing.upload(here, new)
        done(version=info.version_id, size=info.size)
    return info


def delete_objects(actor: Actor, here: Visit, wanted: Sequence[tuple[str, str]]) -> list[S3Error | None]:
    """As `browsing.delete`."""
    noted = [_noted(f"{key} ({version})" if version else key) for key, version in wanted[:KEYS_NOTED]]
    with audited(actor, "object-delete", bucket=here.bucket.name, keys=noted, count=len(wanted)) as done:
        results = browsing.delete(here, wanted)
        refused = [result for result in results if result is not None]
        if len(refused) < len(wanted):
            done(refused=len(refused))
        else:
            record(actor, "object-delete", REFUSED, bucket=here.bucket.name, keys=noted, code=refused[0].code)
    return results


def restore_object(actor: Actor, here: Visit, key: str, version: str) -> ObjectInfo:
    """As `browsing.restore`."""
    with audited(actor, "object-restore", bucket=here.bucket.name, key=_noted(key), of=version[:64]) as done:
        info = browsing.restore(here, key, version)
        done(version=info.version_id)
    return info


def _noted(text: str) -> str:
    """PostgreSQL's JSON holds no NUL, and a trail needs no kilobytes of a name."""
    return text.replace("\x00", "\u2400")[:256]
