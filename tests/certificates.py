"""A certificate for the tests that need one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.s3.certificates import make_certificate


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """(certificate, key) of 127.0.0.1, as PEM files."""
    return make_certificate(tmp_path)
