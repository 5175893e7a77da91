"""Users from the command line."""

from __future__ import annotations

import sys
from getpass import getpass
from typing import Any

from django.core.management.base import CommandParser

from proxy import users
from proxy.errors import InvalidArgument
from proxy.management.speaking import Speaking, json_option, moment, read_stdin, show_json, show_table
from proxy.models import User


class Command(Speaking):
    help = "Make users, switch them off, and let them sign in to the console. Their keys: manage.py keys."
    examples = """
      manage.py users create alice
      manage.py users create bob --no-buckets --password-stdin < password
      manage.py users show alice
      manage.py users password alice            asks for it; or reads it from a pipe
      manage.py users disable alice             all keys and the console, from the next request on
    """

    def add_arguments(self, parser: CommandParser) -> None:
        actions = self.actions(parser)
        create = actions.add_parser("create", help="make a user")
        create.add_argument("name", metavar="NAME")
        create.add_argument("--no-buckets", action="store_true", help="the user may not create buckets")
        create.add_argument("--password-stdin", action="store_true", help="one for the console")
        json_option(create)
        json_option(actions.add_parser("list", help="show all users"))
        for action, text in _NAMED.items():
            named = actions.add_parser(action, help=text)
            named.add_argument("name", metavar="NAME")
            if action == "show":
                json_option(named)

    def create(self, options: dict[str, Any]) -> None:
        password = read_stdin("password") if options["password_stdin"] else None
        name = options["name"]
        user = users.create_user(name, creates_buckets=not options["no_buckets"], password=password)
        if options["json"]:
            show_json(self, _facts(user))
            return
        self.stdout.write(f"User {name} with the canonical id {user.owner_id}.")
        self.stderr.write(f"Make a key with: manage.py keys create {name}")

    def list(self, options: dict[str, Any]) -> None:
        found = User.objects.select_related("login").order_by("name")
        if options["json"]:
            show_json(self, [_facts(user) for user in found])
            return
        heads = ("NAME", "CANONICAL ID", "CREATED", "STATE")
        show_table(self, heads, [(u.name, u.owner_id, moment(u.created), _state(u)) for u in found])

    def show(self, options: dict[str, Any]) -> None:
        user = users.user_named(options["name"])
        facts = _facts(user) | _belongings(user)
        if options["json"]:
            show_json(self, facts)
            return
        for name, value in facts.items():
            shown = ", ".join(value) or "none" if isinstance(value, list) else value
            self.stdout.write(f"{name.replace('_', ' '):<16} {shown}")

    def disable(self, options: dict[str, Any]) -> None:
        users.set_enabled(users.user_named(options["name"]), False)
        self.stdout.write(f"{options['name']} is disabled, with all keys.")

    def enable(self, options: dict[str, Any]) -> None:
        users.set_enabled(users.user_named(options["name"]), True)
        self.stdout.write(f"{options['name']} is enabled.")

    def delete(self, options: dict[str, Any]) -> None:
        users.delete_user(users.user_named(options["name"]))
        self.stdout.write(f"{options['name']} is deleted, with all keys.")

    def password(self, options: dict[str, Any]) -> None:
        user = users.user_named(options["name"])
        users.set_password(user, _asked() if sys.stdin.isatty() else read_stdin("password"))
        self.stdout.write(f"{user.name} can sign in to the console with the new password.")


_NAMED = {
    "show": "show a user with keys, groups, policies and buckets",
    "disable": "refuse all keys and the console from now on",
    "enable": "accept them again",
    "delete": "take a user away, who must not own buckets, with all keys",
    "password": "set the password for the console; read from standard input if that is no terminal",
}


def _asked() -> str:
    password = getpass("Password: ")
    if getpass("Again: ") != password:
        raise InvalidArgument("The two are not the same.")
    return password


def _facts(user: User) -> dict[str, Any]:
    return {
        "name": user.name,
        "owner_id": user.owner_id,
        "enabled": user.enabled,
        "root": user.root,
        "creates_buckets": user.creates_buckets,
        "console_login": user.login.get_username() if user.login else None,
        "created": user.created,
    }


def _belongings(user: User) -> dict[str, Any]:
    return {
        "access_keys": [key.access_key for key in user.keys.order_by("created")],
        "groups": [group.name for group in user.groups.order_by("name")],
        "policies": [policy.name for policy in user.policies.order_by("name")],
        "buckets": users.owned_buckets(user),
    }


def _state(user: User) -> str:
    states = {
        "root": user.root,
        "disabled": not user.enabled,
        "no buckets": not user.creates_buckets,
        "console": user.login_id is not None,
    }
    return ", ".join(name for name, so in states.items() if so)
