"""A site with a configuration that declares rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.jobs.declaring import Rules


@pytest.fixture
def rules(settings: Any, tmp_path: Path, transactional_db: None) -> Rules:
    return Rules(settings, tmp_path)
