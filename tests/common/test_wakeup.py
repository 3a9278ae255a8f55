"""Waking delivery: the caller never waits, and the last call is never lost."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
import redis
from django.utils import timezone
from pytest_django import Settings

from common import wakeup as nudge_module
from common.wakeup import Waker, nudge, nudge_webhooks, wake_queue
from lockerportal.celery import app
from tests.notifications.providers import SilentServer, free_port


def eventually(condition: Callable[[], bool]) -> bool:
    """Whether it comes true within a time that is long even on a busy machine."""
    for _ in range(1000):
        if condition():
            return True
        time.sleep(0.02)
    return False


def test_calls_that_come_together_share_one_and_the_last_is_heard() -> None:
    calls: list[int] = []
    asked = 0
    entered, go = threading.Event(), threading.Event()

    def publish() -> None:
        entered.set()
        go.wait(20)
        calls.append(asked)

    waker = Waker(publish, pause=0.01)
    waker.wake()
    assert entered.wait(20)
    for asked in range(1, 1001):  # noqa: B007 - read by `publish`
        waker.wake()  # returns although `publish` hangs: were it to wait, this test would never end
    assert calls == []
    go.set()

    assert eventually(lambda: len(calls) == 2)
    assert calls[-1] == 1000
    assert not eventually_more(calls)


def eventually_more(calls: list[int]) -> bool:
    time.sleep(0.1)
    return len(calls) > 2


def test_a_broker_that_is_away_is_named_once_and_noticed_when_it_is_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    answers: list[Exception | None] = [OSError("secret-host"), OSError("secret-host"), None, None]
    calls: list[int] = []

    def publish() -> None:
        calls.append(1)
        answer = answers[len(calls) - 1]
        if answer:
            raise answer

    waker = Waker(publish, pause=0.0)
    with caplog.at_level(logging.INFO, logger="common.wakeup"):
        for number in range(1, 5):
            waker.wake()
            assert eventually(lambda wanted=number: len(calls) == wanted)  # type: ignore[misc]
        assert eventually(lambda: not waker._wanted.is_set())

    assert eventually(lambda: len(caplog.messages) == 2)
    assert caplog.messages == [
        "Cannot wake jobs, they wait for Celery beat: OSError",
        "Jobs can be woken again",
    ]


def test_publishing_to_a_silent_or_missing_broker_fails_rather_than_hangs() -> None:
    with SilentServer() as silent:
        for port in (silent.port, free_port()):
            with (
                app.connection_for_write(f"redis://127.0.0.1:{port}/0") as broker,
                pytest.raises(Exception, match=r"Timeout|timed out|refused"),
            ):
                app.send_task("notifications.tasks.deliver", retry=False, connection=broker)


def test_it_reaches_the_queue_and_says_nothing_but_its_name(settings: Settings) -> None:
    settings.NOTIFICATION_NUDGE = True
    queue = redis.Redis.from_url(settings.REDIS_URL)
    name = settings.CELERY_TASK_DEFAULT_QUEUE
    queue.delete(name)

    nudge()

    assert eventually(lambda: queue.llen(name) == 1)
    message = queue.lpop(name)
    queue.close()
    assert isinstance(message, bytes)
    assert b"notifications.tasks.deliver" in message


def test_webhooks_have_a_call_and_a_queue_of_their_own(settings: Settings) -> None:
    settings.NOTIFICATION_NUDGE = True
    queue = redis.Redis.from_url(settings.REDIS_URL)
    queue.delete("webhooks", settings.CELERY_TASK_DEFAULT_QUEUE)

    nudge_webhooks()

    assert eventually(lambda: queue.llen("webhooks") == 1)
    assert queue.llen(settings.CELERY_TASK_DEFAULT_QUEUE) == 0
    message = queue.lpop("webhooks")
    queue.close()
    assert isinstance(message, bytes)
    assert b"notifications.tasks.deliver_webhooks" in message


def test_every_job_that_is_woken_exists_and_a_call_that_nobody_takes_ends(settings: Settings) -> None:
    settings.NOTIFICATION_NUDGE = True
    app.loader.import_default_modules()
    queue = redis.Redis.from_url(settings.REDIS_URL)
    for wake in (nudge, nudge_webhooks, wake_queue):
        queue.delete("webhooks", settings.CELERY_TASK_DEFAULT_QUEUE)
        wake()
        assert eventually(
            lambda: queue.llen("webhooks") + queue.llen(settings.CELERY_TASK_DEFAULT_QUEUE) == 1
        )
        message = queue.lpop("webhooks") or queue.lpop(settings.CELERY_TASK_DEFAULT_QUEUE)
        headers = json.loads(message)["headers"]  # type: ignore[arg-type]
        assert headers["task"] in app.tasks
        assert datetime.fromisoformat(headers["expires"]) < timezone.now() + timedelta(seconds=31)
    queue.close()


def test_tests_can_turn_it_off(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.NOTIFICATION_NUDGE = False
    woken: list[bool] = []
    monkeypatch.setattr(nudge_module._deliver._waker, "wake", lambda: woken.append(True))
    nudge()
    assert woken == []
    settings.NOTIFICATION_NUDGE = True
    nudge()
    assert woken == [True]


def test_a_forked_process_has_a_thread_of_its_own() -> None:
    script = """
        import os, sys
        from django.conf import settings
        settings.configure(NOTIFICATION_NUDGE=True)
        from common import wakeup

        def tell():
            os.write(write, b"%d " % os.getpid())

        read, write = os.pipe()
        wake = wakeup.Wake(tell)
        wake()
        assert int(os.read(read, 20)) == os.getpid()
        child = os.fork()
        if child == 0:
            wake()
            import time; time.sleep(20)
            os._exit(0)
        assert int(os.read(read, 20)) == child
        os.kill(child, 9)
        os.waitpid(child, 0)
        print("both")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=os.getcwd(),
    )
    assert (done.stdout, done.returncode) == ("both\n", 0), done.stderr
