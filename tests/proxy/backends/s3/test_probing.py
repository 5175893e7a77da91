"""What real services can do, found out by trying; and that nothing of the trying stays."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import pytest

from proxy.backends.s3.answers import Facts
from proxy.backends.s3.capabilities import MEANINGS, Capabilities, Finding
from proxy.backends.s3.client import Client, connect
from proxy.backends.s3.errors import Refused, Unreachable
from proxy.backends.s3.probing import SCRATCH, probe
from proxy.errors import BackendUnavailable
from tests.s3.server import free_port
from tests.s3services import Service

LACKS: Mapping[str, set[str]] = {
    "seaweedfs": {"ordered_listing", "exact_keys", "strict_buckets"},
    "moto": {"checksums"},
    "sluicegate": {"encryption"},
}
"""What each service has not; where this becomes wrong, the service was changed."""


class _MakesNoBuckets(Client):
    """A client whose credentials do not suffice for it."""

    def create_bucket(self, bucket: str, headers: Mapping[str, str] | None = None) -> Facts:
        raise Refused("Not allowed.", "AccessDenied")


def _scratch(client: Client) -> list[str]:
    return [name for name in client.buckets() if name.startswith(SCRATCH)]


def test_each_service_shows_what_it_can(s3_service: Service, s3_client: Client) -> None:
    found = probe(s3_client).as_json()
    assert {name for name, can in found.items() if can is False} == LACKS[s3_service.name]
    assert None not in found.values()
    assert _scratch(s3_client) == []


def test_without_a_bucket_of_its_own_it_tries_below_the_reserved_prefix(
    s3_service: Service, s3_bucket: str
) -> None:
    client = _MakesNoBuckets(s3_service.client().caller)
    client.put(s3_bucket, "theirs", b"kept")
    found = probe(client, s3_bucket).as_json()
    unknown = {"versioning", "object_lock", "strict_buckets"}
    assert {name for name, can in found.items() if can is None} == unknown
    assert {name for name, can in found.items() if can is False} == LACKS[s3_service.name] - unknown
    assert [row.key for row in client.list(s3_bucket).objects] == ["theirs"]
    client.close()


def test_without_any_bucket_it_says_so(s3_services: Callable[[str], Service]) -> None:
    client = _MakesNoBuckets(s3_services("moto").client().caller)
    with pytest.raises(BackendUnavailable, match="no bucket may be made"):
        probe(client)


def test_what_a_crash_left_goes_with_the_next_probe(s3_services: Callable[[str], Service]) -> None:
    client = s3_services("moto").client()
    now = int(time.time())
    old, young = f"{SCRATCH}{now - 3600:x}-0123456789ab", f"{SCRATCH}{now:x}-0123456789ab"
    theirs, served = f"{SCRATCH}of-somebody", f"{SCRATCH}{now - 3600:x}-ba9876543210"
    for name in (old, young, theirs, served):
        client.create_bucket(name, {"x-amz-bucket-object-lock-enabled": "true"})
    client.put(old, "locked", b"")
    client.put_hold(old, "locked", True)
    client.create_upload(old, "upload")
    client.put(served, ".sluicegate/place.json", b"{}")
    probe(client)
    assert sorted(_scratch(client)) == sorted([young, theirs, served])
    client.delete_many(served, [(row.key, row.version_id) for row in client.list_versions(served).versions])
    for name in (young, theirs, served):
        client.delete_bucket(name)
    client.close()


def test_a_service_that_is_not_there_has_no_capabilities() -> None:
    client = connect("gone", {"endpoint": f"http://127.0.0.1:{free_port()}", "retry_budget": 0.1,
                              "access_key_id": "a", "secret_access_key": "b"})  # fmt: skip
    with pytest.raises(Unreachable, match="'gone'"):
        probe(client)


def test_capabilities_survive_json() -> None:
    found = Capabilities(versioning=True, tagging=False)
    assert Capabilities.from_json(found.as_json()) == found
    odd: dict[str, object] = {"versioning": "yes", "unheard_of": True}
    assert Capabilities.from_json(odd) == Capabilities()
    assert list(MEANINGS) == list(found.as_json())
    values: set[Finding] = set(found.as_json().values())
    assert values == {True, False, None}
