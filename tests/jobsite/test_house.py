"""The house stays small: no module becomes an attic."""

from __future__ import annotations

import ast
import statistics
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FILE_LINES = 400
MEDIAN_LINES = 150
FUNCTION_LINES = 40


def _modules(*folders: str) -> Iterator[Path]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path


def _lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def test_no_file_is_longer_than_a_sitting() -> None:
    long = {
        str(path.relative_to(ROOT)): _lines(path)
        for path in _modules("proxy", "jobs", "jobsite", "tests", "benchmarks")
        if _lines(path) > FILE_LINES
    }
    assert not long


def test_the_median_module_is_short() -> None:
    sizes = [_lines(path) for path in _modules("proxy", "jobs", "jobsite") if _lines(path)]
    assert statistics.median(sizes) <= MEDIAN_LINES


def test_no_function_is_longer_than_a_screen() -> None:
    long = {}
    for path in _modules("proxy", "jobs", "jobsite"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > FUNCTION_LINES:
                    long[f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"] = length
    assert not long
