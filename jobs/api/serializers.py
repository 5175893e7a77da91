"""What bodies must look like, and what the OpenAPI document says of the answers."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from jobs.actions.starting import MOST_BUCKETS
from jobs.kinds.migration.keeping import DROPS
from jobs.kinds.reencryption.deciding import MODES
from jobs.presentation import rows
from jobs.states import Status

STATUSES = [status.value for status in Status]
TRIGGERS = list(rows.TRIGGERS)


class Strict(serializers.Serializer[Any]):
    """Refuses fields that it does not know: a misspelt `delete_source` must not pass."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            unknown = sorted(str(name) for name in set(data) - set(self.fields))
            if unknown:
                raise serializers.ValidationError({unknown[0][:40]: "There is no such field."})
        return super().to_internal_value(data)


class Flag(serializers.BooleanField):
    """true or false and nothing that only looks like them."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class LoginRequest(Strict):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=4096, trim_whitespace=False)


class LoginAnswer(serializers.Serializer[Any]):
    user = serializers.CharField()
    csrf_token = serializers.CharField(help_text="Send it as X-CSRFToken with every POST of this session.")


class MigrateRequest(Strict):
    target_backend = serializers.CharField(max_length=64, help_text="A backend of sluicegate.yaml.")
    delete_source = Flag(default=False, help_text="Delete the source after the flip.")
    replace_target = Flag(default=False, help_text="Allow a target that holds something; it goes.")
    drop = serializers.ListField(
        child=serializers.ChoiceField(choices=DROPS),
        default=list,
        max_length=len(DROPS),
        help_text="What may be lost where the target cannot keep it; what it can keep moves all the same.",
    )
    precopy = Flag(default=False, help_text="Copy while clients write, and close the gate for what is left.")


class MigrateAnswer(serializers.Serializer[Any]):
    job_id = serializers.IntegerField()
    id = serializers.CharField(help_text="maintenance:42")
    bucket = serializers.CharField()
    from_backend = serializers.CharField()
    to_backend = serializers.CharField()


class ReencryptRequest(Strict):
    buckets = serializers.ListField(
        child=serializers.CharField(max_length=100), min_length=1, max_length=MOST_BUCKETS
    )
    mode = serializers.ChoiceField(
        choices=MODES,
        required=False,
        help_text="rewrap: a fresh bucket key and new wraps, no body moves."
        " rewrite: every body is sealed anew. Left away: as little as the configuration wants.",
    )


class Refused(serializers.Serializer[Any]):
    bucket = serializers.CharField()
    error = serializers.CharField()
    code = serializers.CharField()


class ReencryptStarted(serializers.Serializer[Any]):
    bucket = serializers.CharField()
    job_id = serializers.IntegerField()
    id = serializers.CharField(help_text="maintenance:42")


class ReencryptAnswer(serializers.Serializer[Any]):
    started = ReencryptStarted(many=True)
    errors = Refused(many=True)  # type: ignore[assignment]  # a property of serializers


class ReencryptPreviewAnswer(serializers.Serializer[Any]):
    previews = serializers.ListField(child=serializers.DictField())
    errors = Refused(many=True)  # type: ignore[assignment]  # a property of serializers


class ErrorAnswer(serializers.Serializer[Any]):
    error = serializers.CharField()
    code = serializers.CharField()


class NotSupportedAnswer(ErrorAnswer):
    supported = serializers.ListField(child=serializers.CharField())


class Scope(serializers.Serializer[Any]):
    bucket = serializers.CharField()
    prefix = serializers.CharField(required=False)
    target = serializers.CharField(required=False, help_text="A backend, or a bucket and a prefix.")


class Progress(serializers.Serializer[Any]):
    processed = serializers.IntegerField()
    total = serializers.IntegerField(required=False)
    bytes = serializers.IntegerField()
    bytes_total = serializers.IntegerField(required=False)
    failed = serializers.IntegerField()
    skipped = serializers.IntegerField()


class Rate(serializers.Serializer[Any]):
    objects_s = serializers.FloatField()
    bytes_s = serializers.FloatField()


class Lifetime(serializers.Serializer[Any]):
    objects = serializers.IntegerField()
    bytes = serializers.IntegerField()


class JobRow(serializers.Serializer[Any]):
    id = serializers.CharField()
    kind = serializers.CharField()
    name = serializers.CharField()
    scope = Scope()
    trigger = serializers.ChoiceField(TRIGGERS)
    paused = serializers.BooleanField(required=False)
    enabled = serializers.BooleanField(required=False, help_text="Of rules: as the configuration says.")
    declared = serializers.BooleanField(required=False, help_text="Of rules: false once it is gone.")
    status = serializers.ChoiceField(STATUSES)
    status_raw = serializers.CharField()
    with_errors = serializers.BooleanField()
    phase = serializers.CharField(required=False)
    percent = serializers.IntegerField(required=False)
    progress = Progress()
    rate = Rate(required=False)
    eta_s = serializers.IntegerField(required=False)
    waiting = serializers.BooleanField(
        required=False, help_text="For reads of what was replaced; there is no rate meanwhile."
    )
    lifetime = Lifetime(required=False, help_text="Of rules: all their runs.")
    last_run_at = serializers.IntegerField(required=False, help_text="Unix seconds, as all times here.")
    next_due_at = serializers.IntegerField(required=False, help_text="Unless nothing runs by itself.")
    created_at = serializers.IntegerField(required=False)
    started_at = serializers.IntegerField(required=False)
    finished_at = serializers.IntegerField(required=False)
    last_error = serializers.CharField(required=False)
    actions = serializers.ListField(child=serializers.CharField(), help_text="Those that apply now.")
    detail = serializers.DictField()


class JobAnswer(JobRow):
    definition = serializers.DictField()


class JobsAnswer(serializers.Serializer[Any]):
    workers = serializers.DictField()
    jobs = JobRow(many=True)
    next_cursor = serializers.CharField(required=False)


class RunRow(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    mode = serializers.CharField(required=False)
    triggered_by = serializers.CharField()
    started_at = serializers.IntegerField()
    finished_at = serializers.IntegerField(required=False)
    status = serializers.ChoiceField(STATUSES)
    status_raw = serializers.CharField()
    objects_scanned = serializers.IntegerField()
    objects_processed = serializers.IntegerField()
    objects_skipped = serializers.IntegerField()
    objects_deleted = serializers.IntegerField(required=False)
    bytes = serializers.IntegerField()
    errors = serializers.IntegerField()  # type: ignore[assignment]  # a property of serializers
    detail = serializers.DictField(required=False, help_text="What a rule's kind reported at its end.")


class BegunRun(RunRow):
    job_id = serializers.IntegerField()
    job = serializers.CharField(help_text="replication:mirror")


class Candidate(serializers.Serializer[Any]):
    key = serializers.CharField()
    version_id = serializers.CharField(help_text="Or the id of a multipart upload.")
    size = serializers.IntegerField()
    age_s = serializers.IntegerField()
    rule = serializers.CharField()
    action = serializers.CharField()
    reason = serializers.CharField()


class Amount(serializers.Serializer[Any]):
    objects = serializers.IntegerField()
    bytes = serializers.IntegerField()


class PreviewAnswer(serializers.Serializer[Any]):
    name = serializers.CharField()
    bucket = serializers.CharField()
    backend = serializers.CharField()
    candidates = Candidate(many=True, help_text="The first 1,000.")
    kept = Candidate(many=True, help_text="The first 100 that a rule would touch and that stay.")
    totals = serializers.DictField(child=Amount(), help_text="By action.")
    kept_totals = serializers.DictField(child=serializers.IntegerField(), help_text="By what keeps them.")
    by_rule = serializers.DictField(child=serializers.IntegerField())
    looked_at = serializers.IntegerField()
    exact = serializers.BooleanField(help_text="false: there is at least so much.")
    notes = serializers.ListField(child=serializers.CharField())


class RunsAnswer(serializers.Serializer[Any]):
    runs = RunRow(many=True)


class FailureRow(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    run_id = serializers.IntegerField(required=False)
    occurred_at = serializers.IntegerField()
    object_key = serializers.CharField()
    source_key = serializers.CharField(required=False, help_text="Of replication.")
    dest_key = serializers.CharField(required=False, help_text="Of replication.")
    bucket = serializers.CharField(required=False)
    version_id = serializers.CharField(required=False)
    phase = serializers.CharField(required=False)
    code = serializers.CharField()
    error = serializers.CharField()
    attempt = serializers.IntegerField()


class FailuresAnswer(serializers.Serializer[Any]):
    failures = FailureRow(many=True)
    total = serializers.IntegerField(help_text="How many failed in truth; the rows are the latest.")
    by_code = serializers.DictField(child=serializers.IntegerField())


class BusyJob(serializers.Serializer[Any]):
    id = serializers.CharField()
    kind = serializers.CharField()
    status = serializers.ChoiceField(STATUSES)
    phase = serializers.CharField(required=False)
    percent = serializers.IntegerField(required=False)
    progress = Progress()
    since = serializers.IntegerField(help_text="When the job was created, and with it the gate closed.")
    gated = serializers.BooleanField(help_text="Whether the bucket takes no writes now.")


class BusyAnswer(serializers.Serializer[Any]):
    active = BusyJob(allow_null=True)
