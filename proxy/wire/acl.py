"""Access lists on the wire: the AccessControlPolicy document and the x-amz-grant-* headers. Pure.

Source: Amazon S3 API Reference, PutObjectAcl, GetObjectAcl; Amazon S3 User Guide, "Access control
list (ACL) overview".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from proxy.errors import InvalidArgument, MalformedACLError, MalformedXML, UnresolvableGrantByEmailAddress
from proxy.wire.xml.document import document, element, optional
from proxy.wire.xml.parsing import Node, parse

GROUPS = "http://acs.amazonaws.com/groups/"
ALL_USERS = GROUPS + "global/AllUsers"
AUTHENTICATED_USERS = GROUPS + "global/AuthenticatedUsers"
LOG_DELIVERY = GROUPS + "s3/LogDelivery"
_KNOWN_GROUPS = frozenset({ALL_USERS, AUTHENTICATED_USERS, LOG_DELIVERY})

MAX_GRANTS = 100
READ, WRITE, READ_ACP, WRITE_ACP, FULL_CONTROL = "READ", "WRITE", "READ_ACP", "WRITE_ACP", "FULL_CONTROL"
HEADERS: Mapping[str, str] = {
    "x-amz-grant-read": READ,
    "x-amz-grant-write": WRITE,
    "x-amz-grant-read-acp": READ_ACP,
    "x-amz-grant-write-acp": WRITE_ACP,
    "x-amz-grant-full-control": FULL_CONTROL,
}
_PERMISSIONS = frozenset(HEADERS.values())
_GRANTEE = re.compile(r'\s*(id|uri|emailAddress)\s*=\s*(?:"([^"]*)"|([^",]*))\s*', re.IGNORECASE)
_ID = re.compile(r"[!-~]{1,128}", re.ASCII)
_XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'


@dataclass(frozen=True, slots=True)
class Grant:
    """One grant. `grantee` is a canonical user id or the URI of a group."""

    grantee: str
    permission: str


def read_policy(content: bytes) -> tuple[str, tuple[Grant, ...]]:
    """(owner's id, grants) of an AccessControlPolicy document.

    Raises MalformedACLError, InvalidArgument (unknown group), UnresolvableGrantByEmailAddress.
    """
    try:
        parts = parse(content, "AccessControlPolicy").only("Owner", "AccessControlList")
        owner = parts["Owner"].only("ID", "DisplayName")["ID"].text.strip()
        listed = parts["AccessControlList"].children
    except (MalformedXML, KeyError):
        raise MalformedACLError() from None
    if len(listed) > MAX_GRANTS:
        raise MalformedACLError(f"An access list has at most {MAX_GRANTS} grants.")
    return owner, tuple(_grant(node) for node in listed)


def _grant(node: Node) -> Grant:
    try:
        parts = node.only("Grantee", "Permission")
        permission = parts["Permission"].text.strip()
        who = parts["Grantee"].only("ID", "DisplayName", "URI", "EmailAddress")
    except (MalformedXML, KeyError):
        raise MalformedACLError() from None
    named = [name for name in ("ID", "URI", "EmailAddress") if name in who]
    if node.name != "Grant" or permission not in _PERMISSIONS or len(named) != 1:
        raise MalformedACLError()
    return Grant(_resolved(named[0].lower(), who[named[0]].text.strip()), permission)


def read_headers(headers: Mapping[str, str]) -> tuple[Grant, ...]:
    """What the x-amz-grant-* headers say. Raises as `read_policy` does."""
    found = [
        Grant(grantee, permission)
        for name, permission in HEADERS.items()
        if name in headers
        for grantee in _grantees(name, headers[name])
    ]
    if len(found) > MAX_GRANTS:
        raise InvalidArgument(f"An access list has at most {MAX_GRANTS} grants.")
    return tuple(found)


def _grantees(name: str, text: str) -> Iterable[str]:
    at = 0
    while at < len(text):
        found = _GRANTEE.match(text, at)
        if found is None or (found.end() < len(text) and text[found.end()] != ","):
            raise InvalidArgument(
                "Argument format not recognized", fields={"ArgumentName": name, "ArgumentValue": text}
            )
        kind, quoted, bare = found.groups()
        yield _resolved(kind.lower(), (quoted if quoted is not None else bare).strip())
        at = found.end() + 1


def _resolved(kind: str, value: str) -> str:
    if kind == "emailaddress":
        raise UnresolvableGrantByEmailAddress(fields={"EmailAddress": value})
    if kind == "uri" and value not in _KNOWN_GROUPS:
        raise InvalidArgument(
            "Invalid group uri", fields={"ArgumentName": "uri", "ArgumentValue": value[:256]}
        )
    if kind == "id" and not _ID.fullmatch(value):
        raise invalid_id(value)
    return value


def invalid_id(value: str) -> InvalidArgument:
    """The error for a canonical id that nobody has."""
    return InvalidArgument(
        "Invalid id", fields={"ArgumentName": "CanonicalUser/ID", "ArgumentValue": value[:256]}
    )


def write_policy(owner_id: str, grants: Iterable[Grant], name_of: Callable[[str], str]) -> bytes:
    """The AccessControlPolicy document; `name_of` gives the display name of a canonical id."""

    def identity(owner: str) -> str:
        return element("ID", owner) + optional("DisplayName", name_of(owner))

    def grantee(who: str) -> str:
        if who.startswith(GROUPS):
            return f'<Grantee {_XSI} xsi:type="Group">{element("URI", who)}</Grantee>'
        return f'<Grantee {_XSI} xsi:type="CanonicalUser">{identity(who)}</Grantee>'

    groups_first = sorted(grants, key=lambda one: not one.grantee.startswith(GROUPS))
    rows = [
        f"<Grant>{grantee(one.grantee)}{element('Permission', one.permission)}</Grant>"
        for one in groups_first
    ]
    return document(
        "AccessControlPolicy",
        f"<Owner>{identity(owner_id)}</Owner>",
        f"<AccessControlList>{''.join(rows)}</AccessControlList>",
    )
