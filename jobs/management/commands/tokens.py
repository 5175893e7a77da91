"""`manage.py tokens create|list|revoke`: bearer tokens of the admin API."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from jobs import actions
from jobs.management.commands._words import actor, refusals_end_it, table


class Command(BaseCommand):
    """A token is shown once, when it is made."""

    help = "Tokens for scripts that call the admin API. Exit code 2: it was refused."

    def add_arguments(self, parser: ArgumentParser) -> None:
        commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
        create = commands.add_parser("create", help="make a token and print it, once")
        create.add_argument("name")
        create.add_argument("--expires-days", type=int, default=None, help="it never expires without this")
        commands.add_parser("list", help="names, ages and last use")
        revoke = commands.add_parser("revoke", help="refuse a token from now on")
        revoke.add_argument("name")

    @refusals_end_it
    def handle(self, *args: Any, **options: Any) -> None:
        {"create": self._create, "list": self._list, "revoke": self._revoke}[options["command"]](options)

    def _create(self, options: dict[str, Any]) -> None:
        token = actions.create_token(actor(), options["name"], timezone.now(), options["expires_days"])
        self.stdout.write(token)
        self.stderr.write("Keep it: it is not shown again. Send it as `Authorization: Bearer TOKEN`.")

    def _list(self, options: dict[str, Any]) -> None:
        rows = [
            (token.name, _day(token.created_at), _day(token.last_used_at), _day(token.expires_at))
            for token in actions.list_tokens(actor())
        ]
        if not rows:
            self.stdout.write("There is no token. Make one with: manage.py tokens create NAME")
            return
        self.stdout.write(table(("NAME", "CREATED", "LAST USED", "EXPIRES"), rows))

    def _revoke(self, options: dict[str, Any]) -> None:
        actions.revoke_token(actor(), options["name"])
        self.stdout.write(f"The token {options['name']} is refused from now on.")


def _day(moment: datetime | None) -> str:
    return "never" if moment is None else f"{moment:%Y-%m-%d %H:%MZ}"
