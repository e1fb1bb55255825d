import django.db.models.deletion
from django.db import migrations, models
from django.db.models import OuterRef, Subquery


def fill_whose(apps, _editor):
    exams = apps.get_model("orders", "RequestedProcedure").objects.filter(pk=OuterRef("procedure"))
    shared = apps.get_model("sharing", "SharedExam").objects
    shared.update(patient=Subquery(exams.values("patient")), birth_date=Subquery(exams.values("patient__birth_date")))


class Migration(migrations.Migration):
    atomic = False  # PostgreSQL changes no column of rows whose foreign keys are still to be checked

    dependencies = [
        ("orders", "0002_requested_by"),
        ("patients", "0001_initial"),
        ("sharing", "0004_anonymous_shares"),
    ]

    operations = [
        migrations.AddField(
            model_name="share",
            name="parent",
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="passed_on", to="sharing.share"),
        ),
        migrations.AddField(
            model_name="sharedexam",
            name="patient",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="patients.patient"),
        ),
        migrations.AddField(model_name="sharedexam", name="birth_date", field=models.CharField(blank=True, default="", max_length=8), preserve_default=False),
        migrations.AddField(model_name="sharedexam", name="confidential_known", field=models.BooleanField(default=False)),
        migrations.AddField(model_name="sharedexam", name="withheld_at", field=models.DateTimeField(blank=True, null=True)),
        migrations.RunPython(fill_whose, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="sharedexam",
            name="patient",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="patients.patient"),
        ),
    ]
