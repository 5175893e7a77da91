"""Buckets from the command line: which there are, and adopting those that a service has."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import CommandError, CommandParser

from proxy import adoption, users
from proxy.adoption import Adoption, Became
from proxy.errors import BackendUnavailable, InvalidArgument
from proxy.management.speaking import Speaking, json_option, show_json, show_table
from proxy.models import Bucket, User
from proxy.records import BucketRecord, list_buckets


class Command(Speaking):
    help = "List buckets, and adopt real buckets that exist on a backend already."
    examples = """
      manage.py buckets list
      manage.py buckets adopt minio photos              photos of the backend minio, its objects untouched
      manage.py buckets adopt minio --all --owner alice
      manage.py buckets adopt minio api --as minio-api  under another name than there
      manage.py buckets adopt minio --all --preview     what would happen; changes nothing
    """

    def add_arguments(self, parser: CommandParser) -> None:
        actions = self.actions(parser)
        json_option(actions.add_parser("list", help="show every bucket and where it is"))
        adopt = actions.add_parser("adopt", help="make real buckets of a service buckets here")
        adopt.add_argument("backend", metavar="BACKEND")
        adopt.add_argument("buckets", metavar="BUCKET", nargs="*", help="as the service calls them")
        adopt.add_argument("--all", action="store_true", help="every real bucket that the credentials see")
        adopt.add_argument("--owner", metavar="USER", help="whose they become; else the root user's")
        adopt.add_argument("--as", dest="name", metavar="NAME", help="what clients call it, for one bucket")
        adopt.add_argument("--preview", action="store_true", help="say what would happen and change nothing")
        json_option(adopt)

    def list(self, options: dict[str, Any]) -> None:
        owners = dict(User.objects.values_list("owner_id", "name"))
        found = list_buckets(limit=max(1, Bucket.objects.count()))
        if options["json"]:
            show_json(self, [_row(bucket, owners) for bucket in found])
            return
        heads = ("BUCKET", "BACKEND", "REAL BUCKET", "OWNER", "VERSIONING", "WRITES")
        show_table(self, heads, [_cells(bucket, owners) for bucket in found])

    def adopt(self, options: dict[str, Any]) -> None:
        backend, wanted = options["backend"], _wanted(options)
        owner = _owner(options["owner"])
        done: list[Adoption] = []
        for real in wanted:
            name = options["name"] or adoption.name_for(backend, real)
            now_ms = time.time_ns() // 1_000_000
            try:
                done.append(
                    adoption.adopt(backend, real, name, owner.owner_id, now_ms, preview=options["preview"])
                )
            except BackendUnavailable as error:
                if len(wanted) == 1:
                    raise
                # (It may be this one alone: it is in another region, or its policy keeps us out.)
                done.append(Adoption(real, name, Became.REFUSED, error.message))
        if options["json"]:
            show_json(self, [_outcome(each) for each in done])
        else:
            show_table(self, ("REAL BUCKET", "BUCKET", "RESULT", ""), [_told(each) for each in done])
        refused = sum(each.became is Became.REFUSED for each in done)
        if refused:
            raise CommandError(f"{refused} of {len(done)} were refused.")


def _wanted(options: dict[str, Any]) -> list[str]:
    """Raises InvalidArgument."""
    named = list(options["buckets"])
    if options["all"] == bool(named):
        raise InvalidArgument("Name the buckets to adopt, or give --all.")
    wanted = sorted(adoption.real_buckets(options["backend"])) if options["all"] else named
    if options["name"] and len(wanted) != 1:
        raise InvalidArgument("--as is for one bucket.")
    return wanted


def _owner(name: str | None) -> User:
    """Raises InvalidArgument."""
    if name is not None:
        return users.user_named(name)
    root = User.objects.filter(root=True).order_by("id").first()
    if root is None:
        raise InvalidArgument("There is no root user yet; say --owner.")
    return root


def _row(bucket: BucketRecord, owners: dict[str, str]) -> dict[str, Any]:
    return {
        "name": bucket.name,
        "backend": bucket.route.backend,
        "real_bucket": bucket.route.place.bucket,
        "owner": owners.get(bucket.owner_id, bucket.owner_id),
        "versioning": bucket.settings.versioning,
        "gate_holder": bucket.gate.holder,
    }


def _cells(bucket: BucketRecord, owners: dict[str, str]) -> tuple[str, ...]:
    row = _row(bucket, owners)
    writes = f"paused ({bucket.gate.holder})" if bucket.gate.closed else "open"
    shown = (row["name"], row["backend"], row["real_bucket"], row["owner"], row["versioning"] or "never")
    return (*shown, writes)


def _outcome(done: Adoption) -> dict[str, str]:
    return {
        "real_bucket": done.real_bucket,
        "name": done.name,
        "result": done.became.value,
        "why": done.why,
        "versioning": done.versioning,
    }


def _told(done: Adoption) -> tuple[str, str, str, str]:
    kept = f"versioning {done.versioning.lower()}" if done.versioning else ""
    return done.real_bucket, done.name, done.became.value, done.why or kept
