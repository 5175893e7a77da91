"""Every call against real services: what goes in comes out, what is refused is refused by its name."""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from proxy.backends.s3.answers import Removed
from proxy.backends.s3.calls.objects import Source
from proxy.backends.s3.client import Client, connect
from proxy.backends.s3.errors import BucketMissing
from proxy.backends.values import PIECE_BYTES, PartRequest
from proxy.errors import NoSuchKey, NoSuchUpload, NoSuchVersion, PreconditionFailed
from tests.proxy.backends.s3.payloads import Pieces
from tests.s3.server import DOMAIN
from tests.s3services import Service

MIB = 1024 * 1024
KEYS = (
    "plain",
    "a b",
    "a+b",
    "a%2Eb",
    "%2E",
    "ümläut/€😀",
    "q?a=b&c#d",
    "<&>\"'",
    "~-_.!*()",
    ";:@=,$[]{}|^`",
    "low\x01bits",
    "/".join(["x" * 127] * 8),
)
"""Keys that every service keeps as they are."""
ODD_KEYS = ("a//b", "/lead", "dir/", "a/../b", "./a", "a/.", "..", "back\\slash", "x" * 1024)
"""Keys that some services rewrite or refuse. Ours must not."""


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _read(client: Client, bucket: str, key: str, **asked: object) -> bytes:
    return b"".join(client.get(bucket, key, **asked))  # type: ignore[arg-type]


def test_every_key_arrives_byte_for_byte(s3_client: Client, s3_bucket: str, s3_service: Service) -> None:
    keys = KEYS if s3_service.name == "seaweedfs" else KEYS + ODD_KEYS
    for key in keys:
        data = b"of " + key.encode()
        assert s3_client.put(s3_bucket, key, data).etag == _md5(data)
        assert _read(s3_client, s3_bucket, key) == data
        assert s3_client.head(s3_bucket, key).size == len(data)
    listed = [row.key for row in s3_client.list(s3_bucket).objects]
    assert listed == sorted(keys, key=lambda key: key.encode())
    outcome = s3_client.delete_many(s3_bucket, [(key, "") for key in keys])
    assert [row.key for row in outcome if isinstance(row, Removed)] == list(keys)
    assert s3_client.list(s3_bucket).objects == ()


def test_metadata_and_content_headers_come_back(s3_client: Client, s3_bucket: str) -> None:
    utf8 = "größe".encode().decode("latin-1")
    sent = {"content-type": "text/x-odd", "cache-control": "no-cache", "x-amz-meta-one": "1  2",
            "x-amz-meta-a_b": "under", "x-amz-meta-utf": utf8}  # fmt: skip
    s3_client.put(s3_bucket, "key", b"data", sent)
    facts = s3_client.head(s3_bucket, "key")
    assert facts.headers["content-type"] == "text/x-odd"
    assert facts.headers["cache-control"] == "no-cache"
    assert facts.metadata["a_b"] == "under"
    assert facts.metadata["one"].split() == ["1", "2"]
    assert abs(facts.date - facts.last_modified) < 60_000


@pytest.mark.parametrize("signed", [False, True])
def test_a_stream_goes_up_in_pieces_and_comes_down_in_pieces(
    s3_service: Service, s3_bucket: str, signed: bool
) -> None:
    client = s3_service.client()
    client.caller.signs_streams = signed
    pieces = [os.urandom(size) for size in (1, PIECE_BYTES, 65_536, 300_001)]
    assert client.put(s3_bucket, "stream", Pieces(*pieces)).etag == _md5(b"".join(pieces))
    with client.get(s3_bucket, "stream") as download:
        assert download.facts.size == sum(map(len, pieces))
        found = list(download)
    assert b"".join(found) == b"".join(pieces)
    assert max(map(len, found)) <= PIECE_BYTES
    client.close()


def test_an_empty_stream_is_an_empty_object(s3_client: Client, s3_bucket: str) -> None:
    assert s3_client.put(s3_bucket, "empty", Pieces()).etag == _md5(b"")
    assert _read(s3_client, s3_bucket, "empty") == b""


def test_ranges(s3_client: Client, s3_bucket: str) -> None:
    s3_client.put(s3_bucket, "key", b"0123456789")
    with s3_client.get(s3_bucket, "key", span=(2, 5)) as part:
        assert (b"".join(part), part.facts.size, part.facts.whole_size) == (b"234", 3, 10)
    assert _read(s3_client, s3_bucket, "key", span=(7, None)) == b"789"
    assert _read(s3_client, s3_bucket, "key", last=2) == b"89"


def test_a_connection_is_used_again_and_an_abandoned_one_is_not(s3_service: Service, s3_bucket: str) -> None:
    client = s3_service.client()
    client.put(s3_bucket, "large", os.urandom(4 * MIB))
    with client.get(s3_bucket, "large") as download:
        next(iter(download))
    for _ in range(3):
        assert client.head(s3_bucket, "large").size == 4 * MIB
    client.close()


def test_what_is_not_there_is_told_apart(s3_client: Client, s3_bucket: str) -> None:
    for call in (s3_client.head, s3_client.get):
        with pytest.raises(NoSuchKey):
            call(s3_bucket, "absent")
        with pytest.raises(BucketMissing) as caught:
            call(s3_bucket + "-gone", "absent")
        assert caught.value.code == "ServiceUnavailable"
    with pytest.raises(BucketMissing):
        s3_client.list(s3_bucket + "-gone")
    with pytest.raises(BucketMissing):
        s3_client.head_bucket(s3_bucket + "-gone")
    s3_client.delete(s3_bucket, "absent")


def test_conditions_are_the_services(s3_client: Client, s3_bucket: str) -> None:
    etag = s3_client.put(s3_bucket, "key", b"1", {"if-none-match": "*"}).etag
    for condition in ({"if-none-match": "*"}, {"if-match": '"' + "0" * 32 + '"'}):
        with pytest.raises(PreconditionFailed):
            s3_client.put(s3_bucket, "key", b"2", condition)
    s3_client.put(s3_bucket, "key", b"3", {"if-match": f'"{etag}"'})
    with pytest.raises(PreconditionFailed):
        s3_client.get(s3_bucket, "key", headers={"if-match": f'"{etag}"'})
    assert _read(s3_client, s3_bucket, "key") == b"3"


def test_a_copy_stays_on_the_service(s3_client: Client, s3_bucket: str) -> None:
    s3_client.put(s3_bucket, "from/ü +", b"data", {"x-amz-meta-kept": "yes"})
    made = s3_client.copy(s3_bucket, "to", Source(s3_bucket, "from/ü +"))
    assert made.etag == _md5(b"data")
    assert made.last_modified > 0
    assert s3_client.head(s3_bucket, "to").metadata == {"kept": "yes"}
    replaced = {"x-amz-metadata-directive": "REPLACE", "x-amz-meta-new": "1"}
    s3_client.copy(s3_bucket, "to", Source(s3_bucket, "to"), replaced)
    assert s3_client.head(s3_bucket, "to").metadata == {"new": "1"}


def test_listings_go_on_where_a_page_ended(s3_client: Client, s3_bucket: str) -> None:
    keys = ["a", "b/1", "b/2", "c d+e", "d"]
    for key in keys:
        s3_client.put(s3_bucket, key, b"")
    found, token = [], ""
    while True:
        page = s3_client.list(s3_bucket, limit=2, token=token)
        found += [row.key for row in page.objects]
        token = page.token
        if not token:
            break
    assert found == keys
    rolled = s3_client.list(s3_bucket, delimiter="/")
    assert ([row.key for row in rolled.objects], rolled.prefixes) == (["a", "c d+e", "d"], ("b/",))
    assert [row.key for row in s3_client.list(s3_bucket, after="b/1").objects] == keys[2:]
    assert [row.key for row in s3_client.list(s3_bucket, prefix="b/").objects] == ["b/1", "b/2"]


def test_versions_and_markers(s3_client: Client, s3_bucket: str) -> None:
    assert s3_client.versioning(s3_bucket) == ""
    s3_client.put_versioning(s3_bucket, "Enabled")
    assert s3_client.versioning(s3_bucket) == "Enabled"
    first, second = [s3_client.put(s3_bucket, "key", data).version_id for data in (b"1", b"2")]
    marker = s3_client.delete(s3_bucket, "key")
    assert marker.marker
    with pytest.raises(NoSuchKey):
        s3_client.head(s3_bucket, "key")
    assert _read(s3_client, s3_bucket, "key", version=first) == b"1"
    page = s3_client.list_versions(s3_bucket)
    assert {row.version_id: (row.marker, row.latest) for row in page.versions} == {
        marker.version_id: (True, True),
        second: (False, False),
        first: (False, False),
    }
    s3_client.delete(s3_bucket, "key", version=marker.version_id)
    assert _read(s3_client, s3_bucket, "key") == b"2"
    outcome = s3_client.delete_many(s3_bucket, [("key", first), ("key", second)])
    assert [row.version_id for row in outcome if isinstance(row, Removed)] == [first, second]
    with pytest.raises((NoSuchVersion, NoSuchKey)):
        s3_client.get(s3_bucket, "key", version=first)
    assert s3_client.list_versions(s3_bucket).versions == ()


def test_an_upload_in_parts(s3_client: Client, s3_bucket: str) -> None:
    data = os.urandom(5 * MIB)
    s3_client.put(s3_bucket, "source", b"0123456789")
    upload = s3_client.create_upload(s3_bucket, "whole", {"x-amz-meta-kept": "yes"})
    assert [row.upload_id for row in s3_client.uploads(s3_bucket).uploads] == [upload]
    one = s3_client.upload_part(s3_bucket, "whole", upload, 1, Pieces(data[:MIB], data[MIB:])).etag
    two = s3_client.upload_part_copy(s3_bucket, "whole", upload, 2, Source(s3_bucket, "source"), (2, 5)).etag
    assert one == _md5(data)  # (of a part that is a range of its source SeaweedFS tells the source's ETag)
    parts = s3_client.parts(s3_bucket, "whole", upload)
    assert [(part.number, part.size, part.etag) for part in parts.parts] == [(1, 5 * MIB, one), (2, 3, two)]
    made = s3_client.complete_upload(s3_bucket, "whole", upload, [PartRequest(1, one), PartRequest(2, two)])
    assert made.etag.endswith("-2")
    assert _read(s3_client, s3_bucket, "whole") == data + b"234"
    assert s3_client.head(s3_bucket, "whole").metadata == {"kept": "yes"}


def test_an_upload_that_is_given_up(s3_client: Client, s3_bucket: str) -> None:
    upload = s3_client.create_upload(s3_bucket, "never")
    s3_client.abort_upload(s3_bucket, "never", upload)
    with pytest.raises(NoSuchUpload):
        s3_client.parts(s3_bucket, "never", upload)
    assert s3_client.uploads(s3_bucket).uploads == ()


def test_tags(s3_client: Client, s3_bucket: str) -> None:
    s3_client.put(s3_bucket, "key", b"")
    tags = {"a b": "c+d", "größe": "1=2"}
    s3_client.put_tags(s3_bucket, "key", tags)
    assert s3_client.tags(s3_bucket, "key") == tags
    s3_client.delete_tags(s3_bucket, "key")
    assert s3_client.tags(s3_bucket, "key") == {}


def test_a_bucket_comes_and_goes(s3_client: Client, s3_service: Service) -> None:
    bucket = s3_service.bucket(s3_client)
    assert bucket in s3_client.buckets()
    s3_client.head_bucket(bucket)
    s3_client.delete_bucket(bucket)
    assert bucket not in s3_client.buckets()


def test_a_child_process_has_connections_of_its_own(s3_service: Service, s3_bucket: str) -> None:
    client = s3_service.client()
    client.put(s3_bucket, "key", b"parent")
    child = os.fork()
    if child == 0:
        good = _read(client, s3_bucket, "key") == b"parent"
        client.put(s3_bucket, "key", b"child")
        os._exit(0 if good else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert _read(client, s3_bucket, "key") == b"child"
    client.close()


def test_threads_share_a_client(s3_service: Service, s3_bucket: str) -> None:
    client = connect("few", {**s3_service.options, "connections": 2})

    def there_and_back(number: int) -> bool:
        data = bytes([number]) * 200_000
        client.put(s3_bucket, f"of/{number}", Pieces(data[:1], data[1:]))
        return _read(client, s3_bucket, f"of/{number}") == data

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(there_and_back, range(32)))
    assert len(client.list(s3_bucket, prefix="of/").objects) == 32
    client.close()


def test_the_bucket_may_be_in_the_host(
    s3_services: Callable[[str], Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    service, looked_up = s3_services("sluicegate"), []
    real = socket.getaddrinfo

    def here(host: str, *more: Any, **named: Any) -> Any:
        looked_up.append(host)
        return real("127.0.0.1" if host.endswith(DOMAIN) else host, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", here)
    endpoint = service.options["endpoint"].replace("127.0.0.1", DOMAIN)
    client = connect("virtual", {**service.options, "endpoint": endpoint, "path_style": False})
    bucket = service.bucket(client)
    client.put(bucket, "/ü//key", b"data")
    assert _read(client, bucket, "/ü//key") == b"data"
    assert [row.key for row in client.list(bucket).objects] == ["/ü//key"]
    assert bucket in client.buckets()
    assert set(looked_up) == {DOMAIN, f"{bucket}.{DOMAIN}"}
    client.close()


def test_our_own_gateway_takes_locks(s3_services: Callable[[str], Service]) -> None:
    service = s3_services("sluicegate")
    client = service.client()
    bucket = service.bucket(client, x_amz_bucket_object_lock_enabled="true")
    version = client.put(bucket, "key", b"kept").version_id
    client.put_hold(bucket, "key", True, version=version)
    outcome = client.delete_many(bucket, [("key", version)])
    assert getattr(outcome[0], "service_code", "") == "AccessDenied"
    client.put_hold(bucket, "key", False)
    client.put_retention(bucket, "key", "GOVERNANCE", 4_000_000_000_000)
    client.put_retention(bucket, "key", "", 0, bypass=True)
    assert isinstance(client.delete_many(bucket, [("key", version)])[0], Removed)
    client.close()
