"""Users, keys, groups and policies from the command line."""

from __future__ import annotations

import io
import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import User as Login
from django.core.management import CommandError, call_command
from pytest_django import Settings

from proxy import identity
from proxy.attachments import MAX_POLICIES, MAX_POLICY_BYTES
from proxy.models import Bucket, Policy, User

pytestmark = pytest.mark.django_db

READ = json.dumps({"Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]})


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Any:
    """Runs a command; what it printed. `stdin` is what it can read."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # a fast one

    def run(*words: str, stdin: str = "") -> str:
        out = io.StringIO()
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        call_command(*words, stdout=out, stderr=io.StringIO())
        return out.getvalue()

    return run


def _secret(access_key: str) -> str | None:
    found = identity.identify(access_key)
    return None if found is None else found[1]


# -- keys --------------------------------------------------------------------------------


def test_a_key_is_made_with_its_user_who_may_create_buckets(run: Any) -> None:
    made = json.loads(run("keys", "create", "alice", "--json"))
    assert sorted(made) == ["access_key", "secret_key"]
    caller, secret = identity.identify(made["access_key"]) or pytest.fail("not found")
    assert (caller.name, caller.creates_buckets, caller.root, secret) == (
        *("alice", True, False),
        made["secret_key"],
    )
    again = json.loads(run("keys", "create", "alice", "--json"))
    assert again["access_key"] != made["access_key"]
    assert User.objects.count() == 1


def test_a_secret_is_shown_once_in_plain_words(run: Any) -> None:
    access_key, secret = (line.split(": ")[1] for line in run("keys", "create", "ops").splitlines())
    assert _secret(access_key) == secret
    assert secret not in run("keys", "list") + run("keys", "list", "--json") + run("users", "show", "ops")


def test_a_shell_evaluates_a_new_key_into_its_environment(run: Any) -> None:
    line = run("keys", "create", "alice", "--export")
    script = f'{line}\nprintf "%s %s" "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY"'
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    access_key, secret = done.stdout.split()
    assert _secret(access_key) == secret


def test_a_key_of_ones_own_is_taken_from_standard_input(run: Any) -> None:
    words = ("keys", "create", "alice", "--access-key", "ALICE", "--secret-key-stdin")
    run(*words, stdin="a-secret-of-ones-own\n")
    assert _secret("ALICE") == "a-secret-of-ones-own"
    with pytest.raises(CommandError, match="exists already"):
        run(*words, stdin="another-secret")
    with pytest.raises(CommandError, match="no secret"):
        run(*words)


def test_a_refused_key_makes_no_user(run: Any) -> None:
    with pytest.raises(CommandError, match="printable"):
        run("keys", "create", "alice", "--secret-key-stdin", stdin="short")
    assert not User.objects.exists()


@pytest.mark.parametrize(("text", "days"), [("90d", 90.0), ("12h", 0.5), ("30m", 1 / 48)])
def test_a_key_ends_after_a_span(run: Any, text: str, days: float) -> None:
    run("keys", "create", "alice", "--expires", text)
    (row,) = json.loads(run("keys", "list", "--json"))["access_keys"]
    left = datetime.fromisoformat(row["expires"]) - datetime.now(UTC)
    assert abs(left - timedelta(days=days)) < timedelta(minutes=1)


def test_a_key_ends_at_a_date(run: Any) -> None:
    run("keys", "create", "alice", "--expires", "2999-12-31")
    assert json.loads(run("keys", "list", "--json"))["access_keys"][0]["expires"] == "2999-12-31T00:00:00Z"


@pytest.mark.parametrize("text", ["1999-01-01", "soon", "0d", "-1d", "90", "9999999d", "99999999999999999d"])
def test_an_end_that_is_none_is_refused(run: Any, text: str) -> None:
    with pytest.raises(CommandError, match="expires"):
        run("keys", "create", "alice", f"--expires={text}")
    assert not User.objects.exists()


def test_keys_are_listed_disabled_enabled_and_deleted(run: Any) -> None:
    made = json.loads(run("keys", "create", "alice", "--json"))
    run("keys", "create", "bob")
    key = made["access_key"]
    (row,) = json.loads(run("keys", "list", "--user", "alice", "--json"))["access_keys"]
    assert (row["access_key"], row["user"], row["disabled"], row["last_used"]) == (key, "alice", False, None)
    run("keys", "disable", key)
    assert _secret(key) is None
    assert "disabled" in run("keys", "list")
    run("keys", "enable", key)
    assert _secret(key) == made["secret_key"]
    run("keys", "delete", key)
    assert key not in run("keys", "list")
    for action in ("disable", "enable", "delete"):
        with pytest.raises(CommandError, match="no access key"):
            run("keys", action, key)


def test_a_root_key_is_of_a_root_user_only(run: Any) -> None:
    made = json.loads(run("keys", "create", "operator", "--root", "--json"))
    assert (identity.identify(made["access_key"]) or pytest.fail("not found"))[0].root
    run("users", "create", "alice")
    with pytest.raises(CommandError, match="not a root user"):
        run("keys", "create", "alice", "--root")


def test_a_missing_master_key_is_explained(run: Any, settings: Settings) -> None:
    settings.MASTER_KEY = ""
    with pytest.raises(CommandError, match="SLUICEGATE_MASTER_KEY is not set"):
        run("keys", "create", "ops")


# -- users ---------------------------------------------------------------------------------


def test_a_user_is_made_shown_and_listed(run: Any) -> None:
    made = json.loads(run("users", "create", "bob", "--no-buckets", "--json"))
    assert (made["name"], made["creates_buckets"], len(made["owner_id"])) == ("bob", False, 64)
    run("groups", "create", "readers")
    run("groups", "add", "readers", "bob")
    run("policies", "attach", "--user", "bob", "read", "-", stdin=READ)
    _bucket("photos", made["owner_id"])
    shown = json.loads(run("users", "show", "bob", "--json"))
    assert (shown["groups"], shown["policies"], shown["buckets"]) == (["readers"], ["read"], ["photos"])
    assert "no buckets" in run("users", "list")
    assert "photos" in run("users", "show", "bob")
    with pytest.raises(CommandError, match="exists already"):
        run("users", "create", "bob")


@pytest.mark.parametrize("name", ["", "a b", "ä", "a/b", "x" * 65, "a\n"])
def test_a_user_has_a_name_as_in_iam(run: Any, name: str) -> None:
    with pytest.raises(CommandError, match="name of a user"):
        run("users", "create", name)


def test_a_disabled_user_can_do_nothing_until_enabled(run: Any) -> None:
    key = json.loads(run("keys", "create", "alice", "--json"))["access_key"]
    run("users", "password", "alice", stdin="correct horse battery\n")
    run("users", "disable", "alice")
    assert _secret(key) is None
    assert authenticate(username="alice", password="correct horse battery") is None
    run("users", "enable", "alice")
    assert _secret(key)
    assert authenticate(username="alice", password="correct horse battery")


def test_a_password_lets_a_user_sign_in_to_the_console_as_no_administrator(run: Any) -> None:
    run("users", "create", "alice", "--password-stdin", stdin="correct horse battery\n")
    login = authenticate(username="alice", password="correct horse battery")
    assert isinstance(login, Login) and not (login.is_staff or login.is_superuser)
    run("users", "password", "alice", stdin="battery staple horse")
    assert authenticate(username="alice", password="correct horse battery") is None


@pytest.mark.parametrize("password", ["short", "12345678901", "password"])
def test_a_simple_password_is_refused_and_leaves_nothing(run: Any, password: str) -> None:
    with pytest.raises(CommandError):
        run("users", "create", "alice", "--password-stdin", stdin=password)
    assert not User.objects.exists() and not Login.objects.exists()


def test_the_console_account_of_somebody_else_is_not_taken_over(run: Any) -> None:
    Login.objects.create_superuser("admin", password="correct horse battery")
    run("users", "create", "admin")
    with pytest.raises(CommandError, match="another account"):
        run("users", "password", "admin", stdin="battery staple horse")


def test_a_user_who_owns_buckets_is_not_deleted(run: Any) -> None:
    made = json.loads(run("users", "create", "alice", "--json"))
    key = json.loads(run("keys", "create", "alice", "--json"))["access_key"]
    run("users", "password", "alice", stdin="correct horse battery")
    for number in range(12):
        _bucket(f"bucket-{number:02}", made["owner_id"])
    with pytest.raises(CommandError, match=r"bucket-00, .*bucket-09 and 2 more"):
        run("users", "delete", "alice")
    assert _secret(key)
    Bucket.objects.all().delete()
    run("users", "delete", "alice")
    assert _secret(key) is None
    assert not Login.objects.exists()
    for action in ("show", "disable", "enable", "delete"):
        with pytest.raises(CommandError, match="no user alice"):
            run("users", action, "alice")


def test_root_is_neither_disabled_nor_deleted(run: Any) -> None:
    run("keys", "create", "root", "--root")
    for action in ("disable", "delete"):
        with pytest.raises(CommandError, match="root user"):
            run("users", action, "root")


def _bucket(name: str, owner_id: str) -> None:
    Bucket.objects.create(
        name=name, owner_id=owner_id, created_ms=1, backend="local", place_id="p", real_bucket=name
    )


# -- groups and policies -----------------------------------------------------------------------


def test_members_of_a_group_have_its_policies(run: Any, tmp_path: Path) -> None:
    key = json.loads(run("keys", "create", "alice", "--json"))["access_key"]
    (tmp_path / "read.json").write_text(READ)
    run("groups", "create", "readers")
    run("policies", "attach", "--group", "readers", "read", str(tmp_path / "read.json"))

    def policies() -> tuple[str, ...]:
        return (identity.identify(key) or pytest.fail("not found"))[0].policies

    assert policies() == ()
    run("groups", "add", "readers", "alice")
    assert policies() == (READ,)
    assert json.loads(run("groups", "list", "--json")) == [
        {"name": "readers", "members": ["alice"], "policies": ["read"]}
    ]
    assert "readers" in run("groups", "list")
    run("groups", "remove", "readers", "alice")
    assert policies() == ()
    run("groups", "add", "readers", "alice")
    run("groups", "delete", "readers")
    assert policies() == () and not Policy.objects.exists()


def test_a_policy_is_replaced_shown_listed_and_detached(run: Any) -> None:
    run("users", "create", "alice")
    of_alice = ("--user", "alice", "read")
    run("policies", "attach", *of_alice, "-", stdin=READ)
    put = READ.replace("Get", "Put")
    run("policies", "attach", *of_alice, "-", stdin=put)
    assert run("policies", "show", *of_alice).strip() == put
    row = {"policy": "read", "user": "alice", "group": ""}
    assert json.loads(run("policies", "list", "--json")) == [row]
    assert json.loads(run("policies", "list", "--user", "alice", "--json")) == [row]
    assert "alice" in run("policies", "list")
    run("policies", "detach", *of_alice)
    for action in ("detach", "show"):
        with pytest.raises(CommandError, match="no policy read"):
            run("policies", action, *of_alice)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"Statement": []}',
        '{"Statement": [{"Effect": "Perhaps"}]}',
        READ[:-1] + " " * MAX_POLICY_BYTES + "}",
    ],
)
def test_what_is_no_policy_is_refused(run: Any, text: str) -> None:
    run("users", "create", "alice")
    with pytest.raises(CommandError):
        run("policies", "attach", "--user", "alice", "read", "-", stdin=text)
    assert not Policy.objects.exists()


def test_a_user_has_so_many_policies_and_no_more(run: Any) -> None:
    run("users", "create", "alice")
    for number in range(MAX_POLICIES):
        run("policies", "attach", "--user", "alice", f"p{number}", "-", stdin=READ)
    with pytest.raises(CommandError, match="cannot have more"):
        run("policies", "attach", "--user", "alice", "one-more", "-", stdin=READ)
    run("policies", "attach", "--user", "alice", "p0", "-", stdin=READ)


@pytest.mark.parametrize(
    "words",
    [
        ("groups", "add", "nobodies", "alice"),
        ("groups", "delete", "nobodies"),
        ("policies", "attach", "--group", "nobodies", "read", "-"),
        ("policies", "attach", "--user", "nobody", "read", "/nowhere"),
        ("keys", "list", "--user", "nobody"),
        ("groups", "create", "a b"),
    ],
)
def test_who_and_what_is_not_there_is_named(run: Any, words: tuple[str, ...]) -> None:
    with pytest.raises(CommandError, match=r"There is no|name of a group"):
        run(*words, stdin=READ)


def test_one_unknown_member_changes_nothing(run: Any) -> None:
    run("users", "create", "alice")
    run("groups", "create", "readers")
    with pytest.raises(CommandError, match="no user bob"):
        run("groups", "add", "readers", "alice", "bob")
    assert json.loads(run("groups", "list", "--json"))[0]["members"] == []


@pytest.mark.parametrize("command", ["keys", "users", "groups", "policies"])
def test_help_has_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        call_command(command, "--help")
    assert f"manage.py {command} create" in capsys.readouterr().out.replace("attach", "create")
