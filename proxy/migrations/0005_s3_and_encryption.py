from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("proxy", "0004_access_keys_belong_to_users")]

    operations = [
        migrations.CreateModel(
            name="RingKey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("backend", models.CharField(max_length=64)),
                ("key_id", models.CharField(max_length=64)),
                ("fingerprint", models.CharField(max_length=64)),
                ("first_seen_ms", models.BigIntegerField()),
                ("retired_ms", models.BigIntegerField(blank=True, null=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("backend", "key_id"), name="one_ring_key_of_an_id_per_backend"),
                ],
            },
        ),
        migrations.CreateModel(
            name="BucketKey",
            fields=[
                ("id", models.CharField(max_length=32, primary_key=True, serialize=False)),
                ("bucket_id", models.CharField(max_length=32)),
                ("backend", models.CharField(max_length=64)),
                ("ring_key_id", models.CharField(max_length=64)),
                ("wrapped", models.TextField()),
                ("created_ms", models.BigIntegerField()),
                ("newest", models.BooleanField(default=True)),
            ],
            options={
                "indexes": [models.Index(fields=["bucket_id", "backend"], name="bucket_keys_of_a_bucket")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("newest", True)),
                        fields=("bucket_id", "backend"),
                        name="one_newest_bucket_key",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="S3Service",
            fields=[
                ("service", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("capabilities", models.TextField()),
                ("probed_ms", models.BigIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="S3Place",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("backend", models.CharField(max_length=64)),
                ("bucket_id", models.CharField(max_length=32)),
                ("incarnation", models.CharField(max_length=32)),
                ("real_bucket", models.CharField(max_length=63)),
                ("adopted", models.BooleanField(default=False)),
                ("made", models.BooleanField(default=True)),
                ("stamped", models.BooleanField(default=False)),
                ("versioning", models.CharField(blank=True, default="", max_length=16)),
                ("created_ms", models.BigIntegerField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("backend", "bucket_id", "incarnation"), name="one_row_per_s3_place"
                    ),
                    models.UniqueConstraint(fields=("backend", "real_bucket"), name="one_s3_place_per_real_bucket"),
                ],
            },
        ),
        migrations.CreateModel(
            name="ObjectFacts",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("bucket_id", models.CharField(max_length=32)),
                ("incarnation", models.CharField(max_length=32)),
                ("key", models.BinaryField(max_length=1024)),
                ("version_id", models.CharField(max_length=256)),
                ("backend_etag", models.CharField(max_length=128)),
                ("facts", models.TextField()),
                ("written_ms", models.BigIntegerField()),
                ("ordinal", models.BigIntegerField(default=0)),
            ],
            options={
                "verbose_name_plural": "object facts",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("incarnation", "key", "version_id"), name="one_row_of_facts_per_version"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="S3Upload",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("upload_id", models.CharField(max_length=256)),
                ("bucket_id", models.CharField(max_length=32)),
                ("incarnation", models.CharField(max_length=32)),
                ("key", models.BinaryField(max_length=1024)),
                ("backend_upload_id", models.CharField(max_length=1024)),
                ("initiated_ms", models.BigIntegerField()),
                ("facts", models.TextField()),
                ("finished_ms", models.BigIntegerField(blank=True, null=True)),
                ("result", models.TextField(blank=True, default="")),
            ],
            options={
                "indexes": [
                    models.Index(fields=["incarnation", "key", "initiated_ms"], name="s3_uploads_by_key"),
                    models.Index(fields=["finished_ms"], name="s3_uploads_by_age"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("incarnation", "upload_id"), name="one_row_per_s3_upload"),
                ],
            },
        ),
        migrations.CreateModel(
            name="S3Part",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("incarnation", models.CharField(max_length=32)),
                ("upload_id", models.CharField(max_length=256)),
                ("number", models.PositiveIntegerField()),
                ("backend_etag", models.CharField(max_length=128)),
                ("facts", models.TextField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("incarnation", "upload_id", "number"), name="one_row_per_s3_part"),
                ],
            },
        ),
    ]
