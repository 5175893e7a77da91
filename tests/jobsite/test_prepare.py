"""The first start: what is made, with which modes, once, and by several processes at once."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from jobsite.first_start import make_credentials, make_secret, read_credentials, write_new

ROOT = Path(__file__).resolve().parents[2]
SHOW = """
import django; django.setup()
from django.conf import settings
from django.contrib.auth import get_user_model
from proxy.identity import identify
from proxy.models import AccessKey
for key in AccessKey.objects.filter(user__root=True):
    print("key", key.access_key, identify(key.access_key)[1])
for user in get_user_model().objects.all():
    print("user", user.username, user.is_superuser, user.check_password({password!r}))
print("secret", settings.SECRET_KEY, settings.MASTER_KEY)
"""


def _environ(home: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SLUICEGATE_")}
    return {**kept, "SLUICEGATE_HOME": str(home), "DJANGO_SETTINGS_MODULE": "jobsite.settings", **more}


def _python(*words: str, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *words]
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=100)


def _prepare(home: Path, **more: str) -> str:
    done = _python("manage.py", "prepare", environ=_environ(home, **more))
    assert done.returncode == 0, done.stderr
    return done.stdout


def _shown(home: Path, password: str = "", **more: str) -> list[list[str]]:
    done = _python("-c", SHOW.format(password=password), environ=_environ(home, **more))
    assert done.returncode == 0, done.stderr
    return [line.split() for line in done.stdout.splitlines()]


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_first_start_makes_everything_and_tells_it_once(tmp_path: Path) -> None:
    home = tmp_path / "home"
    told = _prepare(home)
    made = read_credentials(home / "credentials")
    assert all(value in told for value in made.values())
    files = ("credentials", "secret_key", "master_key", "db_key", "control.db")
    assert {_mode(home / name) for name in files} == {0o600}
    assert _mode(home) == 0o700
    assert _shown(home, made["SLUICEGATE_ADMIN_PASSWORD"]) == [
        ["key", made["AWS_ACCESS_KEY_ID"], made["AWS_SECRET_ACCESS_KEY"]],
        ["user", "admin", "True", "True"],
        ["secret", *(make_secret(home / name) for name in ("secret_key", "master_key"))],
    ]
    before = _shown(home)
    assert _prepare(home) == ""
    assert _shown(home) == before


def test_what_the_environment_gives_is_used_and_not_written_down(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("a-secret-of-the-operator\n")
    given = {
        "SLUICEGATE_ROOT_ACCESS_KEY": "operator",
        "SLUICEGATE_ROOT_SECRET_KEY_FILE": str(secret),
        "SLUICEGATE_ADMIN_PASSWORD": "correct horse",
        "SLUICEGATE_SECRET_KEY": "s" * 50,
        "SLUICEGATE_MASTER_KEY": "ab" * 32,
        "SLUICEGATE_DB_KEY": "a long text instead of digits",
    }
    home = tmp_path / "home"
    assert _prepare(home, **given) == ""
    files = ("credentials", "secret_key", "master_key", "db_key")
    assert not [name for name in files if (home / name).exists()]
    assert _shown(home, "correct horse", **given) == [
        ["key", "operator", "a-secret-of-the-operator"],
        ["user", "admin", "True", "True"],
        ["secret", "s" * 50, "ab" * 32],
    ]
    secret.write_text("another-secret")
    given["SLUICEGATE_ADMIN_PASSWORD"] = "battery staple"
    _prepare(home, **given)
    shown = _shown(home, "battery staple", **given)
    assert shown[:2] == [["key", "operator", "another-secret"], ["user", "admin", "True", "True"]]


def test_a_secret_without_its_key_is_refused(tmp_path: Path) -> None:
    environ = _environ(tmp_path / "home", SLUICEGATE_ROOT_SECRET_KEY="a-secret-of-the-operator")
    done = _python("manage.py", "prepare", environ=environ)
    assert done.returncode != 0
    assert done.stderr.strip() == "SLUICEGATE_ROOT_SECRET_KEY needs SLUICEGATE_ROOT_ACCESS_KEY with it."


def test_first_starts_at_once_agree(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with ThreadPoolExecutor(3) as pool:
        told = list(pool.map(lambda _: _prepare(home), range(3)))
    assert sum(bool(text) for text in told) == 1
    made = read_credentials(home / "credentials")
    shown = _shown(home, made["SLUICEGATE_ADMIN_PASSWORD"])
    assert shown[0] == ["key", made["AWS_ACCESS_KEY_ID"], made["AWS_SECRET_ACCESS_KEY"]]
    assert shown[1] == ["user", "admin", "True", "True"]


def test_a_master_key_that_opens_nothing_stops_the_start(tmp_path: Path) -> None:
    home = tmp_path / "home"
    _prepare(home)
    environ = _environ(home, SLUICEGATE_MASTER_KEY="cd" * 32)
    done = _python("manage.py", "prepare", environ=environ)
    assert done.returncode != 0
    assert "SLUICEGATE_MASTER_KEY does not open the secrets" in done.stderr
    assert "Traceback" not in done.stderr


def test_reading_the_settings_writes_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    done = _python("-c", "import jobsite.settings", environ=_environ(home))
    assert done.returncode == 0, done.stderr
    assert not home.exists()


def test_who_makes_a_secret_second_gets_the_first_ones(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda _: make_secret(path), range(64)))
    assert len(made) == 1
    assert len(made.pop()) == 64
    assert _mode(path) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["secret"]


def test_a_file_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert write_new(path, "first")
    assert not write_new(path, "second")
    assert path.read_text() == "first"


def test_credentials_can_be_read_by_a_shell(tmp_path: Path) -> None:
    path = tmp_path / "credentials"
    values, made = make_credentials(path, ["AWS_ACCESS_KEY_ID", "SLUICEGATE_ADMIN_PASSWORD"])
    assert made == list(values)
    again, made_again = make_credentials(path, ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
    assert made_again == ["AWS_SECRET_ACCESS_KEY"]
    assert again["AWS_ACCESS_KEY_ID"] == values["AWS_ACCESS_KEY_ID"]
    script = f'. {path}; printf "%s" "$AWS_ACCESS_KEY_ID$AWS_SECRET_ACCESS_KEY"'
    seen = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout
    assert seen == again["AWS_ACCESS_KEY_ID"] + again["AWS_SECRET_ACCESS_KEY"]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("SLUICEGATE_JOB_WORKERS", "none", "must be a whole number"),
        ("SLUICEGATE_JOB_WORKERS", "0", "must be at least 1"),
        ("SLUICEGATE_DEBUG", "perhaps", "must be true or false"),
        ("SLUICEGATE_LOG_FORMAT", "xml", "must be one of plain, json"),
        ("SLUICEGATE_MASTER_KEY_FILE", "/nowhere", "cannot read /nowhere"),
        ("SLUICEGATE_CONFIG", "/nowhere.yaml", "/nowhere.yaml: cannot be read"),
        ("DATABASE_URL", "nonsense", "DATABASE_URL must be postgresql://"),
        ("DATABASE_URL", "mysql://u:hidden@h/n", "DATABASE_URL must be postgresql://"),
    ],
)
def test_a_wrong_variable_is_named_without_a_traceback(
    tmp_path: Path, name: str, value: str, expected: str
) -> None:
    done = _python("manage.py", "config_check", environ=_environ(tmp_path / "home", **{name: value}))
    assert done.returncode != 0
    assert expected in done.stderr
    assert "Traceback" not in done.stderr
    assert "hidden" not in done.stderr
