from django.db import migrations

from ris_core.exam_search.index import make_tables


class Migration(migrations.Migration):
    """PostgreSQL's index keeps the time of each exam; it is filled anew after this (ADR 20)."""

    dependencies = [("exam_search", "0001_initial")]

    operations = [
        migrations.RunPython(lambda apps, editor: make_tables(editor.connection), migrations.RunPython.noop),
    ]
