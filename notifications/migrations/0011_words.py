"""Labels and help texts in plain English; no change to the schema."""

import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('notifications', '0010_receipt_indexes'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='channelstate',
            options={'ordering': ['channel', 'id'], 'verbose_name': 'message provider', 'verbose_name_plural': 'message providers'},
        ),
        migrations.AlterModelOptions(
            name='tally',
            options={'verbose_name': 'SMS limit', 'verbose_name_plural': 'SMS limits'},
        ),
        migrations.AlterField(
            model_name='channelstate',
            name='channel',
            field=models.CharField(choices=[('email', 'Email'), ('sms', 'SMS'), ('webhook', 'Webhook')], max_length=10),
        ),
        migrations.AlterField(
            model_name='channelstate',
            name='failures',
            field=models.PositiveIntegerField(db_default=0, help_text='Consecutive failures of the provider.'),
        ),
        migrations.AlterField(
            model_name='destination',
            name='opened_at',
            field=models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), help_text='Since when it accepts messages.'),
        ),
        migrations.AlterField(
            model_name='destination',
            name='subject',
            field=models.CharField(help_text='Its id, as webhook:<uuid>.', max_length=60, primary_key=True, serialize=False),
        ),
        migrations.AlterField(
            model_name='notification',
            name='attempts',
            field=models.PositiveSmallIntegerField(db_default=0, help_text='How often a worker has claimed it.'),
        ),
        migrations.AlterField(
            model_name='notification',
            name='channel',
            field=models.CharField(choices=[('email', 'Email'), ('sms', 'SMS'), ('webhook', 'Webhook')], max_length=10),
        ),
        migrations.AlterField(
            model_name='notification',
            name='charged_at',
            field=models.DateTimeField(blank=True, help_text='When it was counted against the SMS limits: once, not at each attempt.', null=True),
        ),
        migrations.AlterField(
            model_name='notification',
            name='kind',
            field=models.CharField(help_text='What it says: the folder of its templates.', max_length=40),
        ),
        migrations.AlterField(
            model_name='notification',
            name='provider',
            field=models.CharField(blank=True, db_default='', help_text="Which of the channel's providers has accepted it.", max_length=40),
        ),
        migrations.AlterField(
            model_name='notification',
            name='provider_id',
            field=models.CharField(blank=True, db_default='', help_text="The provider's own id for it.", max_length=200),
        ),
        migrations.AlterField(
            model_name='notification',
            name='queue',
            field=models.CharField(blank=True, db_default='', help_text='For a webhook: what it is about, as package:<uuid>. It is sent only after earlier ones to its endpoint about the same have ended; empty: at once.', max_length=60),
        ),
        migrations.AlterField(
            model_name='notification',
            name='reason',
            field=models.TextField(blank=True, db_default='', help_text='Why it is dead, bounced or suppressed; otherwise the last error.'),
        ),
        migrations.AlterField(
            model_name='notification',
            name='receipt_at',
            field=models.DateTimeField(blank=True, help_text='When the provider reported it delivered, or undeliverable.', null=True),
        ),
        migrations.AlterField(
            model_name='notification',
            name='subject',
            field=models.CharField(help_text='What it is about, as package:<uuid>; for a webhook its endpoint, as webhook:<uuid>.', max_length=60),
        ),
        migrations.AlterField(
            model_name='receipt',
            name='number',
            field=models.BigIntegerField(blank=True, help_text="The message's id, if the receipt names it.", null=True),
        ),
        migrations.AlterField(
            model_name='tally',
            name='day',
            field=models.DateField(help_text='The day (UTC) on which it was last used.'),
        ),
        migrations.AlterField(
            model_name='tally',
            name='key',
            field=models.CharField(help_text='payer:<day>:<name>, number:<day>:<hash> or subject:<subject>.', max_length=120, primary_key=True, serialize=False),
        ),
        migrations.AlterField(
            model_name='tally',
            name='refused',
            field=models.PositiveIntegerField(db_default=0, help_text='SMS that were not sent because of this limit.'),
        ),
        migrations.AlterField(
            model_name='tally',
            name='used',
            field=models.DecimalField(db_default=0, decimal_places=4, help_text='Money for a payer, otherwise a number of SMS.', max_digits=14),
        ),
    ]
