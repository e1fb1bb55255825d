from django.db import migrations, models


def may_retrieve_as_before(apps, schema_editor):
    apps.get_model("devices", "Device").objects.filter(may_query=True).update(may_retrieve=True)


class Migration(migrations.Migration):

    dependencies = [
        ("devices", "0002_usual_films"),
    ]

    operations = [
        migrations.RenameField("device", "may_query_retrieve", "may_query"),
        migrations.AddField("device", "may_retrieve", models.BooleanField(default=False)),
        migrations.AddField("device", "may_commit", models.BooleanField(default=True)),
        migrations.AddField("device", "may_call_plain", models.BooleanField(default=True)),
        migrations.AddField("device", "networks", models.CharField(blank=True, default="", max_length=255), preserve_default=False),
        migrations.AddField("device", "certificate", models.CharField(blank=True, default="", max_length=255), preserve_default=False),
        migrations.AddField("refuseddevice", "reason", models.CharField(blank=True, default="", max_length=16), preserve_default=False),
        migrations.AlterField(
            model_name='refuseddevice',
            name='service',
            field=models.CharField(choices=[('WORKLIST', 'Worklist'), ('STORE', 'Store'), ('REPORT', 'Report'), ('ASSOCIATION', 'Association'), ('QUERY', 'Query'), ('RETRIEVE', 'Retrieve'), ('COMMITMENT', 'Commitment')], max_length=16),
        ),
        migrations.RunPython(may_retrieve_as_before, migrations.RunPython.noop),
    ]
