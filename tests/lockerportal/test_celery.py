"""A worker's database connection breaks: the next job has another, and a good one is kept."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from celery import Task
from celery.signals import task_postrun, task_prerun
from django.db import OperationalError, connection

from lockerportal import celery as celery_app
from notifications.tasks import deliver

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def job() -> Iterator[Task[[], None]]:
    """A job as a worker runs it, between its two signals."""
    assert celery_app.look_at_connections  # its import connects the signals, as the worker's does
    task = deliver
    task.push_request(is_eager=False)
    yield task
    task.pop_request()


def _ask() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    return int(pid)


def _break() -> None:
    broken = connection.connection.info
    with psycopg.connect(broken.dsn, password=broken.password) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [broken.backend_pid])


@pytest.mark.parametrize("signal", [task_prerun, task_postrun])
def test_broken_connection_is_replaced_at_the_next_job(job: Task[[], None], signal: object) -> None:
    first = _ask()
    _break()
    with pytest.raises(OperationalError):
        _ask()
    with pytest.raises(OperationalError):
        _ask()  # nobody mends it within a job
    signal.send(sender=job, task_id="1", task=job)  # type: ignore[attr-defined]
    assert _ask() != first


def test_good_connection_is_kept(job: Task[[], None]) -> None:
    first = _ask()
    task_prerun.send(sender=job, task_id="1", task=job)
    task_postrun.send(sender=job, task_id="1", task=job)
    assert _ask() == first


def test_eager_job_leaves_the_callers_connection_alone(job: Task[[], None]) -> None:
    first = _ask()
    _break()
    with pytest.raises(OperationalError):
        _ask()
    job.request.is_eager = True
    task_prerun.send(sender=job, task_id="1", task=job)
    assert connection.connection.closed, first  # still the broken one
    connection.close()
