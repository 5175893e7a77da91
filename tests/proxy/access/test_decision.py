"""What a caller may do: the table of allowances and denials."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.access import Access, Circumstances, lists
from proxy.access.actions import ACTIONS, HANGS_ON_OBJECT
from proxy.caller import NOBODY, Caller
from proxy.errors import AccessDenied, MalformedPolicy
from tests.proxy.access.questions import (
    BORIS,
    OLGA,
    OTHER,
    OWNER,
    ROOT,
    bucket,
    policy,
    rights,
    says,
    thing,
    to,
)

EVERYBODY = "*"
PUBLIC = lists.canned("public-read-write", OWNER)
NAMES = sorted(ACTIONS)


def test_the_owner_and_root_may_and_others_may_not() -> None:
    for right in ("s3:GetObject", "s3:PutBucketPolicy", "s3:DeleteBucket"):
        assert rights(OLGA, bucket()).allows(right, "k")
        assert rights(ROOT, bucket()).allows(right, "k")
        assert not rights(BORIS, bucket()).allows(right, "k")
        assert not rights(NOBODY, bucket()).allows(right, "k")
    with pytest.raises(AccessDenied):
        rights(BORIS, bucket()).require("s3:GetObject", "k")


def test_nobody_does_not_own_what_has_no_owner() -> None:
    orphan = replace(bucket(), owner_id="")
    assert not rights(NOBODY, orphan).allows("s3:GetObject", "k", thing(""))


def test_making_buckets_needs_the_permission_or_a_policy() -> None:
    def makes(caller: Caller) -> bool:
        return Access(caller, None, Circumstances(bucket="new")).allows("s3:CreateBucket")

    assert makes(BORIS)
    assert not makes(replace(BORIS, creates_buckets=False))
    assert not makes(NOBODY)
    creating = policy(says("Allow", "s3:CreateBucket", "arn:aws:s3:::ne*"))
    assert makes(replace(BORIS, creates_buckets=False, policies=(creating,)))
    denying = policy(says("Deny", "s3:CreateBucket"))
    assert not makes(replace(BORIS, policies=(denying,)))
    assert not makes(replace(ROOT, policies=(denying,)))


def test_a_policy_can_forbid_what_is_said_of_a_new_bucket() -> None:
    def says_lock(caller: Caller) -> bool:
        asked = "s3:PutBucketObjectLockConfiguration"
        return Access(caller, None, Circumstances(bucket="new")).allows(asked)

    assert says_lock(BORIS) and says_lock(ROOT)
    assert not says_lock(replace(BORIS, policies=(policy(says("Deny", "s3:PutBucket*")),)))
    creating = policy(says("Allow", "s3:CreateBucket"))
    assert not says_lock(replace(BORIS, creates_buckets=False, policies=(creating,)))


@pytest.mark.parametrize("right", sorted(HANGS_ON_OBJECT))
def test_an_object_of_somebody_else_is_theirs(right: str) -> None:
    foreign = thing(OTHER)
    assert not rights(OLGA, bucket()).allows(right, "k", foreign)
    assert rights(BORIS, bucket()).allows(right, "k", foreign)
    assert rights(ROOT, bucket()).allows(right, "k", foreign)
    assert rights(OLGA, bucket(ownership="BucketOwnerEnforced")).allows(right, "k", foreign)
    assert not rights(BORIS, bucket(ownership="BucketOwnerEnforced")).allows(right, "k", foreign)
    everybody = [to(EVERYBODY, "Allow", "s3:*")]
    assert not rights(NOBODY, bucket(policy=everybody)).allows(right, "k", foreign)
    assert rights(NOBODY, bucket(policy=everybody)).allows(right, "k", thing())


def test_the_buckets_owner_may_always_delete() -> None:
    for right in ("s3:DeleteObject", "s3:DeleteObjectVersion"):
        assert rights(OLGA, bucket()).allows(right, "k", thing(OTHER))


@pytest.mark.parametrize(
    ("right", "allowed"),
    [
        ("s3:ListBucket", {"signed", "nobody"}),
        ("s3:PutObject", {"signed", "nobody"}),
        ("s3:DeleteObject", {"signed", "nobody"}),
        ("s3:DeleteObjectVersion", set()),
        ("s3:GetBucketAcl", set()),
        ("s3:GetObject", set()),
    ],
)
def test_a_public_list_of_a_bucket_gives_what_its_permissions_do(right: str, allowed: set[str]) -> None:
    there = bucket(acl=PUBLIC)
    assert rights(BORIS, there).allows(right, "k", thing()) is ("signed" in allowed)
    assert rights(NOBODY, there).allows(right, "k", thing()) is ("nobody" in allowed)
    for closed in ({"public_access_block": ("IgnorePublicAcls",)}, {"ownership": "BucketOwnerEnforced"}):
        assert not rights(BORIS, bucket(acl=PUBLIC, **closed)).allows(right, "k", thing())


def test_a_grant_by_name_stays_where_public_ones_are_ignored() -> None:
    named = lists.text_of([lists.Grant(OTHER, "READ")])
    there = bucket(acl=named, public_access_block=("IgnorePublicAcls",))
    assert rights(BORIS, there).allows("s3:ListBucket")
    assert rights(BORIS, there).granted("s3:ListBucket")
    assert not rights(NOBODY, there).allows("s3:ListBucket")


def test_what_is_public_is_not_granted_to_anybody_in_particular() -> None:
    for there in (bucket(acl=PUBLIC), bucket(policy=[to(EVERYBODY, "Allow", "s3:*")])):
        assert rights(BORIS, there).allows("s3:ListBucket")
        assert not rights(BORIS, there).granted("s3:ListBucket")
    assert rights(BORIS, bucket(policy=[to({"AWS": "boris"}, "Allow", "s3:*")])).granted("s3:ListBucket")


def test_a_public_policy_is_restricted_as_a_whole() -> None:
    statements = [to(EVERYBODY, "Allow", "s3:GetObject"), to({"AWS": "boris"}, "Allow", "s3:PutObject")]
    there = bucket(policy=statements, public_access_block=("RestrictPublicBuckets",))
    assert not rights(BORIS, there).allows("s3:GetObject", "k", thing())
    assert not rights(BORIS, there).allows("s3:PutObject", "k")
    there = bucket(policy=statements[1:], public_access_block=("RestrictPublicBuckets",))
    assert rights(BORIS, there).allows("s3:PutObject", "k")


def test_the_owner_cannot_be_locked_out_of_the_policy() -> None:
    there = bucket(policy=[to(EVERYBODY, "Deny", "s3:*")])
    for caller in (OLGA, ROOT):
        for right in ("s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"):
            assert rights(caller, there).allows(right)
        assert not rights(caller, there).allows("s3:ListBucket")
    allowed = [to(EVERYBODY, "Allow", "s3:*"), to(EVERYBODY, "Deny", "s3:PutBucketPolicy")]
    assert not rights(BORIS, bucket(policy=allowed)).allows("s3:PutBucketPolicy")


def test_a_policy_that_is_not_understood_any_more_denies_all_but_its_removal() -> None:
    there = bucket(policy="{}")
    assert rights(OLGA, there).allows("s3:DeleteBucketPolicy")
    for caller in (OLGA, BORIS, ROOT):
        with pytest.raises(MalformedPolicy):
            rights(caller, there).allows("s3:GetObject", "k")


def test_the_source_of_a_copy_is_asked_for_on_its_own() -> None:
    source = bucket("source", policy=[to({"AWS": "boris"}, "Allow", "s3:GetObject")])
    there = rights(BORIS, bucket(), headers={"x-amz-source-expected-bucket-owner": OWNER})
    assert there.elsewhere(source).allows("s3:GetObject", "k", thing())
    wrong = rights(BORIS, bucket(), headers={"x-amz-source-expected-bucket-owner": OTHER})
    with pytest.raises(AccessDenied):
        wrong.elsewhere(source)


def test_a_document_is_judged_as_headers_are() -> None:
    tagged = {"StringEquals": {"s3:RequestObjectTag/team": "red"}}
    there = rights(OLGA, bucket(policy=[to(EVERYBODY, "Deny", "s3:PutObjectTagging", Condition=tagged)]))
    assert there.allows("s3:PutObjectTagging", "k", thing())
    assert not there.saying({"x-amz-tagging": "team=red"}).allows("s3:PutObjectTagging", "k", thing())


actions = st.sampled_from(NAMES) | st.sampled_from(["s3:*", "s3:Get*", "*"])
callers = st.sampled_from([OLGA, BORIS, ROOT])


@given(right=st.sampled_from(NAMES), others=st.lists(actions, max_size=4), caller=callers, own=st.booleans())
def test_a_denial_overrides_everything(right: str, others: list[str], caller: Caller, own: bool) -> None:
    allowing = [says("Allow", "s3:*"), *[says("Allow", one) for one in others]]
    denying = says("Deny", right)
    statements = [*allowing, denying] if own else allowing
    there = bucket(
        acl=PUBLIC,
        policy=[] if own else [to(EVERYBODY, "Allow", "s3:*"), to(EVERYBODY, "Deny", right)],
    )
    asking = replace(caller, policies=(policy(*statements),))
    assert not rights(asking, there).allows(right, "k", thing())


@given(right=st.sampled_from(NAMES))
def test_without_an_allowance_there_is_no_right(right: str) -> None:
    assert not rights(BORIS, bucket()).allows(right, "k", thing())
    assert not rights(NOBODY, bucket()).allows(right, "k", thing())
    reading = replace(BORIS, policies=(policy(says("Allow", right, "arn:aws:s3:::photos*")),))
    assert rights(reading, bucket()).allows(right, "k", thing())
    assert not rights(reading, bucket("other")).allows(right, "k", thing())


def test_circumstances_are_those_of_the_request() -> None:
    condition: dict[str, Any] = {"Bool": {"aws:SecureTransport": "false"}}
    there = bucket(policy=[to(EVERYBODY, "Deny", "s3:*", Condition=condition)])
    assert rights(OLGA, there, secure=True).allows("s3:GetObject", "k")
    assert not rights(OLGA, there, secure=False).allows("s3:GetObject", "k")
