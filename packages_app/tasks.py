"""The scheduled jobs of this room; the beat table in `lockerportal/celery.py` says when."""

from __future__ import annotations

import logging

from celery import shared_task

from common.clock import database_now
from lockers import usage
from packages_app import operations
from packages_app.core import idempotency
from packages_app.rules import queueing, weekly_figures

logger = logging.getLogger(__name__)


@shared_task
def expire() -> int:
    """The hold of every package past its time ends."""
    return _count("expired", operations.expire(now=database_now()))


@shared_task
def lapse_reservations() -> int:
    """Every reservation past its time ends."""
    return _count("lapsed", operations.lapse(now=database_now()))


@shared_task
def grant_doors() -> int:
    """Free doors go to those who wait for them in the queue."""
    return _count("granted from the queue", operations.grant(now=database_now()))


@shared_task
def remind() -> int:
    """Recipients hear that the hold of their packages ends soon."""
    return _count("reminded", operations.remind(now=database_now()))


@shared_task
def notice_silence() -> int:
    """Locations without a sign of life are down: their hold clock stands, their managers are told."""
    return _count("fallen silent", operations.notice_silence(now=database_now()))


@shared_task
def list_returns() -> int:
    """In the morning of each location, couriers hear what waits there to be taken back."""
    return _count("return lists", operations.list_returns(now=database_now()))


@shared_task
def notice_shortages() -> int:
    """Managers hear of sizes with hardly a free door."""
    return _count("shortages", operations.notice_shortages(now=database_now()))


@shared_task
def notice_overdue() -> int:
    """Managers hear, once a day, of packages that should have been taken out days ago."""
    return _count("told of overdue returns", operations.notice_overdue(now=database_now()))


@shared_task
def notice_sms_caps() -> int:
    """Staff hear, once a day, of couriers whose SMS cost as much as they may, or nearly so."""
    return _count("told of caps of SMS", operations.notice_sms_caps(now=database_now()))


@shared_task
def take_snapshots() -> int:
    """How full every location is, once an hour."""
    return _count("snapshots", usage.take_snapshots(now=database_now()))


@shared_task
def purge_snapshots() -> int:
    """Snapshots older than `USAGE_KEEP` are forgotten."""
    return _count("purged snapshots", usage.purge(now=database_now()))


@shared_task
def report_week() -> int:
    """The last week is counted for each location, and reported on Monday morning."""
    now = database_now()
    _count("weeks counted", weekly_figures.count_weeks(now=now))
    return _count("reports", operations.send_reports(now=now))


@shared_task
def erase() -> int:
    """Whose packages they were is forgotten `ERASE_AFTER` their end."""
    return _count("erased", operations.erase(now=database_now()))


@shared_task
def tidy_sandbox() -> int:
    """Yesterday's rehearsals are taken out of the sandbox, and its doors work again."""
    return _count("tidied", operations.tidy_sandbox(now=database_now()))


@shared_task
def repairs() -> int:
    """Repaired doors are back in service at their date; managers hear of those that are overdue."""
    return _count("repairs", operations.repairs(now=database_now()))


@shared_task
def purge_queue() -> int:
    """Places in queues that ended `QUEUE_KEEP` ago are forgotten."""
    return _count("purged places in queues", queueing.purge(now=database_now()))


@shared_task
def purge_idempotency_keys() -> int:
    """Answers older than `IDEMPOTENCY_KEEP` are forgotten."""
    return _count("purged", idempotency.purge(now=database_now()))


def _count(what: str, count: int) -> int:
    if count:
        logger.info("%s: %d", what, count)
    return count
