"""Delivery of the outbox to a mail server and an SMS gateway, against one Celery task a message."""

from __future__ import annotations

import contextlib
import json
import time
import urllib.request
from collections.abc import Iterator

from django.db import connection

from bench import due, world
from bench.machine import OUTPUT, free_port, process, progress, python
from bench.options import Options
from bench.report import Report
from bench.world import World

PATIENCE = 300.0


def run(network: World, options: Options, report: Report) -> None:
    """Let a real worker (two processes, as in production) deliver the same outbox both ways."""
    rates: dict[str, list[float]] = {"portal": [], "task a message": []}
    packages = options.messages // 2
    due.make_compartments(packages)
    with running_sinks() as (environment, counter), running_worker(environment):
        _rate("portal", packages, counter, report)  # warms the worker's processes up
        for number in range(max(1, min(options.rounds, 3))):
            for way in rates:
                progress(f"round {number + 1}: {way}")
                rates[way].append(_rate(way, packages, counter, report))
    due.drop_compartments()
    portal = report.add("delivery to local SMTP and HTTP: the portal", "messages/s", rates["portal"])
    peer = report.add("the same, one Celery task a message", "messages/s", rates["task a message"])
    report.judge("delivery against one Celery task a message", portal / peer, first_bar=3, goal=5)


def _rate(way: str, packages: int, counter: str, report: Report) -> float:
    from lockerportal.celery import app
    from notifications.tasks import deliver

    app.control.purge()  # calls of an earlier run, which would start before the clock does
    before = accepted_by(counter)
    _fill(packages)
    started = time.perf_counter()
    if way == "portal":
        for _ in range(2):  # what two web processes' nudges come to
            deliver.apply_async()
    else:
        for pk in _pending():
            app.send_task("bench.deliver_one", [pk])
    while _left() and time.perf_counter() - started < PATIENCE:
        time.sleep(0.02)
    seconds = time.perf_counter() - started
    after = accepted_by(counter)
    taken = {channel: after[channel] - before[channel] for channel in after}
    wrong = (
        [] if taken == {"email": packages, "sms": packages} else [f"{taken} taken, {packages} of each due"]
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM notifications_notification WHERE sent_at IS NULL")
        (unsent,) = cursor.fetchone()
    report.fault(way, wrong + ([f"{unsent} not sent"] if unsent else []))
    return 2 * packages / seconds


def _fill(packages: int) -> None:
    """Create stored packages with one email and one SMS each in the outbox."""
    due.make(packages)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE packages_app_package SET expires_at = now() + interval '3 days' WHERE status = 'STORED'"
        )
        cursor.execute(
            "INSERT INTO notifications_notification (kind, channel, subject, dedup_key, priority)"
            " SELECT 'stored', channel, 'package:' || package_id, 'event:' || id || ':' || channel, 1"
            " FROM packages_app_packageevent, unnest(ARRAY['email', 'sms']) channel"
            " WHERE event = 'deposited' ON CONFLICT DO NOTHING"
        )
    world.analyse()


def _pending() -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM notifications_notification WHERE status = 'pending' ORDER BY id")
        return [pk for (pk,) in cursor.fetchall()]


def _left() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM notifications_notification WHERE status IN ('pending', 'sending'))"
        )
        return bool(cursor.fetchone()[0])


@contextlib.contextmanager
def running_sinks() -> Iterator[tuple[dict[str, str], str]]:
    """Run providers on loopback; yield the environment that names them and the URL of their counts."""
    smtp, http = free_port(), free_port()
    counter = f"http://127.0.0.1:{http}/"
    with process("sinks", python("-m", "bench.sinks", str(smtp), str(http))):
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                accepted_by(counter)
                break
            time.sleep(0.1)
        yield {"EMAIL_URL": f"smtp://127.0.0.1:{smtp}", "SMS_GATEWAY_URL": counter}, counter


def accepted_by(counter: str) -> dict[str, int]:
    """Return how many messages the providers have accepted so far."""
    with urllib.request.urlopen(counter, timeout=5) as answer:
        counts = json.load(answer)
    return {"email": counts["email"], "sms": counts["sms"]}


@contextlib.contextmanager
def running_worker(environment: dict[str, str]) -> Iterator[None]:
    """Run Celery as in production, with the peer's task as well."""
    from lockerportal.celery import app

    command = python("-m", "celery", "-A", "bench.peers.per_message", "worker", "--pool", "prefork")
    command += ["--concurrency", "2", "--loglevel", "WARNING"]
    with process("worker", command, **environment) as child:
        deadline = time.monotonic() + 60
        while not app.control.ping(timeout=0.5):
            if child.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the worker did not start; see {OUTPUT / 'worker.log'}")
        yield
