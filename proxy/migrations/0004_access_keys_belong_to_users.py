import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("proxy", "0003_a_user_for_each_owner")]

    operations = [
        migrations.AlterField(
            model_name="accesskey",
            name="user",
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="keys", to="proxy.user"),
        ),
        migrations.RemoveField(model_name="accesskey", name="owner_id"),
        migrations.RemoveField(model_name="accesskey", name="display_name"),
        migrations.RemoveField(model_name="accesskey", name="root"),
    ]
