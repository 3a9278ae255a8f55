from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('packages_app', '0021_preferences'),
    ]

    operations = [
        migrations.AddField(
            model_name='recipient',
            name='only_channel',
            field=models.CharField(blank=True, choices=[('email', 'E-mail'), ('sms', 'SMS')], db_default='', default='', help_text='The only one that the courier wants used; empty: every one that there is an address for', max_length=5),
        ),
    ]
