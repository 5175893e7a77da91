"""Configuration files with rules in them."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import pytest

from jobsite.config import ConfigError, load

FRAME = """\
storage:
  backends: [{name: local, type: filesystem, path: here}]
  default_backend: local
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "sluicegate.yaml"
    path.write_text(text)
    return path


def specs(tmp_path: Path, text: str) -> list[dict[str, Any]]:
    return load(written(tmp_path, text), tmp_path, {}).rules()


def findings_of(tmp_path: Path, section: str, rules: str) -> list[tuple[int, str]]:
    """Of a file with these rules; the first line of `rules` is line 1."""
    text = FRAME + f"  {section}:\n    rules:\n" + indent(dedent(rules), " " * 6)
    with pytest.raises(ConfigError) as caught:
        load(written(tmp_path, text), tmp_path, {})
    before = FRAME.count("\n") + 2
    return [(line - before, text.partition(": ")[2]) for line, text in caught.value.findings]
