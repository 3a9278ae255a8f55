"""A fresh code behind a long queue of reminders: how long it takes until a provider has it."""

from __future__ import annotations

import statistics
import time

from django.db import connection

from bench import due, world
from bench.machine import progress
from bench.options import Options
from bench.report import Report
from bench.scenarios.delivery import accepted_by, running_sinks, running_worker
from bench.world import World

SECONDS = 15.0
EVERY = 0.25  # seconds between two fresh codes
A_MILLION_A_DAY = 1_000_000 / 86_400
BAR, GOAL = 5.0, 1.0  # seconds


def run(network: World, options: Options, report: Report) -> None:
    """Let a real worker (two processes) deliver a long queue while new codes are stored."""
    codes = round(SECONDS / EVERY)
    due.make_compartments(options.backlog // 2 + codes)
    with running_sinks() as (environment, counter), running_worker(environment):
        progress(f"{options.backlog} reminders")
        fresh = _fill(options.backlog // 2, codes)
        before, started = sum(accepted_by(counter).values()), time.perf_counter()
        _nudge()
        for subject in fresh:
            _store(subject)
            _nudge()
            time.sleep(EVERY)
        rate = (sum(accepted_by(counter).values()) - before) / (time.perf_counter() - started)
        left = _waiting("priority = 5")
        report.fault("backlog", [] if left else ["the queue was empty before the last code came"])
        ends = time.perf_counter() + BAR * 4
        while _waiting("priority = 1") and time.perf_counter() < ends:
            time.sleep(0.1)
        waits = _waits()
        report.fault(
            "backlog", [] if len(waits) == 2 * codes else [f"{len(waits)} of {2 * codes} codes sent"]
        )
    due.drop_compartments()
    note = f"{len(waits)} messages, {left} reminders still waited"
    slowest = report.add(f"fresh code behind {options.backlog} reminders: slowest", "s", [max(waits)], note)
    report.add(f"fresh code behind {options.backlog} reminders: median", "s", [statistics.median(waits)])
    report.judge("fresh code behind the queue: slowest, s", slowest, first_bar=BAR, goal=GOAL, at_most=True)
    report.add("delivery out of the queue", "messages/s", [rate])
    report.judge(
        "delivery against a million messages a day (12 a second)",
        rate / A_MILLION_A_DAY,
        first_bar=5,
        goal=20,
    )


def _fill(packages: int, codes: int) -> list[str]:
    """Create two reminders for each of `packages`; return the subjects of packages without a message."""
    due.make(packages + codes)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE packages_app_package SET expires_at = now() + interval '20 hours' WHERE status = 'STORED'"
        )
        cursor.execute("SELECT id::text FROM packages_app_package WHERE status = 'STORED' ORDER BY id")
        ids = [identity for (identity,) in cursor.fetchall()]
        cursor.execute(
            "INSERT INTO notifications_notification (kind, channel, subject, dedup_key, priority)"
            " SELECT 'reminder', channel, 'package:' || id, 'reminder:' || id || ':' || channel, 5"
            " FROM unnest(%s::text[]) id, unnest(ARRAY['email', 'sms']) channel",
            [ids[codes:]],
        )
    world.analyse()
    return [f"package:{identity}" for identity in ids[:codes]]


def _store(subject: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO notifications_notification (kind, channel, subject, dedup_key, priority)"
            " SELECT 'stored', channel, %s, 'event:' || %s || ':' || channel, 1"
            " FROM unnest(ARRAY['email', 'sms']) channel",
            [subject, subject],
        )


def _nudge() -> None:
    """Wake delivery, as two web processes do after a commit."""
    from notifications.tasks import deliver

    for _ in range(2):
        deliver.apply_async()


def _waiting(which: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM notifications_notification"
            f" WHERE status IN ('pending', 'sending') AND {which}"
        )
        return int(cursor.fetchone()[0])


def _waits() -> list[float]:
    """Return the seconds from each code's commit until its provider accepted it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM sent_at - created_at)::float FROM notifications_notification"
            " WHERE priority = 1 AND status = 'sent' ORDER BY id"
        )
        return [seconds for (seconds,) in cursor.fetchall()]
