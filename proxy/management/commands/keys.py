"""Access keys from the command line."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.serializers.json import DjangoJSONEncoder

from proxy import keys
from proxy.errors import S3Error
from proxy.models import AccessKey


class Command(BaseCommand):
    help = "Make, list and switch off the access keys with which S3 clients sign."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        create = actions.add_parser("create", help="make a key; its secret is shown once and never again")
        create.add_argument("name", metavar="NAME", help="whose key it is, for listings")
        create.add_argument("--root", action="store_true", help="it may do everything in every bucket")
        _json_option(create)
        _json_option(actions.add_parser("list", help="show all keys, without secrets"))
        for action, text in (("disable", "refuse a key from now on"), ("enable", "accept it again")):
            actions.add_parser(action, help=text).add_argument("access_key", metavar="ACCESS_KEY")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            _ACTIONS[options["action"]](self, options)
        except S3Error as error:
            raise CommandError(error.message) from None

    def create(self, options: dict[str, Any]) -> None:
        access_key, secret = keys.create_key(root=options["root"], display_name=options["name"])
        if options["json"]:
            self.stdout.write(json.dumps({"access_key": access_key, "secret_key": secret}))
            return
        self.stdout.write(f"Access key: {access_key}\nSecret key: {secret}")
        self.stderr.write("The secret is not shown again.")

    def list(self, options: dict[str, Any]) -> None:
        rows = [_row(key) for key in AccessKey.objects.order_by("created", "access_key")]
        if options["json"]:
            self.stdout.write(json.dumps(rows, cls=DjangoJSONEncoder))
            return
        for row in rows:
            flags = " ".join(flag for flag in ("root", "disabled") if row[flag])
            line = f"{row['access_key']:<22} {row['created']:%Y-%m-%d %H:%M}  {row['name']}  {flags}"
            self.stdout.write(line.rstrip())

    def disable(self, options: dict[str, Any]) -> None:
        self._switch(options["access_key"], False)

    def enable(self, options: dict[str, Any]) -> None:
        self._switch(options["access_key"], True)

    def _switch(self, access_key: str, enabled: bool) -> None:
        if not keys.set_enabled(access_key, enabled):
            raise CommandError(f"There is no access key {access_key}.")
        self.stdout.write(f"{access_key} is {'enabled' if enabled else 'disabled'}.")


_ACTIONS = {
    "create": Command.create,
    "list": Command.list,
    "disable": Command.disable,
    "enable": Command.enable,
}


def _json_option(parser: ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def _row(key: AccessKey) -> dict[str, Any]:
    return {
        "access_key": key.access_key,
        "name": key.display_name,
        "owner_id": key.owner_id,
        "root": key.root,
        "disabled": not key.enabled,
        "created": key.created,
    }
