"""The Celery app, and the beat table: every scheduled job of the portal, in one place.

Each job is idempotent, works in batches, and may run twice at once or be killed at any point: the rows in
PostgreSQL say what is due, and the schedule only says how often to look.
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
def close_broken_connections(sender: Task[Any, Any], **_: object) -> None:
    """Close a database connection that has failed or is too old, as Django does around each request.

    Celery itself offers only a new connection for each job or the same one for many jobs, and a worker whose
    connection broke would fail all of these (see `CELERY_DB_REUSE_MAX`).
    """
    if not sender.request.is_eager:  # else it is the caller's connection, perhaps in a transaction
        close_old_connections()


# The admin shows how each run went. `run_history` needs the models, which are not loaded yet.
@task_prerun.connect(dispatch_uid="a run of a job begins")  # type: ignore[untyped-decorator]
def begin_run(sender: Task[Any, Any], task_id: str, **_: object) -> None:
    """Record that the job runs, on the connection that was just checked."""
    from lockerportal.jobs import run_history

    run_history.record_start(sender.name, task_id)


@task_postrun.connect(dispatch_uid="a run of a job ends")  # type: ignore[untyped-decorator]
def end_run(sender: Task[Any, Any], task_id: str, retval: object = None, **_: object) -> None:
    """Record what the job returned, or the exception that it raised."""
    from lockerportal.jobs import run_history

    run_history.record_end(sender.name, task_id, retval)


# Name, task and interval in seconds. A tick that waited in the queue for a minute is dropped (`expires`), so
# that a worker that was down for an hour does not find an hour of ticks; clocks may differ by some seconds.
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
