"""Addresses of the object browser, and how keys travel in them.

A key may hold anything, so it is always a parameter, never a part of the path. In a form it travels
percent-encoded: browsers turn the line ends of plain values into others.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlencode

from django.urls import reverse

from jobs.errors import BadRequest
from proxy.backends.values import CURRENT
from proxy.browsing import DELIMITER

Item = tuple[str, str]
"""(key, version id), the id CURRENT for what a plain GET finds."""


def link(name: str, bucket: str, **query: Any) -> str:
    """The address of a page of the browser; parameters without a value are left out."""
    text = urlencode({key: value for key, value in query.items() if value})
    return reverse(f"console:{name}", args=[bucket]) + (f"?{text}" if text else "")


def item_text(key: str, version: str = CURRENT) -> str:
    """One object in a form's field."""
    return urlencode({"key": key, "version": version} if version else {"key": key})


def read_item(text: str) -> Item:
    """Raises BadRequest."""
    try:
        found = parse_qs(text, strict_parsing=True, max_num_fields=2, errors="strict")
    except ValueError:
        found = {}
    if not found.get("key") or not found.keys() <= {"key", "version"}:
        raise BadRequest("The form names no object. Load the list again.")
    return found["key"][0], found.get("version", [CURRENT])[0]


def crumbs(bucket: str, prefix: str, **query: Any) -> list[dict[str, str]]:
    """The folders above and at a prefix, each with its address."""
    found, path = [], ""
    for part in prefix.split(DELIMITER)[:-1]:
        path += part + DELIMITER
        found.append({"name": part, "url": link("objects", bucket, prefix=path, **query)})
    return found


def folder_of(key: str) -> str:
    """`a/b/` of `a/b/c`, "" at the top."""
    return key[: key.rfind(DELIMITER) + 1]
