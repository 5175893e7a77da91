from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from jobs import standing
from jobs.models import AuditEntry, Job, RuleSync, Run
from jobs.rules import syncing
from jobs.rules.syncing import sync
from jobs.states import Status
from proxy.models import Bucket
from tests.jobs.declaring import EXPIRE, MIRROR, Rules, buckets, jobs

BOTH = {"replication:mirror", "lifecycle:expire"}


@pytest.fixture
def in_force(rules: Rules) -> Rules:
    """`mirror` and `expire`, taken over."""
    buckets()
    rules.write(MIRROR, EXPIRE)
    assert not sync("tester", "here").refused
    return rules


def test_declared_rules_become_jobs_that_are_due(in_force: Rules) -> None:
    assert set(jobs()) == BOTH
    assert set(Job.objects.filter(standing.due())) == set(jobs().values())
    mirror = jobs()["replication:mirror"]
    assert (mirror.status, mirror.bucket_name, mirror.enabled) == (Status.IDLE, "releases", True)
    assert mirror.spec["destination"] == {"bucket": "releases-dr", "prefix": ""}
    last = RuleSync.objects.get()
    assert (last.by, last.findings, last.synced_at, last.lifecycle) == ("tester", [], last.tried_at, True)


def test_the_same_file_again_changes_nothing_and_leaves_no_trace(in_force: Rules) -> None:
    before = [Job.objects.filter(pk=job.pk).values().get() for job in jobs().values()]
    trail = AuditEntry.objects.count()
    done = sync("tester", "here")
    assert done.difference.empty and set(done.difference.unchanged) == BOTH
    assert [Job.objects.filter(pk=row["id"]).values().get() for row in before] == before
    assert AuditEntry.objects.count() == trail


def test_what_a_job_remembers_outlives_a_change_of_when_it_runs(in_force: Rules) -> None:
    job = jobs()["replication:mirror"]
    kept = {"reconcile": ["reconcile", "t"]}
    Job.objects.filter(pk=job.pk).update(paused=True, kept=kept, state={"whole": True}, lifetime_objects=7)
    in_force.write(MIRROR + "  interval: 1h\n", EXPIRE)
    assert sync("tester", "here").difference.changed == ("replication:mirror",)
    after = Job.objects.get(pk=job.pk)
    assert after.spec["interval_s"] == 3600
    assert (after.paused, after.kept, after.state) == (True, kept, {"whole": True})
    assert after.lifetime_objects == 7


def test_another_definition_drops_the_cursor_and_ends_the_run(in_force: Rules) -> None:
    job = jobs()["replication:mirror"]
    assert standing.enqueue(job, "reconcile", "scheduler")
    Job.objects.filter(pk=job.pk).update(
        paused=True, kept={"events": ["follow", "t"]}, state={"whole": True}, lifetime_objects=7
    )
    in_force.write(MIRROR + "  replicate_deletes: true\n", EXPIRE)
    sync("tester", "here")
    after = Job.objects.get(pk=job.pk)
    assert (after.status, after.kept, after.state) == (Status.IDLE, {}, {})
    assert after.epoch > job.epoch
    assert (after.paused, after.lifetime_objects) == (True, 7)
    assert Run.objects.get(job=job).status_raw == "replaced"


def test_a_rule_that_disappears_stops_and_keeps_its_history(in_force: Rules) -> None:
    job = jobs()["replication:mirror"]
    assert standing.enqueue(job, "reconcile", "scheduler")
    in_force.write("", EXPIRE)
    assert sync("tester", "here").difference.removed == ("replication:mirror",)
    after = Job.objects.get(pk=job.pk)
    assert (after.declared, after.enabled, after.status) == (False, False, Status.IDLE)
    assert Run.objects.get(job=job).status_raw == "stopped"
    assert not Job.objects.filter(standing.startable(), pk=job.pk).exists()
    in_force.write(MIRROR, EXPIRE)
    assert sync("tester", "here").difference.added == ("replication:mirror",)
    assert Job.objects.get(pk=job.pk).declared and Run.objects.filter(job=job).count() == 1


def test_disabling_ends_a_run_that_waits_and_enabling_makes_the_rule_due(in_force: Rules) -> None:
    job = jobs()["lifecycle:expire"]
    assert standing.enqueue(job, "run", "scheduler")
    Job.objects.filter(pk=job.pk).update(**standing.due_in(3600))
    in_force.write(MIRROR, EXPIRE, on=False)
    sync("tester", "here")
    after = Job.objects.get(pk=job.pk)
    assert (after.status, after.enabled, after.declared) == (Status.IDLE, False, True)
    in_force.write(MIRROR, EXPIRE)
    sync("tester", "here")
    assert Job.objects.filter(standing.due(), pk=job.pk).exists()


def test_a_bad_file_changes_nothing_and_is_told_of(in_force: Rules) -> None:
    before = list(Job.objects.order_by("pk").values())
    synced_at = RuleSync.objects.get().synced_at
    in_force.write(MIRROR + "  interval: 5\n  conflict: newest\n", "")
    done = sync("somebody", "there")
    assert [line for line, _ in done.findings] == [
        in_force.line_of("interval: 5"),
        in_force.line_of("conflict: newest"),
    ]
    assert list(Job.objects.order_by("pk").values()) == before
    last = RuleSync.objects.get()
    assert (last.synced_at, last.by) == (synced_at, "somebody")
    assert [tuple(finding) for finding in last.findings] == list(done.findings)
    entry = AuditEntry.objects.latest("pk")
    assert (entry.actor, entry.origin, entry.action) == ("somebody", "there", "sync-rules")
    assert entry.detail["outcome"] == "refused" and entry.detail["findings"] == last.findings


def test_of_a_file_with_one_missing_bucket_no_rule_is_taken_over(in_force: Rules) -> None:
    in_force.write(MIRROR.replace("releases-dr", "releases-rd"), EXPIRE + "  prefix: old/\n")
    done = sync("tester", "here")
    assert done.findings == (
        (
            in_force.line_of("releases-rd"),
            "replication rule 'mirror': there is no bucket 'releases-rd'; did you mean 'releases-dr'?",
        ),
    )
    assert jobs()["lifecycle:expire"].spec["rules"][0]["prefix"] == ""
    buckets("releases-rd")
    assert len(sync("tester", "here").difference.changed) == 2


def test_a_bucket_that_is_gone_refuses_the_next_sync_and_touches_no_rule(in_force: Rules) -> None:
    Bucket.objects.filter(name="dumps").delete()
    assert sync("tester", "here").refused
    assert jobs()["lifecycle:expire"].enabled


def test_a_file_that_is_not_there_is_a_finding_of_the_whole(in_force: Rules) -> None:
    in_force.path.unlink()
    [(line, text)] = sync("tester", "here").findings
    assert line == 0 and "cannot be read" in text
    assert set(jobs()) == BOTH


def test_every_changed_rule_and_every_wish_is_in_the_audit_trail(in_force: Rules) -> None:
    rows = AuditEntry.objects.filter(action=syncing.ACTION)
    of_jobs = {(row.job.public_id, row.detail["change"]) for row in rows if row.job}
    assert of_jobs == {("replication:mirror", "added"), ("lifecycle:expire", "added")}
    [whole] = [row for row in rows if row.job is None]
    assert whole.detail == {"outcome": "done", "added": 2, "changed": 0, "removed": 0, "unchanged": 0}
    sync("boss", "there", asked=True)
    assert AuditEntry.objects.latest("pk").detail["unchanged"] == 2


def test_a_check_names_what_would_change_and_changes_nothing(in_force: Rules) -> None:
    in_force.write("", EXPIRE + "  interval: 1h\n- {name: new, bucket: dumps, abort_multipart_after: 7d}\n")
    tables = [Job, RuleSync, AuditEntry]
    before = [list(table.objects.order_by("pk").values()) for table in tables]
    found = syncing.preview()
    assert found.difference.added == ("lifecycle:new",)
    assert found.difference.changed == ("lifecycle:expire",)
    assert found.difference.removed == ("replication:mirror",)
    assert [list(table.objects.order_by("pk").values()) for table in tables] == before


def test_rules_that_do_not_do_what_one_might_think_are_noted(in_force: Rules, settings: Any) -> None:
    in_force.write(MIRROR, EXPIRE.replace("dumps", "releases-dr"))
    [(line, text)] = sync("tester", "here").notes
    assert line == in_force.line_of("  bucket: releases-dr")
    assert "brought back" in text
    assert "lifecycle rule 'expire'" in text and "replication rule 'mirror'" in text


def test_of_many_that_sync_at_once_all_agree_and_each_rule_has_one_job(in_force: Rules) -> None:
    two = "- {name: two, source: {bucket: dumps}, destination: {bucket: releases, prefix: d/}}\n"
    in_force.write(MIRROR + "  interval: 2h\n" + two, "")
    results: list[Any] = []

    def one() -> None:
        try:
            results.append(sync("tester", "here").difference.counts())
        finally:
            connection.close()

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done = {"added": 1, "changed": 1, "removed": 1, "unchanged": 0}
    nothing = {"added": 0, "changed": 0, "removed": 0, "unchanged": 2}
    assert sorted(results, key=str) == sorted([done, nothing, nothing, nothing], key=str)
    assert Job.objects.filter(rule="two").count() == 1


def test_an_attempt_is_dated(in_force: Rules) -> None:
    assert abs((RuleSync.objects.get().tried_at - timezone.now()).total_seconds()) < 60
