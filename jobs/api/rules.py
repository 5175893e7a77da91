"""`/_/api/admin/rules`: the rules in force, and taking those of the configuration over."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from jobs import actions
from jobs.actions.rules import finding_rows, synced_row
from jobs.api.serializers import ErrorAnswer
from jobs.api.views import ApiView


class FindingRow(serializers.Serializer[Any]):
    line = serializers.IntegerField(help_text="Of the configuration file; 0: the file as a whole.")
    text = serializers.CharField()


class RuleRow(serializers.Serializer[Any]):
    id = serializers.CharField(help_text="Of its job.")
    kind = serializers.ChoiceField(["replication", "lifecycle"])
    rule = serializers.CharField(help_text="Its name in the file, or bucket:<name> for S3's own lifecycle.")
    name = serializers.CharField()
    bucket = serializers.CharField()
    enabled = serializers.BooleanField()
    paused = serializers.BooleanField()


class Attempt(serializers.Serializer[Any]):
    at = serializers.IntegerField(help_text="Unix seconds.")
    by = serializers.CharField()
    refused = serializers.BooleanField(help_text="Whether it changed nothing because of the findings.")
    findings = FindingRow(many=True)


class RulesAnswer(serializers.Serializer[Any]):
    file = serializers.CharField(help_text="The file.")
    in_force_since = serializers.IntegerField(required=False, help_text="Unix seconds.")
    last_attempt = Attempt(required=False)
    rules = RuleRow(many=True)


class Changes(serializers.Serializer[Any]):
    added = serializers.ListField(child=serializers.CharField(), help_text="Ids of jobs, as all here.")
    changed = serializers.ListField(child=serializers.CharField())
    removed = serializers.ListField(child=serializers.CharField())


class SyncAnswer(serializers.Serializer[Any]):
    added = serializers.IntegerField()
    changed = serializers.IntegerField()
    removed = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    changes = Changes()
    notes = FindingRow(many=True, help_text="Nothing is wrong, but it should be known.")


class CheckAnswer(SyncAnswer):
    refused = serializers.BooleanField(help_text="Whether a sync would change nothing for the findings.")
    findings = FindingRow(many=True)


class RefusedAnswer(ErrorAnswer):
    file = serializers.CharField()
    findings = FindingRow(many=True)


class Rules(ApiView):
    """The rules in force, and the last attempt to take over those of the file."""

    @extend_schema(operation_id="rules", responses={200: RulesAnswer})
    def get(self, request: Request) -> Response:
        return Response(actions.rules_state(self.actor).row())


class RulesCheck(ApiView):
    """What a sync would find and change now; changes nothing."""

    @extend_schema(operation_id="rules_check", request=None, responses={200: CheckAnswer})
    def post(self, request: Request) -> Response:
        found = actions.check_rules(self.actor)
        told = {"refused": found.refused, "findings": finding_rows(found.findings)}
        return Response(synced_row(found) | told)


class RulesSync(ApiView):
    """Take the rules of the file over: all of them, or none if anything is wrong."""

    @extend_schema(operation_id="rules_sync", request=None, responses={200: SyncAnswer, 409: RefusedAnswer})
    def post(self, request: Request) -> Response:
        return Response(synced_row(actions.sync_rules(self.actor)))
