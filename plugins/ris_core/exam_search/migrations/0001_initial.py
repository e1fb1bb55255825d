from django.db import migrations

from ris_core.exam_search.index import make_tables


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("orders", "0001_initial"),
        ("patients", "0001_initial"),
        ("reports", "0001_initial"),
        ("external_results", "0001_initial"),
    ]

    operations = [
        migrations.RunPython(lambda apps, editor: make_tables(editor.connection), migrations.RunPython.noop),
    ]
