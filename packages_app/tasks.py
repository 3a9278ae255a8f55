"""The scheduled jobs: each runs one sweep. The beat table in `lockerportal/celery.py` says when."""

from __future__ import annotations

import logging

from celery import shared_task

from common.clock import database_now
from lockers import usage
from packages_app import operations
from packages_app.core import idempotency
from packages_app.rules import weekly_figures

logger = logging.getLogger(__name__)


@shared_task
def expire() -> int:
    """End the hold period of packages past their time."""
    return _count("expired", operations.expire_due(now=database_now()))


@shared_task
def lapse_reservations() -> int:
    """End reservations past their time."""
    return _count("lapsed", operations.lapse_due(now=database_now()))


@shared_task
def grant_doors() -> int:
    """Grant free compartments to the queue."""
    return _count("granted from the queue", operations.grant_due(now=database_now()))


@shared_task
def remind() -> int:
    """Remind recipients whose hold period ends soon."""
    return _count("reminded", operations.remind_due(now=database_now()))


@shared_task
def notice_silence() -> int:
    """Pause deadlines at locations without heartbeats, and tell their managers."""
    return _count("fallen silent", operations.notice_silence_due(now=database_now()))


@shared_task
def list_returns() -> int:
    """Send couriers, in the morning of each location, the list of packages to take back."""
    return _count("return lists", operations.list_returns_due(now=database_now()))


@shared_task
def notice_shortages() -> int:
    """Tell managers of sizes with hardly any free compartment."""
    return _count("shortages", operations.notice_shortages_due(now=database_now()))


@shared_task
def notice_overdue() -> int:
    """Tell managers, once a day, of packages that should have been taken out days ago."""
    return _count("told of overdue returns", operations.notice_late_returns_due(now=database_now()))


@shared_task
def notice_sms_caps() -> int:
    """Tell staff, once a day, of couriers that have reached or nearly reached their cap on SMS."""
    return _count("told of caps on SMS", operations.notice_sms_caps_due(now=database_now()))


@shared_task
def take_snapshots() -> int:
    """Record once an hour how full every location is."""
    return _count("snapshots", usage.take_snapshots(now=database_now()))


@shared_task
def purge_snapshots() -> int:
    """Delete snapshots older than `USAGE_KEEP`."""
    return _count("purged snapshots", usage.purge(now=database_now()))


@shared_task
def report_week() -> int:
    """Count the last week for each location, and send the weekly report on Monday morning."""
    now = database_now()
    _count("weeks counted", weekly_figures.count_weeks(now=now))
    return _count("reports", operations.send_reports_due(now=now))


@shared_task
def erase() -> int:
    """Erase the recipients of packages that ended `ERASE_AFTER` ago."""
    return _count("erased", operations.erase_due(now=database_now()))


@shared_task
def tidy_sandbox() -> int:
    """Take yesterday's rehearsals out of the sandbox, and put its compartments back in service."""
    return _count("tidied", operations.tidy_sandbox_due(now=database_now()))


@shared_task
def repairs() -> int:
    """Put repaired compartments back in service, and remind managers of overdue repairs."""
    return _count("repairs", operations.finish_repairs_due(now=database_now()))


@shared_task
def purge_queue() -> int:
    """Delete queue entries that ended `QUEUE_KEEP` ago."""
    return _count("purged queue entries", operations.purge_queue_due(now=database_now()))


@shared_task
def purge_idempotency_keys() -> int:
    """Delete answers that were kept longer than `IDEMPOTENCY_KEEP`."""
    return _count("purged", idempotency.purge_due(now=database_now()))


def _count(what: str, count: int) -> int:
    if count:
        logger.info("%s: %d", what, count)
    return count
