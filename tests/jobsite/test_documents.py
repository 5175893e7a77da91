"""What the documents name exists, and what exists is documented."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
VARIABLE = re.compile(r"\b(?:SLUICEGATE_[A-Z_]+|DATABASE_URL)\b")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def _read() -> set[str]:
    """Variables that the settings read."""
    text = (ROOT / "jobsite" / "settings.py").read_text()
    return set(re.findall(r"env_\w+\(\s*\"(\w+)\"", text))


def test_every_variable_is_described() -> None:
    described = set(VARIABLE.findall((ROOT / "docs" / "configuration.md").read_text()))
    assert _read() - described == set()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_no_document_names_a_variable_that_nobody_reads(path: Path) -> None:
    named = {name.removesuffix("_FILE") for name in VARIABLE.findall(path.read_text())}
    assert named - _read() == set()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text())
    assert [link for link in links if not (path.parent / link).exists()] == []
