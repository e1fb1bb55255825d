from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("directories", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="directoryidentity",
            name="verified_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
