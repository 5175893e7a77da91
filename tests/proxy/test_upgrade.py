"""A control database of the version before users: its keys, owners and buckets after an upgrade."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pytest_django import Settings

from jobsite.sqlite import opening
from proxy import crypto
from tests.jobsite.databases import key_in
from tests.postgres import Cluster
from tests.sites import GATEWAY_ALONE, ROOT, Actor, Site, _env

BEFORE = """
import django; django.setup()
from django.core.management import call_command
for app, migration in (("proxy", "0001"), ("jobs", "0002")):
    call_command("migrate", app, migration, verbosity=0, skip_checks=True)
"""
OWNERS = {"root": "a" * 64, "ops": "b" * 64, "nameless": "c" * 64, "two": "d" * 64}
KEYS = [  # access key, owner, display name, root, enabled
    ("SGOPS", OWNERS["ops"], "Ops team, Köln", False, True),
    ("SGROOT", OWNERS["root"], "root", True, True),
    ("SGZ-OFF", OWNERS["ops"], "old key of ops", False, False),
    ("SG.NAMELESS", OWNERS["nameless"], "", False, True),
    ("SGTWO", OWNERS["two"], "root", False, True),
]
_INSERT_KEY = (
    "INSERT INTO proxy_accesskey (access_key, sealed_secret, owner_id, display_name, root, enabled, created)"
    " VALUES (%s, %s, %s, %s, %s, %s, '2026-01-01 00:00:00')"
)
_INSERT_BUCKET = (
    "INSERT INTO proxy_bucket (id, name, owner_id, created_ms, backend, place_id, real_bucket, incarnation,"
    " gate_generation, settings) VALUES (%s, %s, %s, 1, 'local', 'p', %s, 'i', 0, '{}')"
)


@pytest.fixture(params=["sqlite", "postgresql"])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Site, Any]]:
    """A site with the tables of before, and a connection to them."""
    if request.param == "sqlite":
        site = Site(tmp_path, _env(tmp_path), "sqlite")
    else:
        cluster: Cluster = request.getfixturevalue("postgres")
        name = cluster.create_database()
        site = Site(tmp_path, _env(tmp_path, DATABASE_URL=cluster.url(name)), "postgresql")
    subprocess.run([sys.executable, "-c", BEFORE], cwd=ROOT, env=site.env, check=True)
    connection: Any
    if request.param == "sqlite":
        connection = opening.connect(tmp_path / "control.db", key_in(tmp_path))
    else:
        connection = psycopg.connect(host=str(cluster.folder), user="sluicegate", dbname=name)
    yield site, connection
    connection.close()
    site.end()


def _fill(connection: Any, vendor: str) -> None:
    sign = "?" if vendor == "sqlite" else "%s"
    for access_key, owner, display, root, enabled in KEYS:
        sealed = crypto.seal(b"secret-of-old", b"access key " + access_key.encode())
        row: tuple[Any, ...] = (access_key, sealed, owner, display, root, enabled)
        connection.execute(_INSERT_KEY.replace("%s", sign), row)
    for name, owner in OWNERS.items():
        row = (name.ljust(32, "0"), f"bucket-{name}", owner, f"bucket-{name}")
        connection.execute(_INSERT_BUCKET.replace("%s", sign), row)
    connection.commit()


def test_owners_become_users_who_keep_their_keys_rights_and_buckets(
    old: tuple[Site, Any], settings: Settings
) -> None:
    site, connection = old
    settings.MASTER_KEY = site.env["SLUICEGATE_MASTER_KEY"]
    _fill(connection, site.vendor)
    assert "Root access key" not in site.manage("prepare"), "there is one"

    actor = Actor(site.start("tests.proxy.identity_process", **GATEWAY_ALONE))
    actor.receive()
    facts = {name: actor.call("facts", name=name) for name in actor.call("names")}
    assert {name: fact["owner_id"] for name, fact in facts.items()} == {
        "root": OWNERS["root"],
        "Ops-team,-K-ln": OWNERS["ops"],
        "SG.NAMELESS": OWNERS["nameless"],
        "root-2": OWNERS["two"],
    }
    assert [name for name, fact in facts.items() if fact["root"]] == ["root"]
    bucket_of = {owner: f"bucket-{name}" for name, owner in OWNERS.items()}
    assert all(fact["buckets"] == [bucket_of[fact["owner_id"]]] for fact in facts.values())
    everything = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    for name, fact in facts.items():
        statements = [json.loads(text)["Statement"] for text in fact["policies"]]
        assert statements == ([] if name == "root" else [[everything]]), name

    found = {key: actor.call("identified", access_key=key) for key, *_ in KEYS}
    assert found.pop("SGZ-OFF") is None
    assert [name for name, _, _ in found.values()] == ["Ops-team,-K-ln", "root", "SG.NAMELESS", "root-2"]
    assert {secret for _, secret, _ in found.values()} == {"secret-of-old"}
    actor.call("switch_key", access_key="SGOPS", enabled=False)
    assert actor.call("identified", access_key="SGOPS") is None
