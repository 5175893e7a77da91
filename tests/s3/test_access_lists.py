"""Access lists of buckets and objects: canned ones, headers, documents, and what they give."""

from __future__ import annotations

from typing import Any

import pytest

from tests.s3.errors import refused
from tests.s3.people import Person, denied

ALL = "http://acs.amazonaws.com/groups/global/AllUsers"
SIGNED = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
LOGS = "http://acs.amazonaws.com/groups/s3/LogDelivery"

CANNED = [
    ("private", []),
    ("public-read", [(ALL, "READ")]),
    ("public-read-write", [(ALL, "READ"), (ALL, "WRITE")]),
    ("authenticated-read", [(SIGNED, "READ")]),
]


def grants(answer: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (one["Grantee"].get("URI") or one["Grantee"]["ID"], one["Permission"]) for one in answer["Grants"]
    ]


def to(person: Person, permission: str) -> dict[str, Any]:
    return {"Grantee": {"Type": "CanonicalUser", "ID": person.id}, "Permission": permission}


@pytest.mark.parametrize(
    ("name", "given"), [*CANNED, ("log-delivery-write", [(LOGS, "WRITE"), (LOGS, "READ_ACP")])]
)
def test_a_bucket_takes_a_canned_list(alice: Person, own: str, name: str, given: list[Any]) -> None:
    alice.s3.put_bucket_acl(Bucket=own, ACL=name)
    found = alice.s3.get_bucket_acl(Bucket=own)
    assert found["Owner"] == {"ID": alice.id, "DisplayName": "alice"}
    assert grants(found) == [*given, (alice.id, "FULL_CONTROL")]


@pytest.mark.parametrize(("name", "given"), CANNED)
def test_an_object_takes_a_canned_list_with_its_bytes(
    alice: Person, own: str, name: str, given: list[Any]
) -> None:
    alice.s3.put_object(Bucket=own, Key="k", ACL=name)
    assert grants(alice.s3.get_object_acl(Bucket=own, Key="k")) == [*given, (alice.id, "FULL_CONTROL")]


def test_a_bucket_is_created_with_a_list(alice: Person, bob: Person) -> None:
    alice.s3.create_bucket(Bucket="alices-open", ACL="public-read")
    assert (ALL, "READ") in grants(alice.s3.get_bucket_acl(Bucket="alices-open"))
    bob.s3.list_objects_v2(Bucket="alices-open")


def test_an_unknown_canned_list_is_refused(alice: Person, own: str) -> None:
    with refused("InvalidArgument", 400):
        alice.s3.put_bucket_acl(Bucket=own, ACL="public-ready")
    with refused("NotImplemented", 501):
        alice.s3.put_bucket_acl(Bucket=own, ACL="aws-exec-read")


def test_a_public_bucket_lists_for_everybody_and_its_private_objects_stay_closed(
    alice: Person, bob: Person, nobody: Any, own: str
) -> None:
    alice.s3.put_bucket_acl(Bucket=own, ACL="public-read")
    alice.s3.put_object(Bucket=own, Key="k", Body=b"x")
    for client in (bob.s3, nobody):
        assert client.list_objects_v2(Bucket=own)["KeyCount"] == 1
        with denied():
            client.get_object(Bucket=own, Key="k")
        with denied():
            client.put_object(Bucket=own, Key="k", Body=b"y")
    assert own not in [one["Name"] for one in bob.s3.list_buckets()["Buckets"]]


def test_a_public_object_of_a_private_bucket_is_read_by_everybody(
    alice: Person, bob: Person, nobody: Any, own: str
) -> None:
    alice.s3.put_object(Bucket=own, Key="k", Body=b"x", ACL="public-read")
    for client in (bob.s3, nobody):
        assert client.get_object(Bucket=own, Key="k")["Body"].read() == b"x"
        assert client.head_object(Bucket=own, Key="k")["ContentLength"] == 1
        with denied():
            client.list_objects_v2(Bucket=own)
        with denied():
            client.get_object_acl(Bucket=own, Key="k")


def test_an_object_for_signed_callers_is_closed_to_the_others(
    alice: Person, bob: Person, nobody: Any, own: str
) -> None:
    alice.s3.put_object(Bucket=own, Key="k", Body=b"x", ACL="authenticated-read")
    assert bob.s3.get_object(Bucket=own, Key="k")["Body"].read() == b"x"
    with denied():
        nobody.get_object(Bucket=own, Key="k")


def test_what_is_put_without_a_signature_belongs_to_the_buckets_owner(
    alice: Person, nobody: Any, own: str
) -> None:
    alice.s3.put_bucket_acl(Bucket=own, ACL="public-read-write")
    nobody.put_object(Bucket=own, Key="k", Body=b"from nobody")
    assert alice.s3.get_object(Bucket=own, Key="k")["Body"].read() == b"from nobody"
    assert alice.s3.get_object_acl(Bucket=own, Key="k")["Owner"]["ID"] == alice.id


def test_the_writer_owns_the_object_and_the_buckets_owner_may_only_delete_it(
    alice: Person, bob: Person, own: str
) -> None:
    alice.s3.put_bucket_acl(Bucket=own, ACL="public-read-write")
    bob.s3.put_object(Bucket=own, Key="k", Body=b"bob's")
    for closed in (alice.s3.get_object, alice.s3.get_object_acl, alice.s3.get_object_tagging):
        with denied():
            closed(Bucket=own, Key="k")
    assert bob.s3.get_object_acl(Bucket=own, Key="k")["Owner"]["ID"] == bob.id
    bob.s3.put_object_acl(Bucket=own, Key="k", ACL="bucket-owner-read")
    assert grants(bob.s3.get_object_acl(Bucket=own, Key="k")) == [
        (bob.id, "FULL_CONTROL"),
        (alice.id, "READ"),
    ]
    assert alice.s3.get_object(Bucket=own, Key="k")["Body"].read() == b"bob's"
    alice.s3.delete_object(Bucket=own, Key="k")
    assert "Contents" not in alice.s3.list_objects_v2(Bucket=own)


def test_full_control_for_the_buckets_owner_gives_the_object_away_where_that_is_preferred(
    alice: Person, bob: Person, own: str
) -> None:
    alice.s3.put_bucket_acl(Bucket=own, ACL="public-read-write")
    alice.s3.put_bucket_ownership_controls(
        Bucket=own, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]}
    )
    bob.s3.put_object(Bucket=own, Key="mine")
    bob.s3.put_object(Bucket=own, Key="yours", ACL="bucket-owner-full-control")
    assert bob.s3.get_object_acl(Bucket=own, Key="mine")["Owner"]["ID"] == bob.id
    assert alice.s3.get_object_acl(Bucket=own, Key="yours")["Owner"]["ID"] == alice.id


PERMISSIONS = {
    "READ": {"list"},
    "WRITE": {"put"},
    "READ_ACP": {"read list"},
    "WRITE_ACP": {"write list"},
    "FULL_CONTROL": {"list", "put", "read list", "write list"},
}


@pytest.mark.parametrize("permission", PERMISSIONS)
def test_a_permission_on_a_bucket_gives_what_it_says(
    alice: Person, bob: Person, own: str, permission: str
) -> None:
    owner = {"ID": alice.id, "DisplayName": "alice"}
    alice.s3.put_bucket_acl(
        Bucket=own,
        AccessControlPolicy={"Owner": owner, "Grants": [to(alice, "FULL_CONTROL"), to(bob, permission)]},
    )
    tries = {
        "list": lambda: bob.s3.list_objects_v2(Bucket=own),
        "put": lambda: bob.s3.put_object(Bucket=own, Key="k"),
        "read list": lambda: bob.s3.get_bucket_acl(Bucket=own),
        "write list": lambda: bob.s3.put_bucket_acl(Bucket=own, GrantFullControl=f"id={bob.id}"),
    }
    for name, attempt in tries.items():
        if name in PERMISSIONS[permission]:
            attempt()
        else:
            with denied():
                attempt()


def test_grants_by_header_stand_with_groups_first(alice: Person, bob: Person, own: str) -> None:
    alice.s3.put_object(
        Bucket=own, Key="k", Body=b"x", GrantRead=f'id="{bob.id}", uri="{ALL}"', GrantReadACP=f"id={bob.id}"
    )
    found = alice.s3.get_object_acl(Bucket=own, Key="k")
    assert grants(found) == [(ALL, "READ"), (bob.id, "READ"), (bob.id, "READ_ACP")]
    assert {one["Grantee"]["Type"] for one in found["Grants"]} == {"CanonicalUser", "Group"}
    assert grants(bob.s3.get_object_acl(Bucket=own, Key="k")) == grants(found)


def test_a_list_without_any_grant_stays_so(alice: Person, own: str) -> None:
    owner = {"ID": alice.id}
    alice.s3.put_bucket_acl(Bucket=own, AccessControlPolicy={"Owner": owner, "Grants": []})
    assert alice.s3.get_bucket_acl(Bucket=own)["Grants"] == []
    alice.s3.put_bucket_acl(
        Bucket=own, AccessControlPolicy={"Owner": owner, "Grants": [to(alice, "FULL_CONTROL")]}
    )


@pytest.mark.parametrize(
    ("grantee", "code"),
    [
        ({"Type": "CanonicalUser", "ID": "_foo"}, "InvalidArgument"),
        ({"Type": "Group", "URI": "http://acs.amazonaws.com/groups/global/Others"}, "InvalidArgument"),
        ({"Type": "AmazonCustomerByEmail", "EmailAddress": "a@b.example"}, "UnresolvableGrantByEmailAddress"),
    ],
)
def test_a_grantee_whom_nobody_knows_is_refused(
    alice: Person, own: str, grantee: dict[str, str], code: str
) -> None:
    wish = {"Owner": {"ID": alice.id}, "Grants": [{"Grantee": grantee, "Permission": "READ"}]}
    with refused(code, 400):
        alice.s3.put_bucket_acl(Bucket=own, AccessControlPolicy=wish)


def test_a_list_of_another_owner_is_refused(alice: Person, bob: Person, own: str) -> None:
    with denied():
        alice.s3.put_bucket_acl(Bucket=own, AccessControlPolicy={"Owner": {"ID": bob.id}, "Grants": []})


def test_canned_and_explicit_grants_do_not_go_together(alice: Person, bob: Person, own: str) -> None:
    with refused("InvalidRequest", 400):
        alice.s3.put_object(Bucket=own, Key="k", ACL="public-read", GrantRead=f"id={bob.id}")


def test_where_the_buckets_owner_owns_everything_lists_count_for_nothing(
    alice: Person, bob: Person, own: str
) -> None:
    alice.s3.put_bucket_acl(Bucket=own, ACL="public-read")
    enforced = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    with refused("InvalidBucketAclWithObjectOwnership", 400):
        alice.s3.put_bucket_ownership_controls(Bucket=own, OwnershipControls=enforced)
    alice.s3.put_bucket_acl(Bucket=own, ACL="private")
    alice.s3.put_object(Bucket=own, Key="k", Body=b"x", ACL="public-read")
    alice.s3.put_bucket_ownership_controls(Bucket=own, OwnershipControls=enforced)
    with denied():
        bob.s3.get_object(Bucket=own, Key="k")
    with refused("AccessControlListNotSupported", 400):
        alice.s3.put_object(Bucket=own, Key="k", ACL="public-read")
    with refused("AccessControlListNotSupported", 400):
        alice.s3.put_bucket_acl(Bucket=own, ACL="private")
    alice.s3.put_object(Bucket=own, Key="k", ACL="bucket-owner-full-control")
    assert grants(alice.s3.get_object_acl(Bucket=own, Key="k")) == [(alice.id, "FULL_CONTROL")]
    alice.s3.delete_bucket_ownership_controls(Bucket=own)
    with refused("OwnershipControlsNotFoundError", 404):
        alice.s3.get_bucket_ownership_controls(Bucket=own)


def test_a_version_has_a_list_of_its_own(alice: Person, bob: Person, own: str) -> None:
    alice.s3.put_bucket_versioning(Bucket=own, VersioningConfiguration={"Status": "Enabled"})
    old = alice.s3.put_object(Bucket=own, Key="k", Body=b"1")["VersionId"]
    alice.s3.put_object(Bucket=own, Key="k", Body=b"2")
    alice.s3.put_object_acl(Bucket=own, Key="k", VersionId=old, ACL="public-read")
    assert bob.s3.get_object(Bucket=own, Key="k", VersionId=old)["Body"].read() == b"1"
    with denied():
        bob.s3.get_object(Bucket=own, Key="k")
