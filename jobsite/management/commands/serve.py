"""Prepare, then run and supervise the web server, the scheduler and the job clusters."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from jobsite import config, config_kept
from jobsite.first_start import CREDENTIALS
from jobsite.offline import only_server
from jobsite.preparing import ADMIN
from jobsite.sqlite.opening import Refused
from jobsite.supervisor import specs
from jobsite.supervisor.run import Supervisor
from jobsite.supervisor.watching import Watch


class Command(BaseCommand):
    requires_system_checks = ()  # `prepare` runs them all, those of the database too
    help = "Create what is missing, then serve. Ctrl-C (or SIGTERM) ends all in order, a second one at once."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            lock = only_server(Path(settings.HOME))
        except Refused as error:
            raise CommandError(str(error)) from None
        with lock:
            _address_is_free(settings.BIND)
            call_command("prepare", verbosity=options["verbosity"], stdout=self.stdout, stderr=self.stderr)
            connections.close_all()
            web, life = specs.watches()
            supervisor = Supervisor(specs.specs(web, life), specs.environ() | _kept_configuration())
            went = supervisor.run(_Banner(self, web))
        self.stdout.write("Ended." if went else "Ended; something had to be killed.")


def _kept_configuration() -> dict[str, str]:
    """What tells the children to use the file as it is now, whatever becomes of it. Raises ConfigError."""
    kept = config_kept.keep(settings.CONFIG_PATH, settings.HOME)
    config.load(kept, settings.HOME, os.environ)  # it may have changed since our own settings were read
    return {config_kept.VARIABLE: str(kept)}


class _Banner:
    """Says where everything is, once, when the web server answers."""

    def __init__(self, command: BaseCommand, web: Watch[float]) -> None:
        self._command, self._web, self._said = command, web, False

    def __call__(self) -> None:
        seen = self._web.latest()
        if self._said or seen is None or seen.value == 0.0:
            return
        self._said = True
        url = settings.PUBLIC_URL or f"{'https' if settings.TLS_CERT else 'http'}://{settings.BIND}"
        rows = {
            "S3 endpoint": f"{url}  (region {settings.REGION})",
            "Console": f"{url}/_/  (user {ADMIN})",
            "Credentials": str(Path(settings.HOME) / CREDENTIALS),
            "Configuration": str(settings.CONFIG_PATH),
            "State": str(settings.HOME),
        }
        if not Path(rows["Credentials"]).exists():
            rows["Credentials"] = "as set in the environment"
        lines = [f"  {name:<14} {value}" for name, value in rows.items()]
        self._command.stdout.write("\n".join(["", "Sluicegate is up. Ctrl-C ends it.", *lines, ""]))
        self._command.stdout.flush()


def _address_is_free(bind: str) -> None:
    """Raises CommandError with the reason if nobody could listen there."""
    host, _, port = bind.rpartition(":")
    host = host.strip("[]")
    if not port.isdigit():
        raise CommandError(f"SLUICEGATE_BIND must be HOST:PORT, not {bind!r}.")
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(port)))
        except (OSError, OverflowError) as error:
            used = getattr(error, "errno", None) == errno.EADDRINUSE
            why = "something listens there already" if used else str(error)
            raise CommandError(f"Cannot listen on {bind}: {why}. Set SLUICEGATE_BIND.") from None
