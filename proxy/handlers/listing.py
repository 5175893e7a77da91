"""ListObjects, both versions of it, and ListObjectVersions.

Tokens and markers are keys and version ids, so they outlive a migration.
"""

from __future__ import annotations

from proxy.backends.values import Listing, VersionListing
from proxy.handlers.call import Answer, Call, document
from proxy.handlers.parameters import encoding_type, make_token, page_size, read_token, wrong
from proxy.identity import name_of
from proxy.wire import xml


def list_objects_v1(call: Call) -> Answer:
    query = call.request.query
    asked = asked_of(call, "max-keys")
    marker = query.get("marker", "")
    page = _page(call, asked, marker)
    return document(
        xml.list_objects_v1(
            asked,
            page.objects,
            page.prefixes,
            marker=marker,
            next_marker=page.last if asked.delimiter else None,
            truncated=page.last is not None,
            name_of=name_of,
        )
    )


def list_objects_v2(call: Call) -> Answer:
    query = call.request.query
    asked = asked_of(call, "max-keys")
    start_after = query.get("start-after", "")
    token = query.get("continuation-token")
    page = _page(call, asked, start_after if token is None else read_token("continuation-token", token))
    return document(
        xml.list_objects_v2(
            asked,
            page.objects,
            page.prefixes,
            start_after=start_after,
            token=token,
            next_token=None if page.last is None else make_token(page.last),
            fetch_owner=query.get("fetch-owner", "").lower() == "true",
            name_of=name_of,
        )
    )


def asked_of(call: Call, limit_name: str) -> xml.Asked:
    """What every listing may be asked for."""
    query = call.request.query
    return xml.Asked(
        bucket=call.here.name,
        prefix=query.get("prefix", ""),
        delimiter=query.get("delimiter", ""),
        limit=page_size(query, limit_name),
        encoding_type=encoding_type(query),
    )


def _page(call: Call, asked: xml.Asked, after: str) -> Listing:
    if asked.limit == 0:
        return Listing((), (), None)
    return call.store.list(prefix=asked.prefix, delimiter=asked.delimiter, after=after, limit=asked.limit)


def list_object_versions(call: Call) -> Answer:
    """Raises InvalidArgument for a version marker without its key."""
    query = call.request.query
    asked = asked_of(call, "max-keys")
    after = (query.get("key-marker", ""), query.get("version-id-marker", ""))
    if after[1] and not after[0]:
        raise wrong(
            "version-id-marker", after[1], "A version-id marker cannot be specified without a key marker."
        )
    page = VersionListing((), (), None)
    if asked.limit:
        page = call.store.list_versions(
            prefix=asked.prefix, delimiter=asked.delimiter, after=after, limit=asked.limit
        )
    return document(
        xml.list_versions(
            asked,
            page.versions,
            page.prefixes,
            key_marker=after[0],
            version_id_marker=after[1],
            next_marker=page.last,
            name_of=name_of,
            bucket_owner=call.here.owner_id,
        )
    )
