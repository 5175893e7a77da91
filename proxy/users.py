"""Users: making them, switching them off, taking them away, letting them sign in to the console."""

from __future__ import annotations

import re

from django.contrib.auth import get_user_model
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from proxy.errors import InvalidArgument
from proxy.models import Bucket, User

_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]{1,64}")


def create_user(
    name: str, *, creates_buckets: bool = True, root: bool = False, password: str | None = None
) -> User:
    """Make a user; with a password also the console's account of that name.

    Names are those of IAM. Raises InvalidArgument for a bad or taken name and a bad password.
    """
    check_name(name, "user")
    with transaction.atomic():
        try:
            with transaction.atomic():
                user = User.objects.create(name=name, creates_buckets=creates_buckets, root=root)
        except IntegrityError:
            raise InvalidArgument(f"The user {name} exists already.") from None
        if password is not None:
            set_password(user, password)
    return user


def check_name(name: str, what: str) -> None:
    """Raise InvalidArgument unless a user, group or policy may be called so.

    Source: AWS IAM User Guide, "IAM and AWS STS quotas", names.
    """
    if not _NAME.fullmatch(name):
        raise InvalidArgument(f"The name of a {what} has 1 to 64 letters, digits and signs of _+=,.@-")


def user_named(name: str) -> User:
    """Raises InvalidArgument if there is no such user."""
    user = User.objects.filter(name=name).first()
    if user is None:
        raise InvalidArgument(f"There is no user {name}.")
    return user


@transaction.atomic
def set_password(user: User, password: str) -> None:
    """Let the user sign in to the console with this password; sessions of an older one end.

    Raises InvalidArgument for a password that is too simple, or if the name is somebody else's there.
    """
    accounts = get_user_model()._default_manager
    account = user.login
    if account is None:
        if accounts.filter(username=user.name).exists():
            raise InvalidArgument(f"The console has another account {user.name} already.")
        account = accounts.create(username=user.name, is_active=user.enabled)
        user.login = account
        user.save(update_fields=["login"])
    try:
        validate_password(password, account)
    except ValidationError as error:
        raise InvalidArgument(" ".join(error.messages)) from None
    account.set_password(password)
    account.save(update_fields=["password"])


@transaction.atomic
def set_enabled(user: User, enabled: bool) -> None:
    """Switch all of a user's keys and the console account on or off, from the next request on.

    Raises InvalidArgument for root, without whom nobody could undo it.
    """
    if user.root and not enabled:
        raise InvalidArgument(f"{user.name} is a root user. Disable its access keys instead.")
    User.objects.filter(pk=user.pk).update(enabled=enabled)
    if user.login_id is not None:
        get_user_model()._default_manager.filter(pk=user.login_id).update(is_active=enabled)


@transaction.atomic
def delete_user(user: User) -> None:
    """Take a user away, with keys, policies and console account.

    Raises InvalidArgument for root, and while the user owns buckets.
    """
    if user.root:
        raise InvalidArgument(f"{user.name} is a root user and cannot be deleted.")
    owned = owned_buckets(user)
    if owned:
        shown = ", ".join(owned[:10]) + (f" and {len(owned) - 10} more" if len(owned) > 10 else "")
        raise InvalidArgument(f"{user.name} owns buckets: {shown}. Delete them first, or disable the user.")
    account = user.login
    user.delete()
    if account is not None:
        account.delete()


def owned_buckets(user: User) -> list[str]:
    """The names of the user's buckets, in order."""
    return list(Bucket.objects.filter(owner_id=user.owner_id).order_by("name").values_list("name", flat=True))
