"""What cannot be run is listed with its reason, and CI does not accept it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TESTS = """
import pytest
from tests.needs import needs

@needs("no-such-program", "to see what happens")
def test_that_needs_something():
    raise AssertionError("it must not run")

@needs("python3", "there is one")
def test_that_has_what_it_needs():
    pass
"""


def _run(tmp_path: Path, **environ: str) -> tuple[int, str]:
    (tmp_path / "test_it.py").write_text(TESTS)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.needs",
        "-c",
        os.devnull,
        "--rootdir",
        str(tmp_path),
    ]
    kept = {name: value for name, value in os.environ.items() if name not in ("CI", "DJANGO_SETTINGS_MODULE")}
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", "-p", "no:django", str(tmp_path)],
        cwd=ROOT, env={**kept, **environ}, capture_output=True, text=True,
    )  # fmt: skip
    return done.returncode, done.stdout


def test_it_is_listed_with_its_reason(tmp_path: Path) -> None:
    status, output = _run(tmp_path)
    assert status == 0
    listed = output[output.index("= Not run =") :]
    assert "test_that_needs_something: no-such-program is not installed: to see what happens" in listed
    assert "1 passed, 1 skipped" in output.splitlines()[-1]


def test_in_ci_it_is_a_failure(tmp_path: Path) -> None:
    status, output = _run(tmp_path, CI="true")
    assert status == 1
    assert "no-such-program is not installed: to see what happens" in output
    assert "1 passed, 1 warning, 1 error" in output.splitlines()[-1]
