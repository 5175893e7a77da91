"""The ASGI application of every web worker: the door in front, Django behind it."""

from __future__ import annotations

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "jobsite.settings")

django.setup(set_prefix=False)

from jobsite.console import Console  # noqa: E402  (Django's apps must be ready first)
from proxy.door import Door  # noqa: E402

application = Door(Console())
