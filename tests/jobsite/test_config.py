from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import jsonschema
import pytest
import yaml

from jobsite.config import LEFT_OUT, MAX_BYTES, ConfigError, json_schema, load, without_secrets

ROOT = Path(__file__).resolve().parents[2]
GOOD = """\
storage:
  backends:
    - {name: local, type: filesystem, path: here}
    - name: far
      type: filesystem
      path: ${env:DISK}/far
  default_backend: local
  buckets:
    photos:
      backend: far
"""


def _findings(tmp_path: Path, text: str | bytes, **environ: str) -> list[tuple[int, str]]:
    path = tmp_path / "sluicegate.yaml"
    path.write_bytes(text if isinstance(text, bytes) else dedent(text).encode())
    with pytest.raises(ConfigError) as caught:
        load(path, tmp_path, environ)
    return caught.value.findings


def test_a_good_file_becomes_plain_values(tmp_path: Path) -> None:
    path = tmp_path / "sluicegate.yaml"
    path.write_text(GOOD)
    plain = {"mode": "none", "keys": []}
    assert load(path, tmp_path, {"DISK": "/mnt"}).plain(tmp_path) == {
        "backends": {
            "local": {"type": "filesystem", "path": str(tmp_path / "here"), "encryption": plain},
            "far": {"type": "filesystem", "path": "/mnt/far", "encryption": plain},
        },
        "default_backend": "local",
        "buckets": {"photos": {"backend": "far", "alias": None}},
    }


def test_the_shipped_file_works_as_it_is(tmp_path: Path) -> None:
    plain = load(ROOT / "sluicegate.yaml", tmp_path, {}).plain(tmp_path)
    assert list(plain["backends"]) == ["local", "archive"]
    assert plain["default_backend"] == "local"
    assert all(Path(item["path"]).is_relative_to(tmp_path) for item in plain["backends"].values())


def test_all_errors_are_told_at_once_each_with_its_line(tmp_path: Path) -> None:
    findings = _findings(
        tmp_path,
        """\
        storage:
          backends:
            - name: Local
              type: filesystem
              path: here
            - name: far
              type: tape
              path: ${env:NOWHERE}
            - name: far
              type: filesystem
              speed: 3
          default_backend: nearby
          buckets:
            photos: {backend: gone}
            photos: {backend: far}
        jbos: 1
        """,
    )
    lines = [line for line, _ in findings]
    text = "\n".join(f"{line}: {text}" for line, text in findings)
    assert lines == sorted(lines)
    for expected in (
        "3: storage.backends[0].name: use up to 32 lower-case letters",
        "7: storage.backends[1].type: input should be 'filesystem' or 's3'",
        "8: the environment variable NOWHERE is not set",
        "9: storage.backends[2].name: a second backend with the name 'far'",
        "9: storage.backends[2]: 'path' is missing",
        "11: storage.backends[2].speed: unknown key 'speed'; known here: name, type, path, encryption",
        "12: storage.default_backend: no backend is named 'nearby'",
        "14: storage.buckets.photos.backend: no backend is named 'gone'",
        "15: 'photos' is already set in line 14",
        "16: jbos: unknown key 'jbos'",
    ):
        assert expected in text


def test_what_could_not_be_filled_in_is_told_once(tmp_path: Path) -> None:
    text = """\
        storage:
          backends:
            - name: far
              type: s3
              region: us-east-1
              access_key_id: ${env:NOWHERE}
              secret_access_key: secret
          default_backend: far
        """
    assert _findings(tmp_path, text) == [(6, "the environment variable NOWHERE is not set")]


def test_an_unknown_key_comes_with_a_hint(tmp_path: Path) -> None:
    [(line, text)] = _findings(tmp_path, GOOD.replace("default_backend", "default_backened"), DISK="/d")[1:]
    assert line == 7
    assert "did you mean 'default_backend'?" in text


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("storage: [\n", 2, "not YAML"),
        ("a: b: c\n", 1, "not YAML"),
        ("\x00", 0, "not YAML"),
        (b"\xff\xfe\xff", 0, "not YAML"),
        ("[" * 50 + "]" * 50, 1, "nested at most"),
        (
            "a: &a [x]\nb: &b [*a, *a]\n" + "".join(f"c{i}: [*b, *b]\n" for i in range(9000)),
            None,
            "at most 20,000",
        ),
        ("a: &a [*a]\n", None, "too much"),
        ("x" * (MAX_BYTES + 1), 0, "larger than"),
        ("storage: !!python/object:os.system {}\n", 1, "is not supported here"),
        ("? [a]\n: b\n", 1, "a key must be plain text"),
        ("- a\n", 1, "input should be a mapping"),
        ("", 1, "'storage' is missing"),
    ],
)
def test_what_is_not_a_configuration_is_refused(
    tmp_path: Path, text: str | bytes, line: int | None, expected: str
) -> None:
    findings = _findings(tmp_path, text)
    assert any(expected in text and line in (None, found) for found, text in findings)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.yaml: cannot be read: No such file"):
        load(tmp_path / "absent.yaml", tmp_path, {})


def test_placeholders_that_are_not_understood_are_refused_and_can_be_escaped(tmp_path: Path) -> None:
    [(line, text)] = _findings(tmp_path, GOOD.replace("env:DISK", "vault:DISK"))
    assert (line, "only ${env:NAME}" in text) == (6, True)
    path = tmp_path / "sluicegate.yaml"
    path.write_text(GOOD.replace("${env:DISK}", "/$${odd}"))
    assert load(path, tmp_path, {}).storage.backends[1].path == "/${odd}/far"


def test_a_backend_inside_another_one_is_refused(tmp_path: Path) -> None:
    [(line, text)] = _findings(tmp_path, GOOD, DISK="here")
    assert (line, text) == (6, "storage.backends[1].path: is inside the path of backend 'local'")


def test_the_schema_accepts_the_shipped_file_and_refuses_a_misspelling() -> None:
    document = yaml.safe_load((ROOT / "sluicegate.yaml").read_text())
    jsonschema.validate(document, json_schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document | {"jbos": 1}, json_schema())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_keys_and_secrets_can_be_left_out_of_the_text_and_nothing_else_is(encoding: str) -> None:
    key = "ab" * 32
    written = f"""\
# ours
storage:
  backends:
    - {{name: far, type: s3, secret_access_key: 'it''s secret', access_key_id: '${{env:ID}}'}}
    - name: local
      type: filesystem
      encryption:
        keys:
          - {{id: old, key: &again "{key}"}}  # until spring
          - id: new
            key: ${{env:KEY}}
          - id: block
            key: |
              {key}
          - {{id: same, key: *again}}
  default_backend: local
"""
    text = without_secrets(written.encode(encoding)).decode()
    assert key not in text and "secret'" not in text
    for kept in ("# ours", "# until spring", "${env:KEY}", "${env:ID}", "default_backend: local"):
        assert kept in text
    read = yaml.safe_load(text)["storage"]["backends"]
    assert read[0]["secret_access_key"] == LEFT_OUT
    keys = read[1]["encryption"]["keys"]
    assert [key["id"] for key in keys] == ["old", "new", "block", "same"]
    assert {keys[number]["key"].strip() for number in (0, 2, 3)} == {LEFT_OUT}
