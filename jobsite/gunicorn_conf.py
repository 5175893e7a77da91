"""gunicorn's configuration: one port, its ASGI worker, one worker per core.

`manage.py serve` uses it, and `gunicorn -c jobsite/gunicorn_conf.py jobsite.asgi:application`
does the same without the supervisor.
"""

from __future__ import annotations

import os
import socket
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "jobsite.settings")

from django.conf import settings

_READ_IDLE = int(getattr(settings, "READ_IDLE_SECONDS", 30))
_WRITE_IDLE = int(getattr(settings, "WRITE_IDLE_SECONDS", 60))

wsgi_app = "jobsite.asgi:application"
bind = [settings.BIND]
worker_class = "asgi"
asgi_loop = "uvloop"
asgi_lifespan = "on"
workers = int(getattr(settings, "WEB_WORKERS", 0)) or os.cpu_count() or 1
preload_app = False  # no connection, lock or open index crosses a fork

certfile = getattr(settings, "TLS_CERT", "") or None
keyfile = getattr(settings, "TLS_KEY", "") or None

header_map = "dangerous"  # else x-amz-meta-a_b is dropped: S3 metadata may have underscores
limit_request_line = 0  # a key of 1,024 bytes and a presigned query need more than 4 KiB
limit_request_field_size = 16384
limit_request_fields = 200

timeout = max(60, 2 * _READ_IDLE)  # the door's own limits come first
graceful_timeout = 30
keepalive = 15
control_socket_disable = True
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None
proc_name = "sluicegate-web"


def when_ready(server: Any) -> None:
    """Have the kernel cut connections whose client takes no byte: closing one would wait for it.

    Set on the listening sockets, every accepted connection inherits it. Source: tcp(7),
    TCP_USER_TIMEOUT.
    """
    for listener in server.LISTENERS:
        if listener.sock.family in (socket.AF_INET, socket.AF_INET6):
            listener.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _WRITE_IDLE * 1000)
