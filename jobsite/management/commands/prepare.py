"""Create what is missing: secrets, tables, backends, the root access key and the admin."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from jobsite.preparing import ADMIN, Prepared, prepare
from jobsite.sqlite.opening import FAILURES
from proxy.errors import S3Error

NAMES = {
    "AWS_ACCESS_KEY_ID": "Root access key",
    "AWS_SECRET_ACCESS_KEY": "Root secret key",
    "SLUICEGATE_ADMIN_PASSWORD": "Admin password",
}


class Command(BaseCommand):
    requires_system_checks = ()  # `prepare` runs them all, those of the database too
    help = "Create what is missing (secrets, tables, backends, root access key, admin). `serve` does it too."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            prepared = prepare(verbosity=max(0, options["verbosity"] - 1))
        except (*FAILURES, S3Error) as error:
            raise CommandError(str(error)) from error
        tell(self, prepared)


def tell(command: BaseCommand, prepared: Prepared) -> None:
    """Print what was generated: this once, and never again."""
    for name in prepared.unavailable:
        command.stderr.write(f"Backend {name} is unavailable: its buckets answer 503 until it is back.")
    if not prepared.made:
        return
    command.stdout.write("Made on this first start:\n")
    for name, value in prepared.made.items():
        user = f" (user {ADMIN})" if name == "SLUICEGATE_ADMIN_PASSWORD" else ""
        command.stdout.write(f"  {NAMES[name] + user:<28} {value}")
    command.stdout.write(f"They are kept in {prepared.credentials}, readable by you alone.")
    command.stdout.write("For clients make keys that are not root: manage.py keys create NAME\n")
