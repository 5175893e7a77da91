"""Groups, and policies attached to users and groups."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from proxy.access.grammar import user_policy
from proxy.errors import InvalidArgument
from proxy.models import Group, Policy, User
from proxy.users import check_name

MAX_POLICY_BYTES = 20 * 1024
"""Of one policy, as of a bucket's. Source: Amazon S3 User Guide, "Bucket policies"."""
MAX_POLICIES = 20
"""Of one user or group. Each request of the user weighs all of them."""


def create_group(name: str) -> Group:
    """Make a group without members. Raises InvalidArgument for a bad or taken name."""
    check_name(name, "group")
    try:
        with transaction.atomic():
            return Group.objects.create(name=name)
    except IntegrityError:
        raise InvalidArgument(f"The group {name} exists already.") from None


def group_named(name: str) -> Group:
    """Raises InvalidArgument if there is no such group."""
    group = Group.objects.filter(name=name).first()
    if group is None:
        raise InvalidArgument(f"There is no group {name}.")
    return group


def attach(owner: User | Group, name: str, text: str) -> Policy:
    """Attach a policy, or replace the one of that name, from the next request on.

    `text` is JSON in the grammar of AWS, at most MAX_POLICY_BYTES. Raises InvalidArgument,
    MalformedPolicy.
    """
    check_name(name, "policy")
    check_policy(text)
    with transaction.atomic():
        others = owner.policies.exclude(name=name).count()
        if others >= MAX_POLICIES:
            raise InvalidArgument(f"{owner.name} has {others} policies, and cannot have more.")
        policy, _ = owner.policies.update_or_create(name=name, defaults={"text": text})
    return policy


def detach(owner: User | Group, name: str) -> None:
    """Take a policy away, from the next request on. Raises InvalidArgument if it is not there."""
    policy_of(owner, name).delete()


def policy_of(owner: User | Group, name: str) -> Policy:
    """Raises InvalidArgument if there is no such policy."""
    policy = owner.policies.filter(name=name).first()
    if policy is None:
        raise InvalidArgument(f"{owner.name} has no policy {name}.")
    return policy


def check_policy(text: str) -> None:
    """Raise InvalidArgument for a policy that is too large, MalformedPolicy for one that is none."""
    size = len(text.encode())
    if size > MAX_POLICY_BYTES:
        raise InvalidArgument(f"A policy has at most {MAX_POLICY_BYTES} bytes; this one has {size}.")
    user_policy(text)
