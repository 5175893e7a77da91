"""An index on django-q2's queue table: without it every poll and every dequeue scans it."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0001_initial"),
        ("django_q", "0019_alter_task_options_alter_ormq_key_alter_ormq_lock_and_more"),
    ]

    operations = [
        migrations.RunSQL(
            "CREATE INDEX jobs_queue_by_lock ON django_q_ormq (key, lock)",
            "DROP INDEX jobs_queue_by_lock",
        ),
    ]
