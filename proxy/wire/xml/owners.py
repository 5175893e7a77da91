"""Who owns what a document speaks of: canonical id, and display name where there is one."""

from __future__ import annotations

from collections.abc import Callable

from proxy.wire.xml.document import element, optional

NameOf = Callable[[str], str]
"""The display name of a canonical id, "" if there is none."""


def nameless(owner_id: str) -> str:
    """Nobody has a name."""
    return ""


def identity(owner_id: str, owner_name: str) -> str:
    """ID and DisplayName."""
    return element("ID", owner_id) + optional("DisplayName", owner_name)


def owner_element(tag: str, owner_id: str, owner_name: str) -> str:
    """One element of the canonical user's form."""
    return f"<{tag}>{identity(owner_id, owner_name)}</{tag}>"


def _named(tag: str, owner_id: str, name_of: NameOf) -> str:
    return owner_element(tag, owner_id, name_of(owner_id))


def owner_writer(tag: str, name_of: NameOf, default: str = "") -> Callable[[str], str]:
    """Writes the element of an owner id (of `default` for none); each is looked up once for a page."""
    built: dict[str, str] = {}

    def write(owner_id: str) -> str:
        found = built.get(owner_id)
        if found is None:
            found = built[owner_id] = _named(tag, owner_id or default, name_of)
        return found

    return write
