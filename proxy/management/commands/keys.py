"""Access keys and encryption keys from the command line."""

from __future__ import annotations

import shlex
from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import CommandParser
from django.db import transaction
from django.utils import timezone

from proxy import keys, users
from proxy.errors import InvalidArgument
from proxy.management.encryption_keys import EncryptionKeys, encryption_row
from proxy.management.speaking import expiry, json_option, moment, read_stdin, show_json, show_table
from proxy.models import AccessKey, User


class Command(EncryptionKeys):
    help = (
        "Make, list and switch off the access keys with which S3 clients sign; make, list, check and retire"
        " the encryption keys of backends."
    )
    examples = """
      manage.py keys create alice                       a key for alice, who is made if need be
      manage.py keys create backup --expires 90d --json
      eval "$(manage.py keys create alice --export)"    and the AWS clients of this shell use it
      manage.py keys create alice --access-key ALICE --secret-key-stdin < secret
      manage.py keys disable SGEXAMPLE
      manage.py keys generate --out /etc/sluicegate/key-2026
      manage.py keys check && manage.py keys retire key-2025
    """

    def add_arguments(self, parser: CommandParser) -> None:
        actions = self.actions(parser)
        create = actions.add_parser("create", help="make a key; its secret is shown once and never again")
        create.add_argument("user", metavar="NAME", help="whose key it is; the user is made if need be")
        create.add_argument("--root", action="store_true", help="the user may do everything in every bucket")
        create.add_argument(
            "--expires", type=expiry, metavar="WHEN", help="90d, 12h, 2027-01-31 or a date with time"
        )
        create.add_argument("--access-key", metavar="ID", help="this one instead of a random one")
        create.add_argument(
            "--secret-key-stdin", action="store_true", help="read the secret from standard input"
        )
        shown = create.add_mutually_exclusive_group()
        json_option(shown)
        shown.add_argument("--export", action="store_true", help="print a line for eval in a shell")
        listing = actions.add_parser("list", help="show all keys, without secrets, and what needs them")
        listing.add_argument("--user", metavar="NAME", help="only the access keys of one user")
        json_option(listing)
        for action, text in (
            ("disable", "refuse a key from now on"),
            ("enable", "accept it again"),
            ("delete", "take a key away for good"),
        ):
            self._named(actions.add_parser(action, help=text))
        self.add_encryption_actions(actions)

    @staticmethod
    def _named(parser: ArgumentParser) -> None:
        parser.add_argument("access_key", metavar="ACCESS_KEY")

    def create(self, options: dict[str, Any]) -> None:
        secret = read_stdin("secret") if options["secret_key_stdin"] else None
        with transaction.atomic():
            user = _user(options["user"], options["root"])
            access_key, secret = keys.create_key(
                user, options["access_key"], secret, expires=options["expires"]
            )
        if options["json"]:
            show_json(self, {"access_key": access_key, "secret_key": secret})
            return
        if options["export"]:
            words = (f"AWS_ACCESS_KEY_ID={access_key}", f"AWS_SECRET_ACCESS_KEY={secret}")
            self.stdout.write(shlex.join(["export", *words]))
            return
        self.stdout.write(f"Access key: {access_key}\nSecret key: {secret}")
        self.stderr.write("The secret is not shown again.")

    def list(self, options: dict[str, Any]) -> None:
        found = AccessKey.objects.select_related("user").order_by("created", "access_key")
        if options["user"]:
            found = found.filter(user=users.user_named(options["user"]))
        encryption = [] if options["user"] else self.encryption_keys()
        if options["json"]:
            rows = {
                "access_keys": [_row(key) for key in found],
                "encryption_keys": [encryption_row(state) for state in encryption],
            }
            show_json(self, rows)
            return
        now = timezone.now()
        heads = ("ACCESS KEY", "USER", "CREATED", "LAST USED", "EXPIRES", "STATE")
        show_table(self, heads, [_cells(key, now) for key in found])
        if encryption:
            self.stdout.write("")
            self.show_encryption_keys(encryption)

    def disable(self, options: dict[str, Any]) -> None:
        self._switch(options["access_key"], False)

    def enable(self, options: dict[str, Any]) -> None:
        self._switch(options["access_key"], True)

    def delete(self, options: dict[str, Any]) -> None:
        if not keys.delete_key(options["access_key"]):
            raise _no_key(options["access_key"])
        self.stdout.write(f"{options['access_key']} is deleted.")

    def _switch(self, access_key: str, enabled: bool) -> None:
        if not keys.set_enabled(access_key, enabled):
            raise _no_key(access_key)
        self.stdout.write(f"{access_key} is {'enabled' if enabled else 'disabled'}.")


def _user(name: str, root: bool) -> User:
    """The user of that name, made if there is none. Raises InvalidArgument if root is not wanted so."""
    user = User.objects.filter(name=name).first()
    if user is None:
        return users.create_user(name, root=root)
    if root and not user.root:
        raise InvalidArgument(f"{name} exists and is not a root user.")
    return user


def _no_key(access_key: str) -> InvalidArgument:
    return InvalidArgument(f"There is no access key {access_key}.")


def _row(key: AccessKey) -> dict[str, Any]:
    return {
        "access_key": key.access_key,
        "user": key.user.name,
        "owner_id": key.user.owner_id,
        "root": key.user.root,
        "disabled": not key.enabled,
        "user_disabled": not key.user.enabled,
        "created": key.created,
        "expires": key.expires,
        "last_used": key.last_used,
    }


def _cells(key: AccessKey, now: datetime) -> tuple[str, ...]:
    states = {
        "disabled": not key.enabled,
        "user disabled": not key.user.enabled,
        "expired": key.expires is not None and key.expires <= now,
        "root": key.user.root,
    }
    state = ", ".join(name for name, so in states.items() if so)
    times = (key.created, key.last_used, key.expires)
    return (key.access_key, key.user.name, *map(moment, times), state)
