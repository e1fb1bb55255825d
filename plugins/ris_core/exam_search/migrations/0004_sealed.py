from django.db import migrations


class Migration(migrations.Migration):
    """The view is made anew: numbers that are sealed are words of the index, and are no part of what parts are looked for in."""

    dependencies = [("exam_search", "0003_settled")]

    operations = []
