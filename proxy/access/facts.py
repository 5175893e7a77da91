"""What is known when a policy is asked: the values of condition keys and policy variables. Pure.

Source: AWS IAM User Guide, "AWS global condition context keys"; Service Authorization Reference,
"Condition keys for Amazon S3".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from proxy.access.circumstances import Circumstances
from proxy.backends.values import ObjectInfo
from proxy.caller import Caller
from proxy.errors import S3Error
from proxy.wire.encoding import decode
from proxy.wire.tags import parse_tagging

Values = tuple[str, ...]


@dataclass(slots=True)
class Facts:
    """Who asks, how, and for what. `info` is the object's, where it is known; `prefix` is what a
    listing is asked for beyond what the query says."""

    caller: Caller
    where: Circumstances
    info: ObjectInfo | None = None
    prefix: str = ""

    def values(self, key: str) -> Values | None:
        """The values of a condition key (lower case), None if it has none here."""
        reader = _READERS.get(key)
        if reader is not None:
            return reader(self)
        for prefix, tagged in _TAG_READERS.items():
            if key.startswith(prefix):
                return tagged(self, key[len(prefix) :])
        return _header(self.where, key.removeprefix("s3:"))

    def variable(self, name: str) -> str | None:
        """The value of a policy variable (lower case): that of a key with one value."""
        found = self.values(name)
        return found[0] if found is not None and len(found) == 1 else None


def known_key(key: str) -> bool:
    """Whether this is a condition key (lower case) that we can tell the value of."""
    return (
        key in _READERS
        or key in _HEADER_KEYS
        or any(key.startswith(prefix) and len(key) > len(prefix) for prefix in _TAG_READERS)
    )


def multivalued(key: str) -> bool:
    return key in _MANY


def _header(where: Circumstances, name: str) -> Values | None:
    value = where.headers.get(name)
    return None if value is None else (value,)


def _query(name: str) -> Callable[[Facts], Values | None]:
    def read(facts: Facts) -> Values | None:
        value = facts.where.query.get(name)
        return None if value is None else (value,)

    return read


def _from_header(name: str) -> Callable[[Facts], Values | None]:
    return lambda facts: _header(facts.where, name)


def _said(read: Callable[[Facts], str]) -> Callable[[Facts], Values | None]:
    """What is "" is not there."""

    def values(facts: Facts) -> Values | None:
        value = read(facts)
        return (value,) if value else None

    return values


def _prefix(facts: Facts) -> Values | None:
    value = facts.prefix or facts.where.query.get("prefix")
    return None if value is None else (value,)


def _time(facts: Facts) -> str:
    return datetime.fromtimestamp(facts.where.now_ms / 1000, UTC).isoformat()


def _principal_type(facts: Facts) -> str:
    if facts.caller.anonymous:
        return "Anonymous"
    return "Account" if facts.caller.root else "User"


def _signature_version(facts: Facts) -> str:
    found = facts.where.credentials
    if found is None:
        return ""
    return "AWS4-HMAC-SHA256" if found.scope else "AWS"


def _auth_type(facts: Facts) -> str:
    found = facts.where.credentials
    if facts.where.form:
        return "POST"
    if found is None:
        return ""
    return "REST-QUERY-STRING" if found.presigned else "REST-HEADER"


def _copy_source(facts: Facts) -> Values | None:
    """bucket/key, decoded, without a version, however the client wrote it."""
    text = facts.where.headers.get("x-amz-copy-source")
    if text is None:
        return None
    path = text.partition("?versionId=")[0].removeprefix("/")
    try:
        return (decode(path.encode("latin-1")),)
    except S3Error:
        return (path,)


def _request_tags(facts: Facts) -> dict[str, str]:
    try:
        return dict(parse_tagging(facts.where.headers.get("x-amz-tagging", "")))
    except S3Error:
        return {}


def _requested_tag(facts: Facts, name: str) -> Values | None:
    return _tag(_request_tags(facts), name)


def _existing_tag(facts: Facts, name: str) -> Values | None:
    return None if facts.info is None else _tag(dict(facts.info.tags), name)


def _tag(tags: dict[str, str], name: str) -> Values | None:
    for key, value in tags.items():
        if key.lower() == name:
            return (value,)
    return None


def _remaining_days(facts: Facts) -> Values | None:
    text = facts.where.headers.get("x-amz-object-lock-retain-until-date", "")
    try:
        until = datetime.fromisoformat(text)
    except ValueError:
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return (str(int((until.timestamp() - facts.where.now_ms / 1000) // 86_400)),)


_READERS: dict[str, Callable[[Facts], Values | None]] = {
    "aws:sourceip": _said(lambda facts: facts.where.source),
    "aws:securetransport": lambda facts: ("true" if facts.where.secure else "false",),
    "aws:currenttime": lambda facts: (_time(facts),),
    "aws:epochtime": lambda facts: (str(facts.where.now_ms // 1000),),
    "aws:useragent": _from_header("user-agent"),
    "aws:referer": _from_header("referer"),
    "aws:username": _said(lambda facts: facts.caller.name),
    "aws:userid": _said(lambda facts: facts.caller.owner_id),
    "aws:principaltype": lambda facts: (_principal_type(facts),),
    "aws:tagkeys": lambda facts: tuple(_request_tags(facts)),
    "s3:prefix": _prefix,
    "s3:delimiter": _query("delimiter"),
    "s3:max-keys": _query("max-keys"),
    "s3:versionid": _query("versionId"),
    "s3:locationconstraint": _said(lambda facts: facts.where.region),
    "s3:signatureversion": _said(_signature_version),
    "s3:authtype": _said(_auth_type),
    "s3:x-amz-copy-source": _copy_source,
    "s3:requestobjecttagkeys": lambda facts: tuple(_request_tags(facts)),
    "s3:object-lock-mode": _from_header("x-amz-object-lock-mode"),
    "s3:object-lock-retain-until-date": _from_header("x-amz-object-lock-retain-until-date"),
    "s3:object-lock-legal-hold": _from_header("x-amz-object-lock-legal-hold"),
    "s3:object-lock-remaining-retention-days": _remaining_days,
    "s3:if-none-match": _from_header("if-none-match"),
    "s3:if-match": _from_header("if-match"),
}

_TAG_READERS: dict[str, Callable[[Facts, str], Values | None]] = {
    "s3:existingobjecttag/": _existing_tag,
    "s3:requestobjecttag/": _requested_tag,
}

_HEADER_KEYS = frozenset(
    "s3:" + name
    for name in (
        "x-amz-acl",
        "x-amz-content-sha256",
        "x-amz-grant-full-control",
        "x-amz-grant-read",
        "x-amz-grant-read-acp",
        "x-amz-grant-write",
        "x-amz-grant-write-acp",
        "x-amz-metadata-directive",
        "x-amz-object-ownership",
        "x-amz-server-side-encryption",
        "x-amz-server-side-encryption-aws-kms-key-id",
        "x-amz-server-side-encryption-customer-algorithm",
        "x-amz-storage-class",
        "x-amz-website-redirect-location",
    )
)
"""Keys that are the request header of the same name."""

_MANY = frozenset({"aws:tagkeys", "s3:requestobjecttagkeys"})
