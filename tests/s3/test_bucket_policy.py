"""Bucket policies, public access blocks and what they do to callers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.s3 import raw
from tests.s3.errors import refused
from tests.s3.people import Person, allow, denied, policy
from tests.s3.server import Server


def test_a_policy_is_kept_as_it_was_put(alice: Person, own: str) -> None:
    with refused("NoSuchBucketPolicy", 404):
        alice.s3.get_bucket_policy(Bucket=own)
    text = policy(allow(own, "s3:GetObject")) + "\n "
    put = alice.s3.put_bucket_policy(Bucket=own, Policy=text, ConfirmRemoveSelfBucketAccess=True)
    assert put["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert alice.s3.get_bucket_policy(Bucket=own)["Policy"] == text
    alice.s3.delete_bucket_policy(Bucket=own)
    alice.s3.delete_bucket_policy(Bucket=own)
    with refused("NoSuchBucketPolicy", 404):
        alice.s3.get_bucket_policy(Bucket=own)


def test_a_public_site_is_read_by_everybody_and_listed_by_nobody_else(
    alice: Person, bob: Person, nobody: Any, own: str
) -> None:
    alice.s3.put_object(Bucket=own, Key="index.html", Body=b"hello")
    alice.s3.put_bucket_policy(Bucket=own, Policy=policy(allow(own, "s3:GetObject")))
    for client in (bob.s3, nobody):
        assert client.get_object(Bucket=own, Key="index.html")["Body"].read() == b"hello"
        with denied():
            client.list_objects_v2(Bucket=own)
        with denied():
            client.get_object(Bucket=own, Key="missing")
        with denied():
            client.delete_object(Bucket=own, Key="index.html")


def test_a_partner_gets_what_the_policy_says_and_sees_the_bucket(
    alice: Person, bob: Person, nobody: Any, own: str
) -> None:
    partner = {"AWS": "arn:aws:iam::123456789012:user/bob"}
    alice.s3.put_bucket_policy(
        Bucket=own,
        Policy=policy(
            allow(own, ["s3:ListBucket", "s3:PutObject", "s3:GetObject"], partner),
            allow(own, "s3:PutObject", partner, Effect="Deny", Resource=f"arn:aws:s3:::{own}/closed/*"),
        ),
    )
    bob.s3.put_object(Bucket=own, Key="open/k", Body=b"x")
    assert [one["Key"] for one in bob.s3.list_objects_v2(Bucket=own)["Contents"]] == ["open/k"]
    assert own in [one["Name"] for one in bob.s3.list_buckets()["Buckets"]]
    with refused("NoSuchKey", 404):
        bob.s3.get_object(Bucket=own, Key="missing")
    with denied():
        bob.s3.put_object(Bucket=own, Key="closed/k")
    with denied():
        nobody.list_objects_v2(Bucket=own)
    with denied():
        bob.s3.delete_bucket(Bucket=own)


def test_a_canonical_id_is_a_principal_too(alice: Person, bob: Person, own: str) -> None:
    who = {"CanonicalUser": bob.id}
    alice.s3.put_bucket_policy(Bucket=own, Policy=policy(allow(own, "s3:ListBucket", who)))
    bob.s3.list_objects_v2(Bucket=own)


def test_what_may_not_be_listed_is_not_told_to_be_missing(alice: Person, bob: Person, own: str) -> None:
    condition = {"StringLike": {"s3:prefix": "public/*"}}
    alice.s3.put_bucket_policy(Bucket=own, Policy=policy(allow(own, "s3:ListBucket", Condition=condition)))
    bob.s3.list_objects_v2(Bucket=own, Prefix="public/")
    with denied():
        bob.s3.list_objects_v2(Bucket=own)
    with refused("404", 404):
        bob.s3.head_object(Bucket=own, Key="public/missing")
    with refused("403", 403):
        bob.s3.head_object(Bucket=own, Key="private/missing")


def test_the_owner_is_denied_too_but_keeps_the_policy_itself(alice: Person, own: str) -> None:
    alice.s3.put_bucket_policy(Bucket=own, Policy=policy(allow(own, "s3:*", Effect="Deny")))
    with denied():
        alice.s3.list_objects_v2(Bucket=own)
    alice.s3.get_bucket_policy(Bucket=own)
    alice.s3.put_bucket_policy(Bucket=own, Policy=policy(allow(own, "*", Effect="Deny")))
    alice.s3.delete_bucket_policy(Bucket=own)
    alice.s3.list_objects_v2(Bucket=own)


def test_existing_tags_decide(alice: Person, bob: Person, own: str) -> None:
    for word in ("public", "private"):
        alice.s3.put_object(Bucket=own, Key=word, Tagging=f"security={word}")
    condition = {"StringEquals": {"s3:ExistingObjectTag/security": "public"}}
    alice.s3.put_bucket_policy(Bucket=own, Policy=policy(allow(own, "s3:GetObject", Condition=condition)))
    bob.s3.get_object(Bucket=own, Key="public")
    with denied():
        bob.s3.get_object(Bucket=own, Key="private")


def test_headers_decide(alice: Person, bob: Person, own: str) -> None:
    public = {"StringLike": {"s3:x-amz-acl": "public*"}}
    alice.s3.put_bucket_policy(
        Bucket=own,
        Policy=policy(
            allow(own, "s3:PutObject"), allow(own, "s3:PutObject", Effect="Deny", Condition=public)
        ),
    )
    bob.s3.put_object(Bucket=own, Key="k")
    with denied():
        bob.s3.put_object(Bucket=own, Key="k", ACL="public-read")


def test_an_old_version_needs_the_right_to_versions(alice: Person, bob: Person, own: str) -> None:
    alice.s3.put_bucket_versioning(Bucket=own, VersioningConfiguration={"Status": "Enabled"})
    version = alice.s3.put_object(Bucket=own, Key="k", Body=b"1")["VersionId"]
    alice.s3.put_bucket_policy(Bucket=own, Policy=policy(allow(own, "s3:GetObject")))
    bob.s3.get_object(Bucket=own, Key="k")
    with denied():
        bob.s3.get_object(Bucket=own, Key="k", VersionId=version)
    alice.s3.put_bucket_policy(Bucket=own, Policy=policy(allow(own, "s3:GetObjectVersion")))
    bob.s3.get_object(Bucket=own, Key="k", VersionId=version)


CAROL = {"AWS": "arn:aws:iam:::user/carol"}


def _all_but(bucket: str) -> dict[str, Any]:
    statement = allow(bucket, "s3:GetObject")
    return {"NotPrincipal": {"AWS": "bob"}, **{k: v for k, v in statement.items() if k != "Principal"}}


MALFORMED = {
    "no JSON": lambda bucket: "{",
    "another bucket": lambda bucket: policy(allow("other", "s3:GetObject")),
    "an unknown action": lambda bucket: policy(allow(bucket, "s3:GetObjects")),
    "an unknown user": lambda bucket: policy(allow(bucket, "s3:GetObject", CAROL)),
    "an allowance for all but some": lambda bucket: policy(_all_but(bucket)),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_what_makes_no_sense_is_malformed(alice: Person, own: str, case: str) -> None:
    with refused("MalformedPolicy", 400):
        alice.s3.put_bucket_policy(Bucket=own, Policy=MALFORMED[case](own))


def test_a_public_access_block_is_kept(alice: Person, own: str) -> None:
    with refused("NoSuchPublicAccessBlockConfiguration", 404):
        alice.s3.get_public_access_block(Bucket=own)
    wish = {
        "BlockPublicAcls": True,
        "IgnorePublicAcls": False,
        "BlockPublicPolicy": True,
        "RestrictPublicBuckets": False,
    }
    alice.s3.put_public_access_block(Bucket=own, PublicAccessBlockConfiguration=wish)
    assert alice.s3.get_public_access_block(Bucket=own)["PublicAccessBlockConfiguration"] == wish
    alice.s3.delete_public_access_block(Bucket=own)
    with refused("NoSuchPublicAccessBlockConfiguration", 404):
        alice.s3.get_public_access_block(Bucket=own)


def block(person: Person, bucket: str, switch: str) -> None:
    person.s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={switch: True})


def test_public_lists_and_policies_are_blocked(alice: Person, own: str) -> None:
    block(alice, own, "BlockPublicAcls")
    with denied():
        alice.s3.put_bucket_acl(Bucket=own, ACL="public-read")
    with denied():
        alice.s3.put_object(Bucket=own, Key="k", ACL="authenticated-read")
    alice.s3.put_object(Bucket=own, Key="k", ACL="private")
    block(alice, own, "BlockPublicPolicy")
    with denied():
        alice.s3.put_bucket_policy(Bucket=own, Policy=policy(allow(own, "s3:GetObject")))
    fixed = allow(own, "s3:GetObject", Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/32"}})
    alice.s3.put_bucket_policy(Bucket=own, Policy=policy(fixed))


def test_public_lists_are_ignored_and_public_policies_restricted(
    alice: Person, bob: Person, nobody: Any, own: str
) -> None:
    alice.s3.put_object(Bucket=own, Key="k", ACL="public-read")
    nobody.get_object(Bucket=own, Key="k")
    block(alice, own, "IgnorePublicAcls")
    with denied():
        nobody.get_object(Bucket=own, Key="k")
    alice.s3.put_bucket_policy(Bucket=own, Policy=policy(allow(own, "s3:GetObject")))
    nobody.get_object(Bucket=own, Key="k")
    assert alice.s3.get_bucket_policy_status(Bucket=own)["PolicyStatus"]["IsPublic"] is True
    alice.s3.put_object_acl(Bucket=own, Key="k", ACL="private")
    block(alice, own, "RestrictPublicBuckets")
    for client in (bob.s3, nobody):
        with denied():
            client.get_object(Bucket=own, Key="k")
    alice.s3.get_object(Bucket=own, Key="k")


def test_the_status_says_whether_a_bucket_is_public(alice: Person, own: str) -> None:
    def public() -> bool:
        return bool(alice.s3.get_bucket_policy_status(Bucket=own)["PolicyStatus"]["IsPublic"])

    assert not public()
    alice.s3.put_bucket_acl(Bucket=own, ACL="authenticated-read")
    assert public()


def test_the_expected_owner_must_be_the_owner(alice: Person, bob: Person, own: str) -> None:
    alice.s3.put_object(Bucket=own, Key="k", ExpectedBucketOwner=alice.id)
    with denied():
        alice.s3.put_object(Bucket=own, Key="k", ExpectedBucketOwner=bob.id)
    source = {"Bucket": own, "Key": "k"}
    alice.s3.copy_object(Bucket=own, Key="copy", CopySource=source, ExpectedSourceBucketOwner=alice.id)
    with denied():
        alice.s3.copy_object(Bucket=own, Key="copy", CopySource=source, ExpectedSourceBucketOwner=bob.id)


def test_a_copy_needs_its_source_too(alice: Person, bob: Person, own: str) -> None:
    alice.s3.put_object(Bucket=own, Key="secret")
    bob.s3.create_bucket(Bucket=f"bobs-{own}")
    with denied():
        bob.s3.copy_object(Bucket=f"bobs-{own}", Key="k", CopySource={"Bucket": own, "Key": "secret"})
    with denied():
        bob.s3.copy_object(Bucket=f"bobs-{own}", Key="k", CopySource={"Bucket": own, "Key": "missing"})
    alice.s3.put_object(Bucket=own, Key="open", ACL="public-read")
    bob.s3.copy_object(Bucket=f"bobs-{own}", Key="k", CopySource={"Bucket": own, "Key": "open"})


def test_nobody_has_or_makes_buckets_and_a_wrong_signature_stays_wrong(
    s3_server: Server, nobody: Any, own: str
) -> None:
    assert nobody.list_buckets()["Buckets"] == []
    with denied():
        nobody.create_bucket(Bucket="nobodys")
    answer = raw.ask(s3_server, "GET", f"/{own}", secret="wrong" * 8)
    assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")


def test_a_refused_upload_is_not_asked_for(s3_server: Server, own: str) -> None:
    head = f"PUT /{own}/k HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n"
    with s3_server.connect() as connection:
        connection.sendall(head.encode())
        answer = raw.read(connection)
    assert (answer.status, answer.code) == (403, "AccessDenied")
