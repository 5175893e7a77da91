"""The engine's tables. Everything durable about work is here; the queue carries only job ids."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from jobs.states import ACTIVE, TERMINAL, Status
from jobs.stored_json import Decoder, Encoder

_STATUSES = [(status.value, status.value) for status in Status]


class Lease(models.Model):
    """Who works on something. Free while `holder` is empty or `lease_expires_ms` has passed.

    Milliseconds of one clock for all holders (`jobs.clock`); a lease of another clock
    (`lease_clock` differs: the machine was started anew) has lapsed.
    """

    holder = models.CharField(max_length=128, blank=True, default="")
    epoch = models.BigIntegerField(default=0)
    lease_expires_ms = models.BigIntegerField(default=0)
    lease_clock = models.CharField(max_length=64, blank=True, default="")

    class Meta:
        abstract = True


class Job(Lease):
    """The durable thing that an operator sees and acts on."""

    kind = models.CharField(max_length=32)
    subsystem = models.CharField(max_length=32)
    name = models.CharField(max_length=200)
    bucket_id = models.CharField(max_length=32, blank=True, default="")
    bucket_name = models.CharField(max_length=63, blank=True, default="")
    gated = models.BooleanField(default=False)
    spec = models.JSONField(default=dict)
    created_by = models.CharField(max_length=150, blank=True, default="")
    triggered_by = models.CharField(max_length=16, default="api")
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL)

    # A rule's standing job. `enabled` says whether its configuration wants it to run, `declared` whether
    # it is still there; `revision` is that of its definition. Of the run: its `mode` (one of the kind's),
    # the only `keys` that it looks at, and `run_anyway`: although the rule is paused or disabled. `kept`
    # holds by mode where a run that did not come to its end stopped: [phase, token].
    rule = models.CharField(max_length=80, blank=True, default="")
    declared = models.BooleanField(default=True)
    revision = models.CharField(max_length=64, blank=True, default="")
    lane = models.CharField(max_length=16, blank=True, default="")
    mode = models.CharField(max_length=16, blank=True, default="")
    keys = models.JSONField(default=list, encoder=Encoder, decoder=Decoder)
    kept = models.JSONField(default=dict, encoder=Encoder, decoder=Decoder)
    run_anyway = models.BooleanField(default=False)
    next_due_ms = models.BigIntegerField(null=True, blank=True)
    next_due_at = models.DateTimeField(null=True, blank=True)
    due_clock = models.CharField(max_length=64, blank=True, default="")
    lifetime_objects = models.BigIntegerField(default=0)
    lifetime_bytes = models.BigIntegerField(default=0)

    status = models.CharField(max_length=16, choices=_STATUSES, default=Status.QUEUED)
    paused = models.BooleanField(default=False)
    enabled = models.BooleanField(default=True)
    needs_confirmation = models.BooleanField(default=False)

    # The cursor: saved whole, in one UPDATE, after the effects of a page.
    phase = models.CharField(max_length=32, blank=True, default="")
    token = models.TextField(null=True, blank=True)
    state = models.JSONField(default=dict, encoder=Encoder, decoder=Decoder)
    pages = models.BigIntegerField(default=0)
    phase_done = models.BigIntegerField(default=0)
    phase_total = models.BigIntegerField(null=True, blank=True)
    processed = models.BigIntegerField(default=0)
    total = models.BigIntegerField(null=True, blank=True)
    bytes_done = models.BigIntegerField(default=0)
    bytes_total = models.BigIntegerField(null=True, blank=True)
    failed = models.BigIntegerField(default=0)
    skipped = models.BigIntegerField(default=0)
    deleted = models.BigIntegerField(default=0)
    token_dropped_in = models.CharField(max_length=32, blank=True, default="")

    # What decides how it may end.
    has_effects = models.BooleanField(default=False)
    turned = models.BooleanField(default=False)
    unwinding = models.BooleanField(default=False)
    stop_requested = models.BooleanField(default=False)
    crashes = models.IntegerField(default=0)
    last_error = models.TextField(blank=True, default="")

    sent_ms = models.BigIntegerField(default=0)
    not_before_ms = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        indexes = [
            models.Index(fields=["status", "not_before_ms"], name="job_by_status"),
            models.Index(fields=["bucket_id", "-id"], name="job_by_bucket"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["bucket_id"],
                condition=Q(gated=True, status__in=[s.value for s in sorted(ACTIVE)]),
                name="one_gated_job_per_bucket",
            ),
            models.UniqueConstraint(
                fields=["kind", "rule"], condition=~Q(rule=""), name="one_standing_job_per_rule"
            ),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def public_id(self) -> str:
        """`maintenance:42`, `lifecycle:expire-dumps`: what operators and every window call it."""
        return f"{self.subsystem}:{self.rule or self.pk}"

    @property
    def standing(self) -> bool:
        """Whether it is a rule's: it runs again and again, and has any number of runs."""
        return self.rule != ""

    @property
    def slot_id(self) -> str:
        """Whose work slot its effects take: its bucket's if it is gated, else one of its own.

        A job without the gate writes as clients do, through the gate of the bucket that it writes to.
        """
        return self.bucket_id if self.gated else f"job-{self.pk}"

    @property
    def waits(self) -> bool:
        """Whether no worker takes its run until it is resumed."""
        return self.status == Status.QUEUED and self.paused and not self.run_anyway

    @property
    def gate_name(self) -> str:
        """The name under which this job holds a gate."""
        return self.public_id

    @property
    def terminal(self) -> bool:
        return Status(self.status) in TERMINAL


class Run(models.Model):
    """One attempt to the end of a job; history. A one-off is its own single run."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="runs")
    triggered_by = models.CharField(max_length=16)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    status = models.CharField(max_length=16, choices=_STATUSES, default=Status.RUNNING)
    status_raw = models.CharField(max_length=32, blank=True, default="")
    objects_scanned = models.BigIntegerField(default=0)
    objects_processed = models.BigIntegerField(default=0)
    objects_skipped = models.BigIntegerField(default=0)
    objects_deleted = models.BigIntegerField(default=0)
    bytes_done = models.BigIntegerField(default=0)
    errors = models.BigIntegerField(default=0)
    mode = models.CharField(max_length=16, blank=True, default="")
    detail = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["job"], condition=Q(finished_at__isnull=True), name="one_open_run_per_job"
            ),
        ]

    def __str__(self) -> str:
        return f"run {self.pk} of job {self.job_id}"


class Failure(models.Model):
    """One object that failed in a run; a ring per job, pruned by id."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="failures")
    run = models.ForeignKey(Run, null=True, on_delete=models.SET_NULL, related_name="failures")
    occurred_at = models.DateTimeField()
    phase = models.CharField(max_length=32)
    bucket = models.CharField(max_length=63)
    key = models.TextField()
    version_id = models.CharField(max_length=64, blank=True, default="")
    code = models.CharField(max_length=64)
    message = models.TextField()
    attempt = models.IntegerField(default=1)

    class Meta:
        indexes = [models.Index(fields=["job", "-id"], name="failure_ring")]

    def __str__(self) -> str:
        return f"{self.code} {self.key}"


class Leader(Lease):
    """Who schedules; one row per duty."""

    name = models.CharField(max_length=32, primary_key=True)

    def __str__(self) -> str:
        return f"{self.name}: {self.holder}"


class RuleSync(models.Model):
    """One row: the last attempt to take the declared rules over, and what was wrong with them.

    `findings` are [line, text]; with any of them nothing was changed: the rules of `synced_at` are in force.
    `revision` is theirs, and `lifecycle` whether the configurations of buckets' owners are among them.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    tried_at = models.DateTimeField()
    synced_at = models.DateTimeField(null=True, blank=True)
    revision = models.CharField(max_length=64, blank=True, default="")
    lifecycle = models.BooleanField(default=False)
    findings = models.JSONField(default=list)
    by = models.CharField(max_length=150, blank=True, default="")

    def __str__(self) -> str:
        return f"rules of {self.synced_at}"


class Heartbeat(models.Model):
    """A sign of life of one process, for the supervisor, the metrics and the screen."""

    process = models.CharField(max_length=128, primary_key=True)
    role = models.CharField(max_length=16)
    lane = models.CharField(max_length=16, blank=True, default="")
    host = models.CharField(max_length=255)
    pid = models.IntegerField()
    beat_ms = models.BigIntegerField()
    clock = models.CharField(max_length=64)
    job_id = models.BigIntegerField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.role} {self.process}"


class ApiToken(models.Model):
    """A bearer token of the admin API; only its SHA-256 is kept."""

    name = models.CharField(max_length=64, unique=True)
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name


class AuditEntry(models.Model):
    """Who asked for what, when and from where; the outcome too."""

    at = models.DateTimeField(auto_now_add=True)
    actor = models.CharField(max_length=150)
    origin = models.CharField(max_length=64)
    action = models.CharField(max_length=32)
    job = models.ForeignKey(Job, null=True, blank=True, on_delete=models.SET_NULL, related_name="audit")
    detail = models.JSONField(default=dict)

    class Meta:
        indexes = [
            models.Index(fields=["job", "-id"], name="audit_by_job"),
            models.Index(fields=["action", "origin", "at"], name="audit_by_origin"),
        ]

    def __str__(self) -> str:
        return f"{self.at:%F %T} {self.actor} {self.action}"
