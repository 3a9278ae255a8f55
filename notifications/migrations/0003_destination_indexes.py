import django.db.models.functions.comparison
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False  # so that nobody waits for the indexes

    dependencies = [
        ('notifications', '0002_destinations'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='notification',
            index=models.Index(models.F('subject'), models.F('priority'), django.db.models.functions.comparison.Coalesce('leased_until', 'next_attempt_at'), condition=models.Q(('channel', 'webhook'), ('status__in', ['pending', 'sending'])), name='notification_destination_due'),
        ),
        AddIndexConcurrently(
            model_name='notification',
            index=models.Index(condition=models.Q(('channel', 'webhook'), ('status__in', ['pending', 'sending'])), fields=['subject', 'queue', 'id'], name='notification_queue'),
        ),
        AddIndexConcurrently(
            model_name='notification',
            index=models.Index(condition=models.Q(('channel', 'webhook')), fields=['subject', '-id'], name='notification_of_destination'),
        ),
    ]
