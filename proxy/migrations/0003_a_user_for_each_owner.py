"""Every owner of access keys becomes a user, who keeps the owner id and so the buckets.

Keys could do everything in every bucket before there were rights, so their users get a policy that
says so. An operator takes it away where it is too much.
"""

import json
import re
from itertools import count

from django.db import migrations

_EVERYTHING = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
)
_NAME_LENGTH = 64


def _name(wanted, taken):
    """A user name made of what a key was called, that nobody has yet."""
    plain = re.sub(r"[^\w+=,.@-]+", "-", wanted, flags=re.ASCII).strip("-") or "user"
    for number in count(1):
        ending = "" if number == 1 else f"-{number}"
        name = plain[: _NAME_LENGTH - len(ending)] + ending
        if name not in taken:
            return name


def _make_users(apps, schema_editor):
    access_keys = apps.get_model("proxy", "AccessKey").objects
    users = apps.get_model("proxy", "User").objects
    policies = apps.get_model("proxy", "Policy").objects
    made = {}
    # Root first, so that its user gets its name.
    for key in access_keys.filter(user=None).order_by("-root", "created", "access_key"):
        user = made.get(key.owner_id)
        if user is None:
            wanted = "root" if key.root else key.display_name or key.access_key
            name = _name(wanted, {one.name for one in made.values()})
            user = made[key.owner_id] = users.create(name=name, owner_id=key.owner_id, root=key.root)
            if not key.root:
                policies.create(name="everything", text=_EVERYTHING, user=user)
        key.user = user
        key.save(update_fields=["user"])


class Migration(migrations.Migration):

    dependencies = [("proxy", "0002_users_groups_and_policies")]

    operations = [migrations.RunPython(_make_users)]
