"""Access keys: made, found, changed and switched off, by function and by command."""

from __future__ import annotations

import io
import json

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from proxy import crypto, keys
from proxy.errors import InvalidArgument
from proxy.models import AccessKey

pytestmark = pytest.mark.django_db


def _secret(access_key: str) -> str | None:
    found = keys.secret_of(access_key)
    return None if found is None else found[1]


def _run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("keys", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def test_a_made_key_is_found_with_its_secret_and_an_owner_of_its_own() -> None:
    one, secret = keys.create_key(display_name="ops")
    two, _ = keys.create_key()
    record, found = keys.secret_of(one) or pytest.fail("not found")
    assert (found, record.access_key, record.display_name, record.root) == (secret, one, "ops", False)
    assert len(record.owner_id) == 64
    assert record.owner_id != AccessKey.objects.get(pk=two).owner_id


def test_generated_keys_look_like_those_that_clients_know() -> None:
    access_key, secret = keys.create_key()
    assert len(access_key) == 20 and access_key.isalnum() and access_key.isupper()
    assert len(secret) == 40


def test_the_secret_is_nowhere_in_the_row() -> None:
    access_key, secret = keys.create_key()
    assert secret.encode() not in bytes(AccessKey.objects.get(pk=access_key).sealed_secret)


def test_an_unknown_key_is_none() -> None:
    assert keys.secret_of("SGNOBODY") is None


@pytest.mark.parametrize("access_key", ["ab", "a" * 129, "a/b", "a,b", "a b", "ä" * 5, "a=b", "a\n"])
def test_a_malformed_access_key_is_refused(access_key: str) -> None:
    with pytest.raises(InvalidArgument):
        keys.create_key(access_key, "long-enough")


@pytest.mark.parametrize("secret", ["short", "with space", "x" * 129, "nul\0nul\0", "ümlaut-ümlaut"])
def test_a_malformed_secret_is_refused(secret: str) -> None:
    with pytest.raises(InvalidArgument):
        keys.create_key("SGEXAMPLE", secret)


def test_an_existing_access_key_is_refused_and_stays_as_it_was() -> None:
    keys.create_key("SGEXAMPLE", "first-secret")
    with pytest.raises(InvalidArgument, match="exists"):
        keys.create_key("SGEXAMPLE", "second-secret")
    assert _secret("SGEXAMPLE") == "first-secret"


def test_ensuring_a_key_makes_it_changes_its_secret_at_once_and_keeps_its_owner() -> None:
    assert keys.ensure_key("SGROOT", "first-secret", root=True, display_name="root")
    owner = AccessKey.objects.get(pk="SGROOT").owner_id
    assert not keys.ensure_key("SGROOT", "first-secret", root=True)
    assert _secret("SGROOT") == "first-secret"
    assert keys.ensure_key("SGROOT", "second-secret", root=True)
    assert _secret("SGROOT") == "second-secret"
    assert AccessKey.objects.get(pk="SGROOT").owner_id == owner


def test_ensuring_a_disabled_key_enables_it() -> None:
    keys.ensure_key("SGROOT", "first-secret")
    keys.set_enabled("SGROOT", False)
    assert _secret("SGROOT") is None
    assert keys.ensure_key("SGROOT", "first-secret")
    assert _secret("SGROOT") == "first-secret"


def test_a_secret_of_another_master_key_is_an_error_even_if_it_was_opened_before(
    settings: Settings,
) -> None:
    access_key, secret = keys.create_key()
    assert _secret(access_key) == secret
    assert keys.unreadable_keys() == []
    settings.MASTER_KEY = "another"
    with pytest.raises(crypto.WrongKey):
        keys.secret_of(access_key)
    assert keys.unreadable_keys() == [access_key]


def test_a_sealed_secret_does_not_open_in_the_row_of_another_key() -> None:
    keys.create_key("SGONE", "first-secret")
    keys.create_key("SGTWO", "second-secret")
    AccessKey.objects.filter(pk="SGTWO").update(sealed_secret=AccessKey.objects.get(pk="SGONE").sealed_secret)
    with pytest.raises(crypto.WrongKey):
        keys.secret_of("SGTWO")


def test_the_command_makes_lists_disables_and_enables_keys() -> None:
    made = json.loads(_run("create", "ops", "--json"))
    assert _secret(made["access_key"]) == made["secret_key"]
    assert made["secret_key"] not in _run("list")
    (row,) = json.loads(_run("list", "--json"))
    assert (row["access_key"], row["name"], row["disabled"]) == (made["access_key"], "ops", False)
    _run("disable", made["access_key"])
    assert _secret(made["access_key"]) is None
    assert _run("list").rstrip().endswith("disabled")
    _run("enable", made["access_key"])
    assert _secret(made["access_key"]) == made["secret_key"]


def test_the_command_shows_a_new_secret_once_in_plain_words() -> None:
    lines = _run("create", "ops").splitlines()
    access_key, secret = (line.split(": ")[1] for line in lines)
    assert _secret(access_key) == secret


def test_the_command_refuses_what_does_not_exist() -> None:
    with pytest.raises(CommandError, match="no access key"):
        _run("disable", "SGNOBODY")


def test_the_command_explains_a_missing_master_key(settings: Settings) -> None:
    settings.MASTER_KEY = ""
    with pytest.raises(CommandError, match="SLUICEGATE_MASTER_KEY is not set"):
        _run("create", "ops")
