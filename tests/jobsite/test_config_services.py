"""Backends of type s3 in sluicegate.yaml."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobsite.config import ConfigError, load

_GOOD = """\
storage:
  backends:
    - {{name: local, type: filesystem, path: here}}
    - name: cloud
      type: s3
      {cloud}
  default_backend: local
  buckets:
    filesystem: {{backend: cloud}}
    photos: {{backend: cloud, {photos}}}
"""
_KEYS = "access_key_id: AK, secret_access_key: SK"


def _write(tmp_path: Path, cloud: str, photos: str) -> Path:
    path = tmp_path / "sluicegate.yaml"
    lines = "\n      ".join(part.strip() for part in cloud.split(", ") if part)
    path.write_text(_GOOD.format(cloud=lines, photos=photos))
    return path


def _findings(tmp_path: Path, cloud: str = "", photos: str = "alias: real-photos") -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(_write(tmp_path, cloud, photos), tmp_path, {})
    return [text for _, text in caught.value.findings]


def test_a_service_becomes_plain_values_with_defaults(tmp_path: Path) -> None:
    path = _write(tmp_path, f"endpoint: http://minio:9000, {_KEYS}", "alias: real-photos")
    plain = load(path, tmp_path, {}).plain(tmp_path)
    assert plain["backends"]["cloud"] == {
        "type": "s3",
        "endpoint": "http://minio:9000",
        "region": "us-east-1",
        "access_key_id": "AK",
        "secret_access_key": "SK",
        "session_token": None,
        "path_style": True,
        "ca_bundle": None,
        "connect_timeout": 5,
        "read_timeout": 30,
        "retry_budget": 10,
        "connections": 64,
        "encryption": {"mode": "none", "kms_key_id": None, "keys": []},
    }
    assert plain["buckets"] == {
        "filesystem": {"backend": "cloud", "alias": None},
        "photos": {"backend": "cloud", "alias": "real-photos"},
    }


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    path = _write(tmp_path, "access_key_id: AK, secret_access_key: very-secret, session_token: a-token", "")
    config = load(path, tmp_path, {})
    for shown in (repr(config), repr(config.plain(tmp_path))):
        assert "very-secret" not in shown
        assert "a-token" not in shown


def test_without_an_endpoint_it_is_aws_with_the_bucket_in_the_host(tmp_path: Path) -> None:
    plain = load(_write(tmp_path, "region: eu-central-1", ""), tmp_path, {}).plain(tmp_path)
    cloud = plain["backends"]["cloud"]
    assert (cloud["endpoint"], cloud["path_style"], cloud["access_key_id"]) == (None, False, None)


@pytest.mark.parametrize(
    ("cloud", "expected"),
    [
        ("access_key_id: AK", "storage.backends[1].access_key_id: needs 'secret_access_key' beside it"),
        ("secret_access_key: SK", "storage.backends[1].secret_access_key: needs 'access_key_id' beside it"),
        ("session_token: ST", "storage.backends[1].session_token: needs 'access_key_id' beside it"),
        (
            "endpoint: http://user:word@host",
            "storage.backends[1].endpoint: write http:// or https://",
        ),
        ("endpoint: https://host/path", "storage.backends[1].endpoint: write http:// or https://"),
        ("endpoint: ftp://host", "storage.backends[1].endpoint: write http:// or https://"),
        ("endpoint: https://host:99999", "storage.backends[1].endpoint: this is no host, or no port of one"),
        ("endpoint: http://host, ca_bundle: ca.pem", "storage.backends[1].ca_bundle: has no meaning without"),
        ("ca_bundle: absent.pem", "storage.backends[1].ca_bundle: cannot be read: No such file"),
        ("ca_bundle: sluicegate.yaml", "storage.backends[1].ca_bundle: holds no certificates in PEM"),
        ("encryption: {kms_key_id: k}", "storage.backends[1].encryption.kms_key_id: has no meaning without"),
        ("read_timeout: 0", "storage.backends[1].read_timeout: input should be greater than 0"),
        ("endpont: x", "storage.backends[1].endpont: unknown key 'endpont'; did you mean 'endpoint'?"),
        ("path: x", "storage.backends[1].path: unknown key 'path'; known here: name, type, endpoint"),
        ("encryption: {mod: x}", "encryption.mod: unknown key 'mod'; did you mean 'mode'?"),
        ("encryption: {mode: aes}", "storage.backends[1].encryption.mode: input should be 'none', 'aes256"),
    ],
)
def test_what_a_service_cannot_be_told(tmp_path: Path, cloud: str, expected: str) -> None:
    findings = _findings(tmp_path, cloud)
    assert any(text.startswith(expected) or expected in text for text in findings), findings


@pytest.mark.parametrize(
    ("photos", "expected"),
    [
        ("alias: Photos", "storage.buckets.photos.alias: use 3 to 63 lower-case letters"),
        ("alias: 10.0.0.1", "storage.buckets.photos.alias: no bucket can be called that"),
        ("alias: s3x--ol-s3", "storage.buckets.photos.alias: no bucket can be called that"),
        ("alias: -s3", "storage.buckets.photos.alias: use 3 to 63 lower-case"),
        ("aliass: x", "storage.buckets.photos.aliass: unknown key 'aliass'; did you mean 'alias'?"),
    ],
)
def test_what_no_alias_can_be(tmp_path: Path, photos: str, expected: str) -> None:
    findings = _findings(tmp_path, photos=photos)
    assert any(text.startswith(expected) for text in findings), findings


def test_a_bucket_may_have_the_name_of_a_type(tmp_path: Path) -> None:
    path = _write(tmp_path, "", "")
    path.write_text(path.read_text().replace("filesystem: {backend: cloud}", "filesystem: {backed: cloud}"))
    with pytest.raises(ConfigError, match=r"buckets\.filesystem\.backed: unknown key 'backed'; did you mean"):
        load(path, tmp_path, {})


def test_two_buckets_cannot_be_one_real_bucket(tmp_path: Path) -> None:
    path = tmp_path / "sluicegate.yaml"
    path.write_text(
        _GOOD.format(cloud=_KEYS.replace(", ", "\n      "), photos="alias: real")
        + "    real: {backend: cloud}\n    other: {backend: cloud, alias: real}\n"
        + "    more: {backend: local, alias: more-of-it}\n"
    )
    with pytest.raises(ConfigError) as caught:
        load(path, tmp_path, {})
    assert [text for _, text in caught.value.findings] == [
        "storage.buckets.real: the real bucket 'real' is that of 'photos' already",
        "storage.buckets.other.alias: the real bucket 'real' is that of 'photos' already",
        "storage.buckets.more.alias: only buckets on a backend of type s3 can have an alias",
    ]
