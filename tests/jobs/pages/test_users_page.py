"""Users and keys in the console: made, switched, seen; for administrators alone, and audited."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User as Account
from django.test import Client
from django.utils import timezone

from jobs.models import AuditEntry
from proxy import attachments, identity
from proxy.models import AccessKey, User
from tests.jobs.visitors import make_person
from tests.jobs.windows import logged_in, make_user, read


@pytest.fixture
def root(site: None) -> Client:
    return logged_in(Account.objects.create_superuser("chief", password="x"))


def page(client: Client, name: str, **form: object) -> str:
    return client.post(f"/_/users/{name}/", form, follow=True).content.decode()


def test_a_user_is_made_with_a_key_whose_secret_is_shown_once(root: Client) -> None:
    assert b"No user yet" in read(root, "/_/users/")
    form = {"name": "scanner", "password": "", "creates_buckets": "on"}
    assert root.post("/_/users/", form)["Location"] == "/_/users/scanner/"
    made = page(root, "scanner", deed="create-key", expires_days="30")
    key = AccessKey.objects.get(user__name="scanner")
    secret = re.search(r'id="made-secret-key">([^<]+)<', made)
    assert secret is not None and key.expires is not None
    found = identity.identify(key.access_key)
    assert found is not None and found[1] == secret[1]
    again = read(root, "/_/users/scanner/").decode()
    assert key.access_key in again and secret[1] not in again
    trail = AuditEntry.objects.filter(actor="chief").order_by("pk")
    assert [entry.action for entry in trail] == ["user-create", "key-create"]
    assert secret[1] not in str([entry.detail for entry in trail])


def test_users_and_keys_are_switched_off_at_once(root: Client) -> None:
    person = make_person()
    page(root, "alice", deed="create-key")
    key = AccessKey.objects.get(user=person)
    AccessKey.objects.update(last_used=timezone.now())
    assert "just now" in read(root, "/_/users/alice/").decode()
    page(root, "alice", deed="switch-key", access_key=key.access_key, enabled="0")
    assert identity.identify(key.access_key) is None
    page(root, "alice", deed="switch-key", access_key=key.access_key, enabled="1")
    assert identity.identify(key.access_key) is not None
    assert "disabled" in page(root, "alice", deed="switch-user", enabled="0")
    assert identity.identify(key.access_key) is None and not User.objects.get(name="alice").enabled


def test_groups_and_password_are_set(root: Client) -> None:
    person = make_person()
    for name in ("readers", "editors"):
        attachments.create_group(name)
    page(root, "alice", deed="set-groups", group=["readers", "editors"])
    page(root, "alice", deed="set-groups", group=["editors"])
    assert [group.name for group in person.groups.all()] == ["editors"]
    assert "not there any more" in page(root, "alice", deed="set-groups", group=["gone"])
    page(root, "alice", deed="set-password", password="another long sentence")
    assert Client().login(username="alice", password="another long sentence")


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"name": "a b"}, "The name of a user"),
        ({"name": "alice"}, "exists already"),
        ({"name": "bob", "password": "123"}, "too short"),
    ],
)
def test_a_user_that_cannot_be_is_refused_and_nothing_is_made(
    root: Client, form: dict[str, str], words: str
) -> None:
    make_person()
    answer = root.post("/_/users/", form)
    assert answer.status_code == 400 and words in answer.content.decode()
    assert User.objects.count() == 1 and not Account.objects.filter(username="bob").exists()


@pytest.mark.parametrize("form", [{"deed": "create-key", "expires_days": "0"}, {"deed": "x"}, {}])
def test_a_wrong_form_changes_nothing(root: Client, form: dict[str, str]) -> None:
    make_person()
    assert root.post("/_/users/alice/", form).status_code == 400
    assert not AccessKey.objects.exists()


def test_only_administrators_see_users(site: None) -> None:
    make_person()
    operator = logged_in(make_user())
    assert operator.get("/_/jobs/").status_code == 200
    assert operator.get("/_/users/").status_code == 403
    assert operator.post("/_/users/", {"name": "mine"}).status_code == 403
    assert operator.post("/_/users/alice/", {"deed": "create-key"}).status_code == 403
    assert not AccessKey.objects.exists() and User.objects.count() == 1
    assert "/_/users/" not in operator.get("/_/jobs/").content.decode()
