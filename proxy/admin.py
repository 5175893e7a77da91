"""Django admin: buckets, users and what belongs to them, to look at, and to switch off and on.

Routes and gates change by jobs, users and policies by commands and by the console's own pages;
secrets are nowhere here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from proxy import identity, keys, users
from proxy.errors import InvalidArgument
from proxy.models import AccessKey, Bucket, Group, Policy, User


class Looking(admin.ModelAdmin):
    """No add, no change, no delete, whatever the login's rights."""

    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class Switching(Looking):
    """What can be disabled and enabled, by superusers."""

    actions = ("disable", "enable")

    def has_switch_permission(self, request: HttpRequest) -> bool:
        return bool(getattr(request.user, "is_superuser", False))

    @admin.action(description="Disable, from the next request on", permissions=["switch"])
    def disable(self, request: HttpRequest, chosen: QuerySet) -> None:
        self._switch(request, chosen, False)

    @admin.action(description="Enable", permissions=["switch"])
    def enable(self, request: HttpRequest, chosen: QuerySet) -> None:
        self._switch(request, chosen, True)

    def _switch(self, request: HttpRequest, chosen: Iterable[Any], enabled: bool) -> None:
        word = "enabled" if enabled else "disabled"
        for one in chosen:
            try:
                self.switch(one, enabled)
            except InvalidArgument as error:
                self.message_user(request, error.message, messages.ERROR)
                continue
            self.log_change(request, one, word)
            self.message_user(request, f"{one} is {word}.", messages.SUCCESS)

    def switch(self, one: Any, enabled: bool) -> None:
        """Disable or enable one row. Raises InvalidArgument."""
        raise NotImplementedError


@admin.register(Bucket)
class BucketAdmin(Looking):
    list_display = ("name", "owner", "backend", "gate_holder", "gate_generation")
    list_filter = ("backend",)
    search_fields = ("name", "=owner_id")
    ordering = ("name",)

    def owner(self, bucket: Bucket) -> str:
        return identity.name_of(bucket.owner_id) or bucket.owner_id


@admin.register(User)
class UserAdmin(Switching):
    list_display = ("name", "owner_id", "enabled", "root", "creates_buckets", "login", "created")
    list_filter = ("enabled", "root", "groups")
    list_select_related = ("login",)
    search_fields = ("name", "=owner_id")
    ordering = ("name",)

    def switch(self, one: Any, enabled: bool) -> None:
        users.set_enabled(one, enabled)


@admin.register(AccessKey)
class AccessKeyAdmin(Switching):
    list_display = fields = ("access_key", "user", "enabled", "created", "expires", "last_used")
    list_filter = ("enabled",)
    list_select_related = ("user",)
    search_fields = ("access_key", "user__name")
    ordering = ("user__name", "created")

    def switch(self, one: Any, enabled: bool) -> None:
        keys.set_enabled(one.access_key, enabled)


@admin.register(Group)
class GroupAdmin(Looking):
    list_display = ("name", "created")
    search_fields = ("name", "members__name")
    ordering = ("name",)


@admin.register(Policy)
class PolicyAdmin(Looking):
    list_display = ("name", "user", "group", "created")
    list_select_related = ("user", "group")
    search_fields = ("name", "user__name", "group__name")
    ordering = ("name",)
