"""Who a key, a name, a canonical id and a login mean; and that a change of it counts at once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.models import User as Login
from django.db import transaction
from pytest_django import Settings

from proxy import attachments, identity, keys, users
from proxy.models import AccessKey
from proxy.models import User as S3User
from tests.proxy.identity_process import POLICY, SECRET
from tests.sites import GATEWAY_ALONE, Actor, Site

KEY = "SGALICE"


def _process(site: Site) -> Actor:
    actor = Actor(site.start("tests.proxy.identity_process", **GATEWAY_ALONE))
    actor.receive()
    return actor


# -- in one process -------------------------------------------------------------------------


@pytest.fixture
def alice(db: None, settings: Settings) -> S3User:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # a fast one
    user = users.create_user("alice")
    keys.create_key(user, KEY, SECRET)
    return user


def test_a_key_means_its_user_with_all_policies(alice: S3User) -> None:
    readers = attachments.create_group("readers")
    readers.members.add(alice)
    attachments.attach(readers, "of-the-group", POLICY)
    attachments.attach(alice, "own", POLICY.replace("Get", "Put"))
    caller, secret = identity.identify(KEY) or pytest.fail("not found")
    assert (caller.name, caller.owner_id, caller.access_key) == ("alice", alice.owner_id, KEY)
    assert (caller.root, caller.creates_buckets, secret) == (False, True, SECRET)
    assert sorted(caller.policies) == sorted([POLICY, POLICY.replace("Get", "Put")])


@pytest.mark.parametrize("change", [{"enabled": False}, {"user__enabled": False}])
def test_a_disabled_key_and_one_of_a_disabled_user_are_as_unknown(alice: S3User, change: Any) -> None:
    assert identity.identify("SGNOBODY") is None
    if "enabled" in change:
        keys.set_enabled(KEY, False)
    else:
        users.set_enabled(alice, False)
    assert identity.identify(KEY) is None


def test_a_key_ends_at_its_time(alice: S3User) -> None:
    at = datetime(2030, 1, 1, 12, 30, 15, 500_000, tzinfo=UTC)
    keys.create_key(alice, "SGSHORT", SECRET, expires=at)
    assert identity.identify("SGSHORT", at.timestamp() - 0.001)
    assert identity.identify("SGSHORT", at.timestamp()) is None


def test_a_user_is_meant_by_name_by_canonical_id_and_by_arn(alice: S3User) -> None:
    meant = (
        "alice",
        alice.owner_id,
        "arn:aws:iam::123456789012:user/alice",
        "arn:aws:iam:::user/division/alice",
        f"arn:aws:iam:::user/{alice.owner_id}",
    )
    assert {identity.owner_of(text) for text in meant} == {alice.owner_id}
    for nobody in ("bob", "f" * 64, "arn:aws:iam:::user/bob", "arn:aws:iam::1:root", "", "alice ", "*"):
        assert identity.owner_of(nobody) is None
    assert identity.name_of(alice.owner_id) == "alice"
    assert identity.name_of("f" * 64) == ""
    assert identity.exists(alice.owner_id) and not identity.exists("f" * 64)


def test_a_name_that_looks_like_a_canonical_id_does_not_take_its_owners_place(alice: S3User) -> None:
    users.create_user(alice.owner_id)
    assert identity.owner_of(alice.owner_id) == alice.owner_id


def test_a_user_is_a_caller_without_a_key_while_enabled(alice: S3User) -> None:
    attachments.attach(alice, "own", POLICY)
    caller = identity.caller_named("alice") or pytest.fail("not found")
    assert (caller.owner_id, caller.access_key, caller.policies) == (alice.owner_id, "", (POLICY,))
    users.set_enabled(alice, False)
    assert identity.caller_named("alice") is None
    assert identity.caller_named("bob") is None


def test_a_login_means_its_user(alice: S3User) -> None:
    users.set_password(alice, "correct horse battery")
    login = Login.objects.get(username="alice")
    caller = identity.caller_of_login(login) or pytest.fail("not found")
    assert caller.owner_id == alice.owner_id and not caller.root
    users.set_enabled(alice, False)
    assert identity.caller_of_login(login) is None
    assert identity.caller_of_login(Login.objects.create_user("stranger")) is None
    assert identity.caller_of_login(AnonymousUser()) is None


def test_an_administrator_of_the_console_is_root(alice: S3User) -> None:
    admin = Login.objects.create_superuser("admin")
    assert identity.caller_of_login(admin) is None
    keys.ensure_root_key("SGROOT", SECRET)
    caller = identity.caller_of_login(admin) or pytest.fail("not found")
    assert caller.root and caller.name == keys.ROOT
    admin.is_active = False
    assert identity.caller_of_login(admin) is None


def test_the_last_use_is_noted_once_a_minute(alice: S3User, monkeypatch: pytest.MonkeyPatch) -> None:
    noted: list[float] = []
    monkeypatch.setattr(keys, "later", lambda note: noted.append(note()))
    monkeypatch.setattr(keys, "_noted", {})
    for at in (0, 1, 59, 60, 100, 120):
        keys.note_use(KEY, 1_000_000_000.0 + at)
    assert noted == [True, True, True]
    used = AccessKey.objects.get(pk=KEY).last_used
    assert used is not None and used.timestamp() == 1_000_000_120
    assert not keys.write_use(KEY, 1_000_000_179.0), "another process has noted it just now"
    assert keys.write_use(KEY, 1_000_000_180.0)


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_was_never_known() -> None:
    keys.create_key(users.create_user("alice"), KEY, SECRET)
    assert identity.identify(KEY)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        AccessKey.objects.filter(pk=KEY).update(enabled=False)
        assert identity.identify(KEY) is None
        _ = 1 // 0
    assert identity.identify(KEY)
    AccessKey.objects.filter(pk=KEY).update(enabled=False)
    assert identity.identify(KEY) is None


# -- in several ------------------------------------------------------------------------------

KNOWN = ["alice", SECRET, 0]
CHANGES: list[tuple[dict[str, Any], Any]] = [
    ({"do": "switch_key", "access_key": KEY, "enabled": False}, None),
    ({"do": "switch_key", "access_key": KEY, "enabled": True}, KNOWN),
    ({"do": "switch_user", "name": "alice", "enabled": False}, None),
    ({"do": "switch_user", "name": "alice", "enabled": True}, KNOWN),
    ({"do": "attach", "name": "alice"}, ["alice", SECRET, 1]),
    ({"do": "detach", "name": "alice"}, KNOWN),
    ({"do": "make_group", "name": "readers"}, KNOWN),
    ({"do": "join", "name": "alice", "group": "readers"}, ["alice", SECRET, 1]),
    ({"do": "leave_group", "name": "alice", "group": "readers"}, KNOWN),
    ({"do": "replace_secret", "access_key": KEY, "secret": "another-one"}, ["alice", "another-one", 0]),
    ({"do": "execute", "statement": "UPDATE proxy_user SET name = 'eve'"}, ["eve", "another-one", 0]),
    ({"do": "execute", "statement": "DELETE FROM proxy_accesskey"}, None),
]


def test_a_change_counts_in_every_process_from_the_next_request_on(site: Site) -> None:
    operator, web = _process(site), _process(site)
    operator.call("make", name="alice", access_key=KEY)
    for one in (web, operator):
        assert [one.call("identified", access_key=KEY) for _ in range(3)] == [KNOWN] * 3
        assert one.call("reads") == 1, "it is read once until something changes"
    operator.call("make_bucket", name="another-table")
    assert operator.call("use", access_key=KEY, now=1_000_000_000.0)
    for one in (web, operator):
        assert one.call("identified", access_key=KEY) == KNOWN
        assert one.call("reads") == 0, "these are no changes of who is who"
    for change, expected in CHANGES:
        operator.call(**change)
        assert [one.call("identified", access_key=KEY) for one in (web, operator)] == [expected] * 2, change
