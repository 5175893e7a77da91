"""`sluicegate.yaml`: read, bounded, interpolated and validated whole; every error with its line.

The only importer of yaml. Standard: YAML 1.1 as PyYAML reads it, without tags and merge keys.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from django.core.exceptions import ImproperlyConfigured
from pydantic import ValidationError

from jobsite.config_encryption import Loc
from jobsite.config_findings import explain
from jobsite.config_models import Config, contradictions

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 20
MAX_VALUES = 20_000
"""Values in the document, those of an alias counted wherever it stands."""

_COLLECTIONS = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")
SECRETS = frozenset({"key", "secret_access_key", "session_token"})
"""The names of values that give access to something."""
LEFT_OUT = "(left out)"

_REFERENCE = re.compile(r"\s*\$\{env:[A-Za-z_][A-Za-z0-9_]*\}\s*")
_PROPERTIES = re.compile(r"(?:[&!]\S+\s+)+")  # (an alias may refer to it)
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_PLACEHOLDER = re.compile(r"\$\$\{|\$\{(?:env:([A-Za-z_][A-Za-z0-9_]*)\}|[^}]*\}?)")


class ConfigError(ImproperlyConfigured):
    """The file is wrong; the message has one line `file:line: text` for each finding.

    Line 0: the finding is about the file as a whole.
    """

    def __init__(self, path: Path, findings: list[tuple[int, str]]) -> None:
        self.findings = sorted(set(findings))
        super().__init__(
            "\n".join(f"{path}:{line}: {text}" if line else f"{path}: {text}" for line, text in self.findings)
        )


@dataclass
class _Reader:
    """Turns YAML nodes into plain values and remembers where each one stood."""

    environ: Mapping[str, str]
    lines: dict[Loc, int] = field(default_factory=dict)
    findings: list[tuple[int, str]] = field(default_factory=list)
    values: int = 0
    constructor: yaml.constructor.SafeConstructor = field(default_factory=yaml.constructor.SafeConstructor)

    def plain(self, node: yaml.Node | None, loc: Loc = ()) -> Any:
        if node is None:
            return None
        line = self.lines[loc] = node.start_mark.line + 1
        self.values += 1
        if self.values > MAX_VALUES or len(loc) > MAX_DEPTH:
            raise _TooMuch(line)
        if isinstance(node, yaml.CollectionNode) and node.tag not in _COLLECTIONS:
            self.findings.append((line, f"'{node.tag}' is not supported here"))
        if isinstance(node, yaml.MappingNode):
            return dict(self._pairs(node, loc))
        if isinstance(node, yaml.SequenceNode):
            return [self.plain(item, (*loc, index)) for index, item in enumerate(node.value)]
        return self._scalar(node, line)

    def _pairs(self, node: yaml.MappingNode, loc: Loc) -> Iterator[tuple[str, Any]]:
        seen: dict[str, int] = {}
        for key_node, value_node in node.value:
            key, line = str(key_node.value), key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self.findings.append((line, "a key must be plain text"))
            elif key in seen:
                self.findings.append((line, f"'{key}' is already set in line {seen[key]}"))
            else:
                seen[key] = line
                yield key, self.plain(value_node, (*loc, key))
                self.lines[(*loc, key)] = line

    def _scalar(self, node: yaml.Node, line: int) -> Any:
        try:
            value = self.constructor.construct_object(node)
        except (yaml.YAMLError, ValueError):
            self.findings.append((line, f"'{node.tag}' is not supported here"))
            return None
        if not isinstance(value, str):
            return value
        return _PLACEHOLDER.sub(lambda found: self._fill(found, line), value)

    def _fill(self, found: re.Match[str], line: int) -> str:
        name = found[1]
        if found[0] == "$${":
            return "${"
        if name is None:
            text = f"'{found[0]}': only ${{env:NAME}} is filled in; write $${{ for a plain ${{"
            self.findings.append((line, text))
        elif name not in self.environ:
            self.findings.append((line, f"the environment variable {name} is not set"))
        else:
            return self.environ[name]
        return ""


class _TooMuch(Exception):
    """The document goes past a bound at the line given."""


def load(path: Path, home: Path, environ: Mapping[str, str]) -> Config:
    """The validated configuration. Relative backend paths are below `home`.

    Of a line that could not be read nothing else is said: what was put in its place is no finding.

    Raises ConfigError with all findings.
    """
    return _loaded(path, home, environ)[0]


def load_rules(path: Path, home: Path, environ: Mapping[str, str]) -> dict[str, Any]:
    """`Config.rules` of the file as it is now, each with `lines`: of its keys, by their dotted path in it.

    `lifecycle` says whether that section is enabled: for rules that are declared elsewhere. The whole
    file is validated. Raises ConfigError.
    """
    config, lines = _loaded(path, home, environ)
    below: dict[Loc, dict[str, int]] = {}
    for loc, line in lines.items():
        below.setdefault(loc[:4], {})[".".join(map(str, loc[4:]))] = line
    rules = []
    for kind in ("replication", "lifecycle"):
        mine = (rule for rule in config.rules() if rule["kind"] == kind)
        rules += [
            rule | {"lines": below[("storage", kind, "rules", number)]} for number, rule in enumerate(mine)
        ]
    return {"rules": rules, "lifecycle": config.storage.lifecycle.enabled}


def _loaded(path: Path, home: Path, environ: Mapping[str, str]) -> tuple[Config, Mapping[Loc, int]]:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(path, [(0, f"cannot be read: {error.strerror}")]) from None
    if len(raw) > MAX_BYTES:
        raise ConfigError(path, [(0, f"is larger than {MAX_BYTES:,} bytes")])
    reader = _Reader(environ)
    plain = _read(path, raw, reader)
    found = list(contradictions(plain, home))
    config = None
    try:
        config = Config.model_validate(plain if plain is not None else {})
    except ValidationError as error:
        found += explain(error)
    unread = {line for line, _ in reader.findings}
    judged = [(_line(reader.lines, loc), _place(loc) + text) for loc, text in found]
    findings = reader.findings + [each for each in judged if each[0] not in unread]
    if findings or config is None:
        raise ConfigError(path, findings)
    return config, reader.lines


def without_secrets(raw: bytes) -> bytes:
    """The same file, as UTF-8, with LEFT_OUT for keys and secrets that stand in it; references stay.

    Raises yaml's errors and UnicodeDecodeError for what `load` would refuse.
    """
    text = raw.decode("utf-16" if raw.startswith(_UTF_16) else "utf-8-sig")
    spans = {
        (node.start_mark.index, node.end_mark.index)
        for node in _secrets(yaml.compose(text, Loader=yaml.SafeLoader))
        if not _REFERENCE.fullmatch(node.value)
    }
    for start, end in sorted(spans, reverse=True):
        before = _PROPERTIES.match(text[start:end])
        kept, line = before[0] if before else "", "\n" if text[start:end].endswith("\n") else ""
        text = text[:start] + kept + LEFT_OUT + line + text[end:]
    return text.encode()


def _secrets(node: yaml.Node | None) -> Iterator[yaml.ScalarNode]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value in SECRETS and isinstance(value, yaml.ScalarNode):
                yield value
            yield from _secrets(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _secrets(item)


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the file, for editors."""
    return Config.model_json_schema() | {"$schema": "https://json-schema.org/draft/2020-12/schema"}


def _read(path: Path, raw: bytes, reader: _Reader) -> Any:
    try:
        depth = 0
        for event in yaml.parse(raw, Loader=yaml.SafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                mark = event.start_mark
                raise _TooMuch(0 if mark is None else mark.line + 1)
        return reader.plain(yaml.compose(raw, Loader=yaml.SafeLoader))
    except _TooMuch as error:
        text = f"too much: at most {MAX_VALUES:,} values, nested at most {MAX_DEPTH} deep"
        raise ConfigError(path, [(error.args[0], text)]) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = 0 if mark is None else mark.line + 1
        raise ConfigError(path, [(line, f"not YAML: {error.problem}")]) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(path, [(0, f"not YAML: {str(error).splitlines()[0]}")]) from None


def _line(lines: Mapping[Loc, int], loc: Loc) -> int:
    while loc and loc not in lines:
        loc = loc[:-1]
    return lines.get(loc, 1)


def _place(loc: Loc) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)
    return f"{text.lstrip('.')}: " if text else ""
