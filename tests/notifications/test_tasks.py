"""The Celery tasks of messages."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from notifications import tasks
from notifications.delivery.runner import Counts
from notifications.models import Notification
from notifications.sms import locmem
from tests.notifications.conftest import Put

pytestmark = pytest.mark.django_db


def test_it_delivers_what_is_due(put: Put) -> None:
    put()
    Notification.objects.update(next_attempt_at="2020-01-01T00:00Z")
    tasks.deliver()
    tasks.deliver()
    assert len(locmem.outbox) == 1


@pytest.mark.parametrize(("unfinished", "woken"), [(True, 1), (False, 0)])
def test_what_is_left_over_to_webhooks_is_not_left_to_the_sweep_either(
    monkeypatch: pytest.MonkeyPatch, unfinished: bool, woken: int
) -> None:
    calls: list[bool] = []
    monkeypatch.setattr(tasks, "deliver_to_endpoints", lambda: Counts(sent=3, unfinished=unfinished))
    monkeypatch.setattr(tasks, "nudge_webhooks", lambda: calls.append(True))
    assert tasks.deliver_webhooks() == 3
    assert len(calls) == woken


def test_webhooks_have_a_queue_of_their_own(settings: Settings) -> None:
    """Its worker waits for couriers' servers, and no pickup code waits behind them."""
    route = settings.CELERY_TASK_ROUTES[tasks.deliver_webhooks.name]
    assert route == {"queue": "webhooks"}
    assert [queue.name for queue in settings.CELERY_TASK_QUEUES] == ["lockerportal", "webhooks"]
    assert all(queue.no_ack for queue in settings.CELERY_TASK_QUEUES)


@pytest.mark.parametrize(("unfinished", "woken"), [(True, 1), (False, 0)])
def test_what_is_left_over_is_not_left_to_the_sweep(
    monkeypatch: pytest.MonkeyPatch, unfinished: bool, woken: int
) -> None:
    calls: list[bool] = []
    monkeypatch.setattr(tasks, "deliver_due", lambda: Counts(unfinished=unfinished))
    monkeypatch.setattr(tasks, "nudge", lambda: calls.append(True))
    tasks.deliver()
    assert len(calls) == woken
