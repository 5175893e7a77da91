import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import proxy.models


class Migration(migrations.Migration):

    dependencies = [
        ("proxy", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="FailedSignIn",
            fields=[
                ("id", models.CharField(max_length=256, primary_key=True, serialize=False)),
                ("failures", models.FloatField()),
                ("at", models.FloatField(db_index=True)),
            ],
        ),
        migrations.CreateModel(
            name="IdentityEpoch",
            fields=[
                ("id", models.PositiveSmallIntegerField(primary_key=True, serialize=False)),
                ("value", models.BigIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="User",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=64, unique=True)),
                ("owner_id", models.CharField(default=proxy.models.new_owner_id, editable=False, max_length=64, unique=True)),
                ("enabled", models.BooleanField(default=True)),
                ("root", models.BooleanField(default=False)),
                ("creates_buckets", models.BooleanField(default=True)),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("login", models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="s3_user", to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name="Group",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=64, unique=True)),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("members", models.ManyToManyField(blank=True, related_name="groups", to="proxy.user")),
            ],
        ),
        migrations.CreateModel(
            name="Policy",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=128)),
                ("text", models.TextField()),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("group", models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name="policies", to="proxy.group")),
                ("user", models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name="policies", to="proxy.user")),
            ],
            options={
                "verbose_name_plural": "policies",
                "constraints": [
                    models.UniqueConstraint(fields=("user", "name"), name="one_policy_of_a_name_per_user"),
                    models.UniqueConstraint(fields=("group", "name"), name="one_policy_of_a_name_per_group"),
                    models.CheckConstraint(condition=models.Q(("user__isnull", True), ("group__isnull", True), _connector="XOR"), name="a_policy_is_of_a_user_or_of_a_group"),
                ],
            },
        ),
        migrations.AddField(
            model_name="accesskey",
            name="user",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name="keys", to="proxy.user"),
        ),
        migrations.AddField(
            model_name="accesskey",
            name="expires",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="accesskey",
            name="last_used",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
