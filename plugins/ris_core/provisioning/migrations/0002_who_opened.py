"""What another system has opened, so that what was closed otherwise is told from it."""

from django.db import migrations, models
from django.db.models import Q


def as_they_stand(apps, editor) -> None:
    accounts = apps.get_model("provisioning", "ProvisionedAccount").objects.filter(wanted=True, deleted_at=None)
    accounts.filter(Q(user__is_active=True) | Q(source__startswith="hl7:")).update(opened=True)


class Migration(migrations.Migration):
    dependencies = [
        ("provisioning", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="provisionedaccount",
            name="opened",
            field=models.BooleanField(default=False),
        ),
        migrations.RunPython(as_they_stand, migrations.RunPython.noop),
    ]
