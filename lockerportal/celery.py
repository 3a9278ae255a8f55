"""The Celery app, and the beat table: every scheduled job of the portal, in one place.

Each job is idempotent, works in batches, and may run twice at once or be killed at any point: the rows
in PostgreSQL say what is due, the schedule only says how often to look.
"""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lockerportal.settings")

app = Celery("lockerportal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

# Seconds between two looks. A tick that was queued for a minute is dropped (`expires`): a worker that was
# away for an hour does not come back to an hour of ticks, and clocks may differ by some seconds.
app.conf.beat_schedule = {
    name: {"task": task, "schedule": seconds, "options": {"expires": max(seconds, 60.0)}}
    for name, task, seconds in (
        ("expire packages", "packages_app.tasks.expire", 30.0),
        ("lapse reservations", "packages_app.tasks.lapse_reservations", 30.0),
        ("deliver messages", "notifications.tasks.deliver", 5.0),
        ("purge idempotency keys", "packages_app.tasks.purge_idempotency_keys", 3600.0),
    )
}
