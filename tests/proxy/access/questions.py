"""Buckets, callers and policies for tests of decisions; nothing here touches a database."""

from __future__ import annotations

import json
from typing import Any

from proxy.access import Access, Circumstances
from proxy.backends.values import ObjectInfo, Place, Route
from proxy.bucket_settings import BucketSettings
from proxy.caller import Caller
from proxy.records import BucketRecord, GateState

OWNER, OTHER = "a" * 64, "b" * 64
OLGA, BORIS = Caller(OWNER, "olga"), Caller(OTHER, "boris")
ROOT = Caller("c" * 64, "root", root=True)


def bucket(name: str = "photos", **settings: Any) -> BucketRecord:
    """A bucket of Olga's with these settings; a policy may be given as its statements."""
    if isinstance(settings.get("policy"), list):
        settings["policy"] = policy(*settings["policy"])
    route = Route("here", Place("id", name, "0"))
    return BucketRecord("id", name, OWNER, 0, route, GateState(None, 0), BucketSettings(**settings))


def policy(*statements: dict[str, Any], version: str = "2012-10-17") -> str:
    return json.dumps({"Version": version, "Statement": list(statements)})


def says(effect: str, action: Any, resource: Any = "arn:aws:s3:::*", **more: Any) -> dict[str, Any]:
    """A statement; without a principal, as in a user's policy."""
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def to(
    principal: Any, effect: str, action: Any, resource: Any = "arn:aws:s3:::*", **more: Any
) -> dict[str, Any]:
    """A statement of a bucket's policy."""
    return says(effect, action, resource, Principal=principal, **more)


def rights(caller: Caller, where: BucketRecord, **circumstances: Any) -> Access:
    return Access(caller, where, Circumstances(bucket=where.name, **circumstances))


def thing(owner_id: str = OWNER, **facts: Any) -> ObjectInfo:
    """An object of that owner."""
    return ObjectInfo("k", 1, "e", 0, owner_id=owner_id, **facts)
