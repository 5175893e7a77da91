"""Access keys: made, found, changed and switched off."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pytest_django import Settings

from proxy import crypto, identity, keys, users
from proxy.errors import InvalidArgument
from proxy.models import AccessKey, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice(db: None) -> User:
    return users.create_user("alice")


def _secret(access_key: str) -> str | None:
    found = identity.identify(access_key)
    return None if found is None else found[1]


def test_generated_keys_look_like_those_that_clients_know(alice: User) -> None:
    access_key, secret = keys.create_key(alice)
    assert len(access_key) == 20 and access_key.isalnum() and access_key.isupper()
    assert len(secret) == 40
    assert _secret(access_key) == secret


def test_a_user_has_several_keys_and_another_user_another_owner_id(alice: User) -> None:
    made = [
        keys.create_key(alice)[0],
        keys.create_key(alice)[0],
        keys.create_key(users.create_user("bob"))[0],
    ]
    one, two, other = ((identity.identify(key) or pytest.fail(key))[0].owner_id for key in made)
    assert one == two != other
    assert {len(one), len(other)} == {64}


def test_the_secret_is_nowhere_in_the_row(alice: User) -> None:
    access_key, secret = keys.create_key(alice)
    assert secret.encode() not in bytes(AccessKey.objects.get(pk=access_key).sealed_secret)


@pytest.mark.parametrize("access_key", ["ab", "a" * 129, "a/b", "a,b", "a b", "ä" * 5, "a=b", "a\n"])
def test_a_malformed_access_key_is_refused(alice: User, access_key: str) -> None:
    with pytest.raises(InvalidArgument):
        keys.create_key(alice, access_key, "long-enough")


@pytest.mark.parametrize("secret", ["short", "with space", "x" * 129, "nul\0nul\0", "ümlaut-ümlaut"])
def test_a_malformed_secret_is_refused(alice: User, secret: str) -> None:
    with pytest.raises(InvalidArgument):
        keys.create_key(alice, "SGEXAMPLE", secret)


def test_an_existing_access_key_is_refused_and_stays_as_it_was(alice: User) -> None:
    keys.create_key(alice, "SGEXAMPLE", "first-secret")
    with pytest.raises(InvalidArgument, match="exists"):
        keys.create_key(users.create_user("bob"), "SGEXAMPLE", "second-secret")
    assert _secret("SGEXAMPLE") == "first-secret"


def test_ensuring_the_root_key_makes_the_user_changes_the_secret_at_once_and_keeps_the_owner() -> None:
    assert keys.ensure_root_key("SGROOT", "first-secret")
    assert not keys.ensure_root_key("SGROOT", "first-secret")
    assert _secret("SGROOT") == "first-secret"
    assert keys.ensure_root_key("SGROOT", "second-secret")
    assert _secret("SGROOT") == "second-secret"
    assert keys.ensure_root_key("SGOTHER", "third-secret"), "another key of the same user"
    assert [(user.name, user.root) for user in User.objects.all()] == [("root", True)]


def test_ensuring_a_root_key_that_is_disabled_or_has_ended_brings_it_back() -> None:
    keys.ensure_root_key("SGROOT", "first-secret")
    long_ago = datetime.now(UTC) - timedelta(days=1)
    for change in ({"enabled": False}, {"expires": long_ago}):
        AccessKey.objects.filter(pk="SGROOT").update(**change)
        assert _secret("SGROOT") is None
        assert keys.ensure_root_key("SGROOT", "first-secret")
        assert _secret("SGROOT") == "first-secret"


def test_the_key_of_somebody_else_does_not_become_the_root_key(alice: User) -> None:
    keys.create_key(alice, "SGALICE", "first-secret")
    with pytest.raises(InvalidArgument, match="belongs to alice"):
        keys.ensure_root_key("SGALICE", "first-secret")


def test_a_deleted_key_is_gone(alice: User) -> None:
    keys.create_key(alice, "SGALICE", "first-secret")
    assert keys.delete_key("SGALICE")
    assert _secret("SGALICE") is None
    assert not keys.delete_key("SGALICE")


def test_a_secret_of_another_master_key_is_an_error_even_if_it_was_opened_before(
    alice: User, settings: Settings
) -> None:
    access_key, secret = keys.create_key(alice)
    assert _secret(access_key) == secret
    assert keys.unreadable_keys() == []
    settings.MASTER_KEY = "another"
    with pytest.raises(crypto.WrongKey):
        identity.identify(access_key)
    assert keys.unreadable_keys() == [access_key]


def test_secrets_are_sealed_anew_with_the_newest_master_key_once(alice: User, settings: Settings) -> None:
    access_key, secret = keys.create_key(alice)
    old = settings.MASTER_KEY
    settings.MASTER_KEY = f"{old},newest"
    newer, _ = keys.create_key(alice)
    kept = bytes(AccessKey.objects.get(pk=newer).sealed_secret)
    assert (keys.reseal(), keys.reseal()) == (1, 0)
    assert bytes(AccessKey.objects.get(pk=newer).sealed_secret) == kept
    settings.MASTER_KEY = "newest"
    assert _secret(access_key) == secret


def test_a_secret_that_does_not_open_does_not_keep_the_others_from_being_sealed_anew(
    alice: User, settings: Settings
) -> None:
    old = settings.MASTER_KEY
    settings.MASTER_KEY = "of somebody else"
    lost, _ = keys.create_key(alice, "SGAAA")
    settings.MASTER_KEY = old
    good, _ = keys.create_key(alice, "SGZZZ")
    settings.MASTER_KEY = f"{old},newest"
    with pytest.raises(crypto.WrongKey):
        keys.reseal()
    settings.MASTER_KEY = "newest"
    assert keys.unreadable_keys() == [lost]
    assert good


def test_a_sealed_secret_does_not_open_in_the_row_of_another_key(alice: User) -> None:
    keys.create_key(alice, "SGONE", "first-secret")
    keys.create_key(alice, "SGTWO", "second-secret")
    AccessKey.objects.filter(pk="SGTWO").update(sealed_secret=AccessKey.objects.get(pk="SGONE").sealed_secret)
    with pytest.raises(crypto.WrongKey):
        identity.identify("SGTWO")
