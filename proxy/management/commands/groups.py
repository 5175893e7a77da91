"""Groups of users from the command line."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from proxy import attachments, users
from proxy.management.speaking import Speaking, json_option, show_json, show_table
from proxy.models import Group


class Command(Speaking):
    help = "Groups of users. What is attached to a group (manage.py policies) holds for all members."
    examples = """
      manage.py groups create readers
      manage.py groups add readers alice bob
      manage.py groups remove readers bob
      manage.py groups list
    """

    def add_arguments(self, parser: CommandParser) -> None:
        actions = self.actions(parser)
        for action, text in (("create", "make a group"), ("delete", "take a group away, with its policies")):
            actions.add_parser(action, help=text).add_argument("group", metavar="GROUP")
        for action, text in (("add", "make users members"), ("remove", "end their membership")):
            changed = actions.add_parser(action, help=text)
            changed.add_argument("group", metavar="GROUP")
            changed.add_argument("users", metavar="USER", nargs="+")
        json_option(actions.add_parser("list", help="show all groups with members and policies"))

    def create(self, options: dict[str, Any]) -> None:
        attachments.create_group(options["group"])
        self.stdout.write(f"Group {options['group']}.")

    def delete(self, options: dict[str, Any]) -> None:
        attachments.group_named(options["group"]).delete()
        self.stdout.write(f"{options['group']} is deleted.")

    def add(self, options: dict[str, Any]) -> None:
        group = attachments.group_named(options["group"])
        group.members.add(*map(users.user_named, options["users"]))
        self.stdout.write(f"{group.name} has {group.members.count()} members.")

    def remove(self, options: dict[str, Any]) -> None:
        group = attachments.group_named(options["group"])
        group.members.remove(*map(users.user_named, options["users"]))
        self.stdout.write(f"{group.name} has {group.members.count()} members.")

    def list(self, options: dict[str, Any]) -> None:
        found = Group.objects.prefetch_related("members", "policies").order_by("name")
        rows = [
            {
                "name": group.name,
                "members": sorted(user.name for user in group.members.all()),
                "policies": sorted(policy.name for policy in group.policies.all()),
            }
            for group in found
        ]
        if options["json"]:
            show_json(self, rows)
            return
        cells = [(str(r["name"]), ", ".join(r["members"]), ", ".join(r["policies"])) for r in rows]
        show_table(self, ("GROUP", "MEMBERS", "POLICIES"), cells)
