"""gunicorn's configuration: one port, its ASGI worker (with manners), one worker per core.

`manage.py serve` uses it, and `gunicorn -c jobsite/gunicorn_conf.py jobsite.asgi:application`
does the same without the supervisor.
"""

from __future__ import annotations

import os
import socket
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "jobsite.settings")

from django.conf import settings

wsgi_app = "jobsite.asgi:application"
bind = [settings.BIND]
worker_class = "jobsite.web_worker.Worker"
asgi_loop = "uvloop"
asgi_lifespan = "on"
workers = settings.WEB_WORKERS
preload_app = False  # no connection, lock or open index crosses a fork

certfile = settings.TLS_CERT or None
keyfile = settings.TLS_KEY or None

header_map = "dangerous"  # else x-amz-meta-a_b is dropped: S3 metadata may have underscores
limit_request_line = 0  # a key of 1,024 bytes and a presigned query need more than 4 KiB
limit_request_field_size = 16384
limit_request_fields = 200

forwarded_allow_ips = ""  # the door looks at what proxies say, under every server alike

timeout = max(60, 2 * settings.READ_IDLE_SECONDS)  # the door's own limits come first
graceful_timeout = settings.DRAIN_SECONDS
keepalive = 15
control_socket_disable = True
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None
proc_name = "sluicegate-web"
umask = 0o077  # what the workers make in the home is nobody else's; gunicorn's default is 0
logconfig_dict = settings.LOGGING
logger_class = "jobsite.web_worker.Log"


def when_ready(server: Any) -> None:
    """Have the kernel cut connections whose client takes no byte: closing one would wait for it.

    Set on the listening sockets, every accepted connection inherits it. Source: tcp(7),
    TCP_USER_TIMEOUT.
    """
    for listener in server.LISTENERS:
        if listener.sock.family in (socket.AF_INET, socket.AF_INET6):
            milliseconds = settings.WRITE_IDLE_SECONDS * 1000
            listener.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
