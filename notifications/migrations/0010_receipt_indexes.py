from django.contrib.postgres.operations import (
    AddIndexConcurrently,
    RemoveIndexConcurrently,
    ValidateConstraint,
)
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False  # so that nobody waits for the indexes, or while old rows are checked

    dependencies = [
        ('notifications', '0009_receipts'),
    ]

    # What is cancelled leaves an index that is not valid: each is dropped first, so that this can be repeated.
    operations = [
        ValidateConstraint(
            model_name='notification',
            name='notification_status_known',
        ),
        ValidateConstraint(
            model_name='notification',
            name='notification_sent_has_time',
        ),
        ValidateConstraint(
            model_name='notification',
            name='notification_receipt_has_time',
        ),
        ValidateConstraint(
            model_name='notification',
            name='notification_end_has_reason',
        ),
        migrations.RunSQL('DROP INDEX CONCURRENTLY IF EXISTS notification_failed', migrations.RunSQL.noop),
        AddIndexConcurrently(
            model_name='notification',
            index=models.Index(condition=models.Q(('status__in', ['dead', 'bounced'])), fields=['-id'], name='notification_failed'),
        ),
        migrations.RunSQL('DROP INDEX CONCURRENTLY IF EXISTS notification_provider_id', migrations.RunSQL.noop),
        AddIndexConcurrently(
            model_name='notification',
            index=models.Index(condition=models.Q(('provider__gt', ''), ('provider_id__gt', '')), fields=['provider_id'], name='notification_provider_id'),
        ),
        RemoveIndexConcurrently(
            model_name='notification',
            name='notification_dead',
        ),
    ]
