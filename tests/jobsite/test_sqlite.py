"""The control database's SQLite backend: Django's own features, and what leases and forks need."""

from __future__ import annotations

import datetime
import io
import os
import sqlite3
import subprocess
import sys
import threading
import time
from decimal import Decimal

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, IntegrityError, OperationalError, connection, models, transaction
from django.db.models import Count, F, Sum, Value
from django.db.models.functions import Lower, TruncHour
from django.utils import timezone

from jobs.models import Job, Run
from jobsite.sqlite import base, client
from proxy.models import AccessKey, Bucket, User
from tests.sites import ROOT, Site

pytestmark = pytest.mark.django_db(transaction=True)


def _job(**fields: object) -> Job:
    return Job.objects.create(**{"kind": "migrate", "subsystem": "maintenance", "name": "n", **fields})


def _value(query: str, *params: object) -> object:
    with connection.cursor() as cursor:
        cursor.execute(query, params)
        return cursor.fetchone()[0]


def test_the_library_is_newer_than_the_one_that_can_corrupt_and_not_pythons_own() -> None:
    version = _value("SELECT sqlite_version()")
    assert tuple(map(int, str(version).split("."))) >= base.SAFE_VERSION
    assert connection.Database is not sqlite3
    assert connection.get_database_version() >= base.SAFE_VERSION


def test_an_older_library_is_refused_with_a_plain_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "SAFE_VERSION", (9, 0, 0))
    connection.close()
    with pytest.raises(ImproperlyConfigured, match="can corrupt"):
        connection.ensure_connection()


def test_every_connection_runs_in_wal_mode_with_full_synchronous_and_a_patient_lock() -> None:
    assert _value("PRAGMA journal_mode") == "wal"
    assert _value("PRAGMA synchronous") == 2
    assert _value("PRAGMA foreign_keys") == 1
    assert int(str(_value("PRAGMA busy_timeout"))) > 5000


def test_a_transaction_takes_the_writers_lock_at_its_begin() -> None:
    _job()
    started, done = threading.Event(), threading.Event()
    order: list[str] = []

    def second() -> None:
        started.wait()
        with transaction.atomic():
            order.append("second")
        connection.close()
        done.set()

    thread = threading.Thread(target=second)
    thread.start()
    with transaction.atomic():
        started.set()
        time.sleep(0.3)
        order.append("first")
    assert done.wait(10)
    thread.join()
    assert order == ["first", "second"]


def test_an_atomic_block_that_fails_leaves_nothing_and_a_savepoint_only_its_own_part() -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        _job(name="gone")
        raise ZeroDivisionError
    with transaction.atomic():
        _job(name="kept")
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            _job(name="gone too")
            raise ZeroDivisionError
        _job(name="kept too")
    assert set(Job.objects.values_list("name", flat=True)) == {"kept", "kept too"}


def test_what_is_due_on_commit_runs_after_it_and_never_without_it() -> None:
    ran: list[str] = []
    with transaction.atomic():
        transaction.on_commit(lambda: ran.append("first"))
        assert ran == []
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        transaction.on_commit(lambda: ran.append("second"))
        raise ZeroDivisionError
    assert ran == ["first"]


def test_errors_are_djangos_own() -> None:
    Bucket.objects.create(name="photos", owner_id="o", created_ms=1, incarnation="1")
    with pytest.raises(IntegrityError):
        Bucket.objects.create(name="photos", owner_id="o", created_ms=1, incarnation="2")
    with pytest.raises(IntegrityError), transaction.atomic():
        Run.objects.create(job_id=4711, started_at=timezone.now())
    with pytest.raises(OperationalError), connection.cursor() as cursor:
        cursor.execute("SELECT * FROM nowhere")


def test_json_is_stored_queried_and_updated() -> None:
    _job(spec={"target": "archive", "deep": {"n": [1, 2, {"ü": None}]}, "flag": True})
    _job(spec={"target": "local", "flag": False})
    assert Job.objects.get(spec__target="archive").spec["deep"]["n"][2] == {"ü": None}
    assert Job.objects.filter(spec__deep__n__1=2).count() == 1
    assert Job.objects.filter(spec__flag=True).count() == 1
    assert Job.objects.filter(spec__has_key="deep").count() == 1
    Job.objects.update(state={"seq": 2**53})
    assert Job.objects.values_list("state__seq", flat=True)[0] == 2**53


def test_times_booleans_bytes_and_big_numbers_come_back_as_they_went() -> None:
    now = datetime.datetime(2026, 3, 29, 1, 59, 59, 123456, tzinfo=datetime.UTC)
    job = _job(started_at=now, paused=True, bytes_done=2**62)
    job.refresh_from_db()
    assert (job.started_at, job.paused, job.bytes_done) == (now, True, 2**62)
    assert Job.objects.filter(started_at__lt=now + datetime.timedelta(microseconds=1)).exists()
    assert Job.objects.annotate(hour=TruncHour("started_at")).get().hour == now.replace(
        minute=0, second=0, microsecond=0
    )
    AccessKey.objects.create(
        access_key="a", sealed_secret=bytes(range(256)), user=User.objects.create(name="alice")
    )
    assert bytes(AccessKey.objects.get().sealed_secret) == bytes(range(256))


def test_queries_of_every_shape_that_django_writes_for_sqlite_run() -> None:
    jobs = Job.objects.bulk_create(
        [Job(kind="migrate", subsystem="m", name=f"100%_{i}", bytes_done=i) for i in range(1500)]
    )
    assert len(jobs) == Job.objects.filter(pk__in=[job.pk for job in jobs]).count() == 1500
    assert Job.objects.aggregate(total=Sum("bytes_done"))["total"] == sum(range(1500))
    assert Job.objects.filter(name__contains="%_14").count() == 111
    assert Job.objects.filter(name__iregex=r"^100%_7\d$").count() == 10
    assert Job.objects.annotate(low=Lower("name")).filter(low="100%_3").count() == 1
    assert Job.objects.filter(bytes_done__lt=10).update(failed=F("bytes_done") * 2 + Value(1)) == 10
    assert Job.objects.values("failed").annotate(n=Count("pk")).filter(n__gt=1000).get()["failed"] == 0
    assert sum(1 for _ in Job.objects.order_by("pk").iterator(chunk_size=100)) == 1500
    assert Job.objects.filter(name="100%_5").explain()


def test_raw_queries_take_every_style_of_parameters() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s, '%%s', %s", ["a%sb", Decimal("1.5")])
        assert cursor.fetchone() == ("a%sb", "%s", "1.5")
        cursor.execute("SELECT %(one)s, %(two)s, %(one)s", {"one": 1, "two": 2})
        assert cursor.fetchone() == (1, 2, 1)
        cursor.execute("SELECT '100%'")
        assert cursor.fetchone() == ("100%",)
        cursor.executemany(
            "INSERT INTO proxy_knownplace (backend, place_id, created) VALUES (%s, %s, %s)",
            ((f"b{i}", "p", timezone.now()) for i in range(3)),
        )
        cursor.executemany(
            "INSERT INTO proxy_knownplace (backend, place_id, created) VALUES (%(b)s, 'p', '2026-01-01')",
            [{"b": "named"}],
        )
    assert _value("SELECT count(*) FROM proxy_knownplace") == 4


def test_tables_are_made_altered_described_and_dropped() -> None:
    class Trial(models.Model):
        name = models.CharField(max_length=10)

        class Meta:
            app_label = "proxy"

    added = models.JSONField(default=dict)
    added.set_attributes_from_name("added")
    with connection.schema_editor() as editor:
        editor.create_model(Trial)
        editor.add_field(Trial, added)
    with connection.cursor() as cursor:
        columns = {row.name for row in connection.introspection.get_table_description(cursor, "proxy_trial")}
        found = connection.introspection.get_constraints(cursor, "proxy_bucket")
    assert columns == {"id", "name", "added"}
    assert "one_bucket_per_place" in found
    with connection.schema_editor() as editor:
        editor.delete_model(Trial)
    assert "proxy_trial" not in connection.introspection.table_names()


def test_the_clock_of_the_machine_is_a_function_of_the_database() -> None:
    before = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000
    told = int(str(_value("SELECT boottime_ms()")))
    assert before <= told <= time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


def test_a_forked_child_connects_anew_and_leaves_the_parents_transaction_alone() -> None:
    with transaction.atomic():
        _job(name="uncommitted")
        child = os.fork()
        if child == 0:
            seen = -1
            try:
                connection.in_atomic_block = False
                seen = Job.objects.count()
            finally:
                os._exit(seen)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert Job.objects.get().name == "uncommitted"


def test_a_full_disk_is_an_error_that_django_knows_and_changes_nothing() -> None:
    _job(name="before")
    pages = int(str(_value("PRAGMA page_count")))
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA max_page_count = {pages}")
    try:
        with pytest.raises(DatabaseError, match="full"), transaction.atomic():
            Job.objects.all().delete()
            _job(name="x" * 100, last_error="x" * 10_000_000)
    finally:
        connection.close()
    assert Job.objects.get().name == "before"


def test_dbshell_opens_the_database_with_a_safe_library_even_while_it_is_used(sqlite_site: Site) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "dbshell"],
        cwd=ROOT,
        env={**sqlite_site.env, "PYTHONWARNINGS": "default"},
        input="SELECT count(*) FROM proxy_bucket;\nSELECT sqlite_version();\n",
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    count, version = done.stdout.split()
    assert count == "0"
    assert tuple(map(int, version.split("."))) >= base.SAFE_VERSION


def test_dbshell_reads_statements_wherever_they_end_and_dot_commands_by_the_line() -> None:
    text = "SELECT 1; SELECT\n';' ;.tables\n.schema\nSELECT 2\n"
    assert list(client.read_statements(io.StringIO(text))) == [
        "SELECT 1;",
        "SELECT\n';' ;",
        ".tables",
        ".schema",
        "SELECT 2",
    ]
    assert list(client.read_statements(io.StringIO("SELECT 1;\n.quit\nSELECT 2;\n"))) == ["SELECT 1;"]


def test_dbshell_shows_rows_and_says_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    connection.ensure_connection()
    assert client.run(connection.connection, "SELECT 1, NULL, 'a'")
    assert client.run(connection.connection, ".tables")
    assert not client.run(connection.connection, "SELECT * FROM nowhere")
    told = capsys.readouterr()
    assert told.out.startswith("1||a\n")
    assert "proxy_bucket" in told.out
    assert told.err == "Error: no such table: nowhere\n"
