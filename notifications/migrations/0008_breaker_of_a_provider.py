from django.apps.registry import Apps
from django.conf import settings
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def name_providers(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """What is known of a channel is known of the one provider that it had."""
    states = apps.get_model("notifications", "ChannelState").objects
    states.filter(channel="sms").update(provider=settings.SMS_PROVIDER)
    states.filter(channel="email").update(provider=settings.EMAIL_BACKEND.split(".")[-2])


def forget_others(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Back to one row a channel: that of the provider which it had first."""
    states = apps.get_model("notifications", "ChannelState").objects
    first = states.order_by("channel", "id").distinct("channel").values_list("pk", flat=True)
    states.exclude(pk__in=list(first)).delete()


class Migration(migrations.Migration):

    dependencies = [
        ('notifications', '0007_provider'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='channelstate',
            options={'ordering': ['channel', 'id'], 'verbose_name': 'provider of messages', 'verbose_name_plural': 'providers of messages'},
        ),
        migrations.AlterField(
            model_name='channelstate',
            name='channel',
            field=models.CharField(choices=[('email', 'E-mail'), ('sms', 'SMS'), ('webhook', 'Webhook')], max_length=10),
        ),
        migrations.AddField(
            model_name='channelstate',
            name='id',
            field=models.BigAutoField(primary_key=True, serialize=False),
        ),
        migrations.AddField(
            model_name='channelstate',
            name='provider',
            field=models.CharField(db_default='', help_text='Its name in the settings.', max_length=40),
        ),
        migrations.RunPython(name_providers, forget_others),
        migrations.AddConstraint(
            model_name='channelstate',
            constraint=models.UniqueConstraint(fields=('channel', 'provider'), name='channelstate_provider_once'),
        ),
    ]
