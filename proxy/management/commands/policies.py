"""Policies of users and groups from the command line."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from proxy import attachments, users
from proxy.errors import InvalidArgument
from proxy.management.speaking import Speaking, json_option, show_json, show_table
from proxy.models import Group, Policy, User


class Command(Speaking):
    help = "Attach policies (JSON in the grammar of AWS) to users and groups. The default is deny."
    examples = """
      manage.py policies attach --user alice read-photos policy.json
      manage.py policies attach --group readers read-photos - < policy.json
      manage.py policies show --user alice read-photos
      manage.py policies detach --group readers read-photos
    """

    def add_arguments(self, parser: CommandParser) -> None:
        actions = self.actions(parser)
        attach = actions.add_parser("attach", help="attach a policy, or replace the one of that name")
        _whose(attach, required=True)
        attach.add_argument("policy", metavar="POLICY", help="its name, unique for that user or group")
        attach.add_argument("file", metavar="FILE", help="the JSON document; - for standard input")
        for action, text in (("detach", "take a policy away"), ("show", "print a policy")):
            one = actions.add_parser(action, help=text)
            _whose(one, required=True)
            one.add_argument("policy", metavar="POLICY")
        listing = actions.add_parser("list", help="show which policies are attached to whom")
        _whose(listing, required=False)
        json_option(listing)

    def attach(self, options: dict[str, Any]) -> None:
        whose = _found(options)
        attachments.attach(whose, options["policy"], _text(options["file"]))
        self.stdout.write(f"{options['policy']} is attached to {whose.name}.")

    def detach(self, options: dict[str, Any]) -> None:
        whose = _found(options)
        attachments.detach(whose, options["policy"])
        self.stdout.write(f"{options['policy']} is detached from {whose.name}.")

    def show(self, options: dict[str, Any]) -> None:
        self.stdout.write(attachments.policy_of(_found(options), options["policy"]).text)

    def list(self, options: dict[str, Any]) -> None:
        found = Policy.objects.select_related("user", "group").order_by("user__name", "group__name", "name")
        if options["user"] or options["group"]:
            whose = _found(options)
            found = found.filter(**{"user" if isinstance(whose, User) else "group": whose})
        rows = [_row(policy) for policy in found]
        if options["json"]:
            show_json(self, rows)
            return
        show_table(self, ("POLICY", "USER", "GROUP"), [(r["policy"], r["user"], r["group"]) for r in rows])


def _whose(parser: ArgumentParser, *, required: bool) -> None:
    whose = parser.add_mutually_exclusive_group(required=required)
    whose.add_argument("--user", metavar="NAME")
    whose.add_argument("--group", metavar="NAME")


def _found(options: dict[str, Any]) -> User | Group:
    if options["user"]:
        return users.user_named(options["user"])
    return attachments.group_named(options["group"])


def _text(name: str) -> str:
    """The document, or as much of it as says that it is too large. Raises InvalidArgument."""
    most = attachments.MAX_POLICY_BYTES + 1
    try:
        if name == "-":
            return sys.stdin.read(most)
        with Path(name).open("rb") as file:
            return file.read(most).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidArgument(f"{name} cannot be read: {error}") from None


def _row(policy: Policy) -> dict[str, str]:
    return {
        "policy": policy.name,
        "user": policy.user.name if policy.user else "",
        "group": policy.group.name if policy.group else "",
    }
