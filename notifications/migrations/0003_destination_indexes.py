import django.db.models.functions.comparison
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False  # so that nobody waits for the indexes

    dependencies = [
        ('notifications', '0002_destinations'),
    ]

    # What is cancelled leaves an index that is not valid: each is dropped first, so that this can be repeated.
    operations = [
        migrations.RunSQL('DROP INDEX CONCURRENTLY IF EXISTS notification_destination_due', migrations.RunSQL.noop),
        AddIndexConcurrently(
            model_name='notification',
            index=models.Index(models.F('subject'), models.F('priority'), django.db.models.functions.comparison.Coalesce('leased_until', 'next_attempt_at'), condition=models.Q(('channel', 'webhook'), ('status__in', ['pending', 'sending'])), name='notification_destination_due'),
        ),
        migrations.RunSQL('DROP INDEX CONCURRENTLY IF EXISTS notification_queue', migrations.RunSQL.noop),
        AddIndexConcurrently(
            model_name='notification',
            index=models.Index(condition=models.Q(('channel', 'webhook'), ('status__in', ['pending', 'sending'])), fields=['subject', 'queue', 'id'], name='notification_queue'),
        ),
        migrations.RunSQL('DROP INDEX CONCURRENTLY IF EXISTS notification_of_destination', migrations.RunSQL.noop),
        AddIndexConcurrently(
            model_name='notification',
            index=models.Index(condition=models.Q(('channel', 'webhook')), fields=['subject', '-id'], name='notification_of_destination'),
        ),
    ]
