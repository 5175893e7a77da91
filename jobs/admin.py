"""Django admin: jobs and what belongs to them, to look at. What changes a job is `jobs.actions`."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest

from jobs.models import ApiToken, AuditEntry, Failure, Job, RuleSync, Run

admin.site.site_header = admin.site.site_title = "Sluicegate"
admin.site.site_url = "/_/jobs/"
for _model in apps.get_app_config("django_q").get_models():
    if admin.site.is_registered(_model):  # a schedule or a message made by hand would run any function
        admin.site.unregister(_model)


class ReadOnly(admin.ModelAdmin):
    """No add, no change, no delete, whatever the user's rights."""

    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Job)
class JobAdmin(ReadOnly):
    list_display = (
        "public_id",
        "kind",
        "bucket_name",
        "status",
        "mode",
        "phase",
        "paused",
        "enabled",
        "declared",
        "processed",
        "failed",
        "created_at",
    )
    list_filter = ("kind", "status", "paused", "enabled", "declared")
    search_fields = ("name", "rule", "bucket_name", "last_error")
    ordering = ("-id",)


@admin.register(Run)
class RunAdmin(ReadOnly):
    list_display = (
        "id",
        "job",
        "mode",
        "triggered_by",
        "status",
        "status_raw",
        "started_at",
        "finished_at",
        "errors",
    )
    list_filter = ("status", "mode")
    list_select_related = ("job",)
    ordering = ("-id",)


@admin.register(Failure)
class FailureAdmin(ReadOnly):
    list_display = ("id", "job", "code", "bucket", "key", "phase", "occurred_at")
    list_filter = ("code",)
    search_fields = ("key", "code")
    list_select_related = ("job",)
    ordering = ("-id",)


@admin.register(RuleSync)
class RuleSyncAdmin(ReadOnly):
    list_display = ("tried_at", "by", "synced_at", "revision")


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnly):
    list_display = ("name", "created_at", "last_used_at", "expires_at")
    exclude = ("digest",)


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnly):
    list_display = ("at", "actor", "origin", "action", "job")
    list_filter = ("action",)
    search_fields = ("actor", "origin")
    list_select_related = ("job",)
    ordering = ("-id",)
