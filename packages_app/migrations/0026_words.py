"""Labels and help texts in plain English; no change to the schema."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('packages_app', '0025_languages_from_settings'),
    ]

    operations = [
        migrations.AlterField(
            model_name='recipient',
            name='only_channel',
            field=models.CharField(blank=True, choices=[('email', 'Email'), ('sms', 'SMS')], db_default='', default='', help_text='The only one that the courier wants used; empty: every one that there is an address for', max_length=5),
        ),
    ]
