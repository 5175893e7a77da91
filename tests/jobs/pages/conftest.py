"""A site with two backends, and an operator's browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from tests.jobs.windows import logged_in, make_user, two_backends


@pytest.fixture
def site(settings: Any, tmp_path: Path, transactional_db: None) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    two_backends(settings, tmp_path)


@pytest.fixture
def boss(site: None) -> Client:
    return logged_in(make_user(), enforce_csrf_checks=False)
