"""The Celery app, and the beat table: every scheduled job of the portal, in one place.

Each job is idempotent, works in batches, and may run twice at once or be killed at any point: the rows
in PostgreSQL say what is due, the schedule only says how often to look.
"""

from __future__ import annotations

import os
from typing import Any

from celery import Celery, Task
from celery.signals import task_postrun, task_prerun
from django.db import close_old_connections

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lockerportal.settings")

app = Celery("lockerportal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@task_prerun.connect(dispatch_uid="database connections before a job")  # type: ignore[untyped-decorator]
@task_postrun.connect(dispatch_uid="database connections after a job")  # type: ignore[untyped-decorator]
def look_at_connections(sender: Task[Any, Any], **_: object) -> None:
    """Give up a database connection that has failed or grown old, as Django does around each request.

    Celery itself knows only "a new connection for each job" and "the same for so many jobs", and with the
    second a worker whose connection broke fails every one of them (see `CELERY_DB_REUSE_MAX`).
    """
    if not sender.request.is_eager:  # then the connection is the caller's, and may be in a transaction
        close_old_connections()


# The admin shows how each run went. `lockerportal/jobs/runs.py` needs the models, which are not loaded yet.
@task_prerun.connect(dispatch_uid="a run of a job begins")  # type: ignore[untyped-decorator]
def begin_run(sender: Task[Any, Any], task_id: str, **_: object) -> None:
    """Write down that the job runs; with the connection that was just looked at."""
    from lockerportal.jobs import runs

    runs.begun(sender.name, task_id)


@task_postrun.connect(dispatch_uid="a run of a job ends")  # type: ignore[untyped-decorator]
def end_run(sender: Task[Any, Any], task_id: str, retval: object = None, **_: object) -> None:
    """Write down how it went: what it returned, or the exception that it raised."""
    from lockerportal.jobs import runs

    runs.ended(sender.name, task_id, retval)


# Seconds between two looks. A tick that was queued for a minute is dropped (`expires`): a worker that was
# away for an hour does not come back to an hour of ticks, and clocks may differ by some seconds.
app.conf.beat_schedule = {
    name: {"task": task, "schedule": seconds, "options": {"expires": max(seconds, 60.0)}}
    for name, task, seconds in (
        ("expire packages", "packages_app.tasks.expire", 30.0),
        ("lapse reservations", "packages_app.tasks.lapse_reservations", 30.0),
        ("remind recipients", "packages_app.tasks.remind", 300.0),
        ("notice silent locations", "packages_app.tasks.notice_silence", 60.0),
        ("list returns", "packages_app.tasks.list_returns", 300.0),
        ("look after repairs", "packages_app.tasks.repairs", 60.0),
        ("grant doors to the queue", "packages_app.tasks.grant_doors", 5.0),
        ("deliver messages", "notifications.tasks.deliver", 5.0),
        ("deliver webhooks", "notifications.tasks.deliver_webhooks", 5.0),
        ("notice shortages", "packages_app.tasks.notice_shortages", 300.0),
        ("notice overdue returns", "packages_app.tasks.notice_overdue", 900.0),
        ("notice caps of SMS", "packages_app.tasks.notice_sms_caps", 300.0),
        ("take usage snapshots", "packages_app.tasks.take_snapshots", 300.0),
        ("purge usage snapshots", "packages_app.tasks.purge_snapshots", 3600.0),
        ("weekly report", "packages_app.tasks.report_week", 900.0),
        ("erase recipients", "packages_app.tasks.erase", 3600.0),
        ("tidy the sandbox", "packages_app.tasks.tidy_sandbox", 3600.0),
        ("match receipts", "notifications.tasks.match_receipts", 60.0),
        ("purge limits of SMS", "notifications.tasks.purge_tallies", 3600.0),
        ("purge places in queues", "packages_app.tasks.purge_queue", 3600.0),
        ("purge idempotency keys", "packages_app.tasks.purge_idempotency_keys", 3600.0),
    )
}
