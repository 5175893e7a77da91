"""Keys in sluicegate.yaml: what is taken, what is refused, and that no key is ever shown."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from textwrap import dedent

import pytest

from jobsite.config import ConfigError, json_schema, load

KEY = bytes(range(32))
HEX = KEY.hex()
OTHER = "ff" * 32


def _write(home: Path, *backends: str) -> Path:
    path = home / "sluicegate.yaml"
    listed = "".join(
        f"    - {{name: b{number}, type: filesystem, path: p{number}, encryption: {text}}}\n"
        for number, text in enumerate(backends)
    )
    path.write_text(f"storage:\n  default_backend: b0\n  backends:\n{listed}")
    return path


def _keys(home: Path, *backends: str, **environ: str) -> list[list[dict[str, str]]]:
    plain = load(_write(home, *backends), home, environ).plain(home)
    return [backend["encryption"]["keys"] for backend in plain["backends"].values()]


def _findings(home: Path, *backends: str, **environ: str) -> list[tuple[int, str]]:
    with pytest.raises(ConfigError) as caught:
        load(_write(home, *backends), home, environ)
    assert HEX not in str(caught.value) and OTHER not in str(caught.value)
    return [(line, text.partition(": ")[2]) for line, text in caught.value.findings]


def _file(home: Path, text: str, mode: int = 0o600) -> str:
    path = home / "key"
    path.write_text(text)
    path.chmod(mode)
    return path.name


@pytest.mark.parametrize("text", [HEX, HEX.upper(), base64.b64encode(KEY).decode()])
def test_a_key_is_given_as_hexadecimal_digits_or_base64_in_the_file_or_the_environment(
    tmp_path: Path, text: str
) -> None:
    name = _file(tmp_path, f"{text}\n")
    modes = f'{{keys: [{{id: a, key: "{text}"}}]}}', "{keys: [{id: a, key: '${env:K}'}]}"
    expected = [{"id": "a", "key": HEX}]
    assert _keys(tmp_path, *modes, f"{{keys: [{{id: a, key_file: {name}}}]}}", K=text) == [expected] * 3


def test_keys_keep_their_order_and_a_backend_without_encryption_has_none(tmp_path: Path) -> None:
    text = f'{{mode: aes256-gcm-proxy, keys: [{{id: new, key: "{HEX}"}}, {{id: an-old_1, key: "{OTHER}"}}]}}'
    first, second = _keys(tmp_path, text, "{}")
    assert [key["id"] for key in first] == ["new", "an-old_1"]
    assert second == []


def test_the_same_key_may_serve_two_backends(tmp_path: Path) -> None:
    text = f'{{keys: [{{id: a, key: "{HEX}"}}]}}'
    assert _keys(tmp_path, text, text)[0] == [{"id": "a", "key": HEX}]


@pytest.mark.parametrize(
    ("encryption", "expected"),
    [
        ("{keys: [{id: a}]}", "give either 'key' or 'key_file'"),
        (f'{{keys: [{{id: a, key: "{HEX}", key_file: key}}]}}', "give either 'key' or 'key_file'"),
        (f'{{keys: [{{id: a, key: "{HEX[:-2]}"}}]}}', "64 hexadecimal digits, or base64 of 32 bytes"),
        ("{keys: [{id: a, key: secret}]}", "64 hexadecimal digits, or base64 of 32 bytes"),
        ("{keys: [{id: a, key_file: absent}]}", "absent cannot be read: No such file or directory"),
        ("{keys: [{id: a, key_file: .}]}", "cannot be read: Is a directory"),
        ("{mode: aes256-gcm-proxy}", "mode aes256-gcm-proxy needs a key"),
        ("{mode: aes256-gcm-proxy, keys: []}", "needs a key"),
        ("{mode: sse-s3}", "input should be 'none' or 'aes256-gcm-proxy'"),
        (f'{{keys: [{{id: a.b, key: "{HEX}"}}]}}', "use up to 64 letters, digits, '-' and '_'"),
        (
            f'{{keys: [{{id: a, key: "{HEX}"}}, {{id: a, key: "{HEX}"}}]}}',
            "a second key with the id 'a'",
        ),
    ],
)
def test_what_is_no_ring_is_refused_with_its_line(tmp_path: Path, encryption: str, expected: str) -> None:
    [(line, text)] = _findings(tmp_path, encryption)
    assert line == 4
    assert expected in text


def test_one_id_with_two_keys_is_refused_and_both_backends_are_named(tmp_path: Path) -> None:
    one, other = (f'{{keys: [{{id: a, key: "{text}"}}]}}' for text in (HEX, OTHER))
    [(line, text)] = _findings(tmp_path, one, "{}", other)
    assert line == 6
    assert text == "the key 'a' of backend 'b2' has other bytes than that of backend 'b0'"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620])
def test_a_key_file_that_is_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    name = _file(tmp_path, HEX, mode)
    [(_, text)] = _findings(tmp_path, f"{{keys: [{{id: a, key_file: {name}}}]}}")
    assert f"can be read by others (mode {mode:04o}): chmod 600" in text


def test_a_key_file_that_is_no_text_is_refused_and_not_shown(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"\xff" * 32)
    (tmp_path / "key").chmod(0o600)
    [(_, text)] = _findings(tmp_path, "{keys: [{id: a, key_file: key}]}")
    assert text.endswith("holds no text")


def test_a_variable_that_is_not_set_is_all_that_is_said_of_a_key(tmp_path: Path) -> None:
    findings = _findings(tmp_path, "{mode: aes256-gcm-proxy, keys: [{id: a, key: '${env:NOWHERE}'}]}")
    with pytest.raises(ConfigError, match="the environment variable NOWHERE is not set"):
        load(tmp_path / "sluicegate.yaml", tmp_path, {})
    assert not any("hexadecimal" in text for _, text in findings)


def test_no_key_is_shown_by_what_holds_it_or_by_the_schema(tmp_path: Path) -> None:
    path = _write(tmp_path, f'{{keys: [{{id: a, key: "{HEX}"}}]}}')
    config = load(path, tmp_path, {})
    plain = config.plain(tmp_path)
    assert HEX not in repr(config) + str(config) + repr(plain) + str(plain)
    assert plain["backends"]["b0"]["encryption"]["keys"][0]["key"] == HEX
    assert HEX not in json.dumps(json_schema())


def test_the_documents_example_of_a_ring_is_read(tmp_path: Path) -> None:
    name = _file(tmp_path, HEX)
    path = tmp_path / "sluicegate.yaml"
    path.write_text(
        dedent(f"""\
        storage:
          default_backend: local
          backends:
            - name: local
              type: filesystem
              path: local
              encryption:
                mode: aes256-gcm-proxy
                keys:
                  - id: key-2025
                    key: ${{env:OLD}}
                  - id: key-2026
                    key_file: {name}
        """)
    )
    plain = load(path, tmp_path, {"OLD": OTHER}).plain(tmp_path)
    assert plain["backends"]["local"]["encryption"] == {
        "mode": "aes256-gcm-proxy",
        "keys": [{"id": "key-2025", "key": OTHER}, {"id": "key-2026", "key": HEX}],
    }
