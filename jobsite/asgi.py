"""The ASGI application of every web worker: the door in front, Django behind it."""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "jobsite.settings")

django = get_asgi_application()

from proxy.door import Door  # noqa: E402  (Django's apps must be ready first)

application = Door(django)  # type: ignore[arg-type]  # the stubs take messages for read-only
