"""Two indexes less. They are dropped by their names: altering the fields would make the table anew on SQLite, without its
triggers, and check every row's foreign keys on PostgreSQL, with the table locked."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def drop_indexes(apps, schema_editor):
    model = apps.get_model("audit", "AuditEvent")
    for name in ("patient", "user"):
        column = model._meta.get_field(name).column
        for index in schema_editor._constraint_names(model, [column], index=True, unique=False):
            schema_editor.execute(schema_editor._delete_index_sql(model, index))


class Migration(migrations.Migration):

    dependencies = [
        ('audit', '0005_failed'),
        ('patients', '0002_sealed'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(drop_indexes, migrations.RunPython.noop)],
            state_operations=[
                migrations.AlterField(
                    model_name='auditevent',
                    name='patient',
                    field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='patients.patient'),
                ),
                migrations.AlterField(
                    model_name='auditevent',
                    name='user',
                    field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
                ),
            ],
        ),
    ]
