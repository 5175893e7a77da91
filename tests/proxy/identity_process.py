"""A process that tests drive (see tests.actor), for what it knows of users and keys."""

from __future__ import annotations

import threading
from typing import Any

from tests import actor

from django.db import connection  # isort: skip
from proxy import afterwards, attachments, guesses, identity, keys, records, users  # isort: skip
from proxy.errors import SlowDown  # isort: skip
from proxy.models import AccessKey, FailedSignIn, Group, User  # isort: skip

SECRET = "secret-of-a-test"
POLICY = '{"Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}'

_reads: list[str] = []
_find_identity = records.find_identity


def _counted(access_key: str) -> Any:
    _reads.append(access_key)
    return _find_identity(access_key)


identity.find_identity = _counted  # type: ignore[attr-defined]


def make(name: str, access_key: str) -> str:
    """A user with one key; the canonical id."""
    user = users.create_user(name)
    keys.create_key(user, access_key, SECRET)
    return user.owner_id


def identified(access_key: str) -> list[Any] | None:
    """Name, secret and number of policies."""
    found = identity.identify(access_key)
    if found is None:
        return None
    caller, secret = found
    return [caller.name, secret, len(caller.policies)]


def reads() -> int:
    """How often a key was read from the database since the last question."""
    number = len(_reads)
    _reads.clear()
    return number


def switch_key(access_key: str, enabled: bool) -> bool:
    return keys.set_enabled(access_key, enabled)


def switch_user(name: str, enabled: bool) -> None:
    users.set_enabled(users.user_named(name), enabled)


def replace_secret(access_key: str, secret: str) -> None:
    sealed = keys.seal(secret.encode(), b"access key " + access_key.encode())
    AccessKey.objects.filter(pk=access_key).update(sealed_secret=sealed)


def attach(name: str) -> None:
    attachments.attach(users.user_named(name), "read", POLICY)


def detach(name: str) -> None:
    attachments.detach(users.user_named(name), "read")


def join(name: str, group: str) -> None:
    Group.objects.get(name=group).members.add(User.objects.get(name=name))


def leave_group(name: str, group: str) -> None:
    Group.objects.get(name=group).members.remove(User.objects.get(name=name))


def make_group(name: str) -> None:
    attachments.attach(attachments.create_group(name), "read", POLICY)


def execute(statement: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.rowcount


def fail(bucket: str, times: int, now: float) -> None:
    """Count wrong signatures, and wait until they are noted."""
    for _ in range(times):
        guesses.failed(bucket, now)
    settle()


def forgive(bucket: str) -> None:
    guesses.forgive(bucket)
    settle()


def limited(bucket: str, now: float) -> int:
    """The seconds to wait, 0 if there is no need to."""
    try:
        guesses.check(bucket, now)
    except SlowDown as error:
        return int(error.headers["Retry-After"])
    return 0


def names() -> list[str]:
    """Of all users, in the order in which they were made."""
    return list(User.objects.order_by("id").values_list("name", flat=True))


def facts(name: str) -> dict[str, Any]:
    """What a user is and has."""
    user = users.user_named(name)
    return {
        "owner_id": user.owner_id,
        "root": user.root,
        "policies": [policy.text for policy in user.policies.all()],
        "buckets": users.owned_buckets(user),
    }


def rows() -> list[str]:
    """The buckets that all processes share."""
    return list(FailedSignIn.objects.values_list("id", flat=True))


def use(access_key: str, now: float) -> str | None:
    """Note a use; what is then known of the last one."""
    keys.note_use(access_key, now)
    settle()
    at = AccessKey.objects.get(pk=access_key).last_used
    return at.isoformat() if at else None


def settle() -> None:
    done = threading.Event()
    assert afterwards.later(done.set)
    assert done.wait(20)


for function in (
    *(make, identified, reads, switch_key, switch_user, replace_secret, attach, detach, join, leave_group),
    *(make_group, execute, fail, forgive, limited, names, facts, rows, use),
):
    actor._COMMANDS[function.__name__] = function

if __name__ == "__main__":
    actor.main()
