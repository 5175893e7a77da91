"""An index on the audit trail: failed sign-ins from one address are counted at every sign-in."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0002_queue_index"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(fields=["action", "origin", "at"], name="audit_by_origin"),
        ),
    ]
