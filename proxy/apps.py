"""The gateway as a Django app."""

from __future__ import annotations

import os

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate

_inherited: list[object] = []


class ProxyConfig(AppConfig):
    """Registers checks and what a scrape reads, and keeps database connections on their side of a fork."""

    name = "proxy"

    def ready(self) -> None:
        from proxy import backend_calls, checks, epoch, index_copies, metrics

        assert checks
        metrics.register(index_copies.readings)
        backend_calls.watch()
        post_migrate.connect(epoch.make_triggers, sender=self)
        os.register_at_fork(after_in_child=_set_connections_aside)


def _set_connections_aside() -> None:
    """A child connects anew: two processes on one connection would read each other's answers.

    What it inherited is neither used nor closed, for closing would end the parent's session.
    """
    for wrapper in connections.all(initialized_only=True):
        _inherited.append(wrapper.connection)
        wrapper.connection = None
