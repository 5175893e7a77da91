"""Rules: standing jobs, what their runs tell, and the last attempt to take the declared rules over."""

from django.db import migrations, models

from jobs.stored_json import Decoder, Encoder


class Migration(migrations.Migration):

    dependencies = [
        ('jobs', '0003_audit_by_origin'),
    ]

    operations = [
        migrations.CreateModel(
            name='RuleSync',
            fields=[
                ('id', models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ('tried_at', models.DateTimeField()),
                ('synced_at', models.DateTimeField(blank=True, null=True)),
                ('revision', models.CharField(blank=True, default='', max_length=64)),
                ('lifecycle', models.BooleanField(default=False)),
                ('findings', models.JSONField(default=list)),
                ('by', models.CharField(blank=True, default='', max_length=150)),
            ],
        ),
        migrations.AddField(
            model_name='heartbeat',
            name='lane',
            field=models.CharField(blank=True, default='', max_length=16),
        ),
        migrations.AddField(
            model_name='job',
            name='declared',
            field=models.BooleanField(default=True),
        ),
        migrations.AddField(
            model_name='job',
            name='due_clock',
            field=models.CharField(blank=True, default='', max_length=64),
        ),
        migrations.AddField(
            model_name='job',
            name='kept',
            field=models.JSONField(default=dict, encoder=Encoder, decoder=Decoder),
        ),
        migrations.AddField(
            model_name='job',
            name='keys',
            field=models.JSONField(default=list, encoder=Encoder, decoder=Decoder),
        ),
        migrations.AlterField(
            model_name='job',
            name='state',
            field=models.JSONField(default=dict, encoder=Encoder, decoder=Decoder),
        ),
        migrations.AddField(
            model_name='job',
            name='lane',
            field=models.CharField(blank=True, default='', max_length=16),
        ),
        migrations.AddField(
            model_name='job',
            name='lifetime_bytes',
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='job',
            name='lifetime_objects',
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='job',
            name='mode',
            field=models.CharField(blank=True, default='', max_length=16),
        ),
        migrations.AddField(
            model_name='job',
            name='next_due_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='job',
            name='next_due_ms',
            field=models.BigIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='job',
            name='revision',
            field=models.CharField(blank=True, default='', max_length=64),
        ),
        migrations.AddField(
            model_name='job',
            name='rule',
            field=models.CharField(blank=True, default='', max_length=80),
        ),
        migrations.AddField(
            model_name='job',
            name='run_anyway',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='run',
            name='detail',
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name='run',
            name='mode',
            field=models.CharField(blank=True, default='', max_length=16),
        ),
        migrations.AddConstraint(
            model_name='job',
            constraint=models.UniqueConstraint(condition=models.Q(('rule', ''), _negated=True), fields=('kind', 'rule'), name='one_standing_job_per_rule'),
        ),
    ]
