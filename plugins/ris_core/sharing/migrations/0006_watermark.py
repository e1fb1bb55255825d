from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('sharing', '0005_whose_and_passed_on'),
    ]

    operations = [
        migrations.AddField(
            model_name='share',
            name='pictures_only',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='share',
            name='watermark',
            field=models.BooleanField(default=False),
        ),
    ]
