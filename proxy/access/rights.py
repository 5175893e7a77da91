"""Access: what one caller may do in one bucket, decided. Pure.

Default deny. An explicit Deny in a policy of the caller or of the bucket comes first; then root may
everything; then one allowance is enough. Source: AWS IAM User Guide, "Policy evaluation logic";
Amazon S3 User Guide, "How Amazon S3 authorizes a request".
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from proxy.access import lists
from proxy.access.actions import HANGS_ON_OBJECT
from proxy.access.circumstances import Circumstances
from proxy.access.facts import Facts
from proxy.access.grammar import bucket_policy, user_policy
from proxy.access.policies import Policy
from proxy.access.public import IGNORE_PUBLIC_ACLS, RESTRICT_PUBLIC_BUCKETS, policy_is_public
from proxy.backends.values import ObjectInfo
from proxy.caller import Caller
from proxy.errors import AccessDenied
from proxy.records import BucketRecord
from proxy.wire.acl import ALL_USERS, AUTHENTICATED_USERS

ENFORCED, PREFERRED, WRITER = "BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"
"""Object ownership; a bucket without ownership controls is as with ObjectWriter."""

_NO_LOCK_OUT: Final = frozenset({"s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"})
"""What a bucket's owner may do whatever the bucket's policy says."""
_OF_A_NEW_BUCKET: Final = frozenset(
    [
        "s3:CreateBucket",
        "s3:PutBucketAcl",
        "s3:PutBucketObjectLockConfiguration",
        "s3:PutBucketOwnershipControls",
        "s3:PutBucketTagging",
        "s3:PutBucketVersioning",
    ]
)
"""What those who may make buckets may say of one that is not there yet."""
_NOBODYS: Final = frozenset({ALL_USERS})
_SIGNED: Final = frozenset({ALL_USERS, AUTHENTICATED_USERS})
_NONE: Final[frozenset[str]] = frozenset()


@dataclass(slots=True)
class _Question:
    """One right to one resource, asked of policies; with `named`, by name only."""

    right: str
    resource: str
    facts: Facts
    named: bool = False

    def denied_by(self, policy: Policy) -> bool:
        return policy.denies(self.right, self.resource, self.facts)

    def allowed_by(self, policy: Policy) -> bool:
        return policy.allows(self.right, self.resource, self.facts, named=self.named)


class Access:
    """A caller's rights in a bucket; implements `proxy.handlers.call.Rights`.

    `bucket` is None where there is none (yet): for ListBuckets and CreateBucket.
    """

    __slots__ = ("_bucket", "_caller", "_circumstances", "_owns")

    def __init__(self, caller: Caller, bucket: BucketRecord | None, circumstances: Circumstances) -> None:
        self._caller = caller
        self._bucket = bucket
        self._circumstances = circumstances
        self._owns = bucket is not None and bucket.owner_id == caller.owner_id and not caller.anonymous

    def allows(self, right: str, key: str = "", info: ObjectInfo | None = None) -> bool:
        """Whether the caller may; `info` is the object's where `right` hangs on it.

        s3:ListBucket with a key asks whether the caller may learn that there is no such key.
        """
        caller, bucket = self._caller, self._bucket
        if not (caller.policies or (bucket is not None and bucket.settings.policy)):
            if caller.root:
                return True
            if self._owns and (info is None or not self._is_foreign(right, info)):
                return True
        question = self._question(right, key, info)
        return not self._denied(question) and (caller.root or self._allowed(question))

    def require(self, right: str, key: str = "", info: ObjectInfo | None = None) -> None:
        """Raise AccessDenied unless the caller may."""
        if not self.allows(right, key, info):
            raise AccessDenied()

    def granted(self, right: str) -> bool:
        """As `allows`, but by what is meant for this caller in particular, not for everybody."""
        question = self._question(right, "", None, named=True)
        return (
            not self._caller.anonymous
            and not self._denied(question)
            and (self._caller.root or self._allowed(question))
        )

    def elsewhere(self, bucket: BucketRecord) -> Access:
        """The same caller in the bucket of a copy's source. Raises AccessDenied if that belongs to
        somebody else than the request expects."""
        expected = self._circumstances.headers.get("x-amz-source-expected-bucket-owner")
        if expected is not None and expected != bucket.owner_id:
            raise AccessDenied()
        return Access(self._caller, bucket, dataclasses.replace(self._circumstances, query={}))

    def saying(self, headers: Mapping[str, str]) -> Access:
        """The same rights, for a request whose document says what these headers would say."""
        said = dataclasses.replace(self._circumstances, headers={**self._circumstances.headers, **headers})
        return Access(self._caller, self._bucket, said)

    def _question(self, right: str, key: str, info: ObjectInfo | None, *, named: bool = False) -> _Question:
        name = self._circumstances.bucket if self._bucket is None else self._bucket.name
        if right == "s3:ListBucket":
            return _Question(right, name, Facts(self._caller, self._circumstances, info, prefix=key), named)
        resource = f"{name}/{key}" if key else name
        return _Question(right, resource, Facts(self._caller, self._circumstances, info), named)

    def _denied(self, asked: _Question) -> bool:
        """Whether a policy says that the caller must not."""
        if any(asked.denied_by(policy) for policy in self._own_policies()):
            return True
        if asked.right in _NO_LOCK_OUT and (self._owns or self._caller.root):
            return False
        policy = self._bucket_policy()
        return policy is not None and asked.denied_by(policy)

    def _allowed(self, asked: _Question) -> bool:
        info = asked.facts.info
        return (
            self._allowed_by_owning(asked.right, info)
            or any(asked.allowed_by(policy) for policy in self._own_policies())
            or self._allowed_by_bucket_policy(asked)
            or self._allowed_by_lists(asked.right, info, asked.named)
        )

    def _allowed_by_owning(self, right: str, info: ObjectInfo | None) -> bool:
        """The bucket's owner may everything but what is the object's owner's; that one has the rest."""
        if self._bucket is None:
            makes = self._caller.creates_buckets and not self._caller.anonymous
            return right == "s3:ListAllMyBuckets" or (right in _OF_A_NEW_BUCKET and makes)
        if info is not None and self._is_foreign(right, info):
            return not self._caller.anonymous and info.owner_id == self._caller.owner_id
        return self._owns

    def _allowed_by_bucket_policy(self, asked: _Question) -> bool:
        """What the bucket's owner gives away: objects of others are not the owner's to give."""
        policy, info = self._bucket_policy(), asked.facts.info
        if policy is None or (info is not None and self._is_foreign(asked.right, info)):
            return False
        if self._switched_on(RESTRICT_PUBLIC_BUCKETS) and policy_is_public(policy):
            return False
        return asked.allowed_by(policy)

    def _allowed_by_lists(self, right: str, info: ObjectInfo | None, named: bool) -> bool:
        if self._bucket is None or self._bucket.settings.ownership == ENFORCED:
            return False
        permissions = lists.BUCKET_PERMISSIONS.get(right)
        text = self._bucket.settings.acl
        if permissions is None and info is not None:
            permissions, text = lists.OBJECT_PERMISSIONS.get(right), info.acl
        if permissions is None or not text:
            return False
        groups = _NOBODYS if self._caller.anonymous else _SIGNED
        if named or self._switched_on(IGNORE_PUBLIC_ACLS):
            groups = _NONE
        return lists.gives(text, permissions, self._caller.owner_id, groups)

    def _is_foreign(self, right: str, info: ObjectInfo) -> bool:
        """Whether the right hangs on an object that does not belong to the bucket's owner."""
        bucket = self._bucket
        return (
            right in HANGS_ON_OBJECT
            and bucket is not None
            and info.owner_id not in ("", bucket.owner_id)
            and bucket.settings.ownership != ENFORCED
        )

    def _switched_on(self, switch: str) -> bool:
        return self._bucket is not None and switch in (self._bucket.settings.public_access_block or ())

    def _own_policies(self) -> list[Policy]:
        return [user_policy(text) for text in self._caller.policies]

    def _bucket_policy(self) -> Policy | None:
        text = self._bucket.settings.policy if self._bucket is not None else ""
        return bucket_policy(text) if text else None
