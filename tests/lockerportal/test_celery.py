"""If a worker's database connection breaks, the next job opens another; a working one is kept."""

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
    assert celery_app.close_broken_connections  # the import connects the signals, as in a worker
    task = deliver
    task.push_request(is_eager=False)
    yield task
    task.pop_request()


def _backend_pid() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    return int(pid)


def _break() -> None:
    broken = connection.connection.info
    with psycopg.connect(broken.dsn, password=broken.password) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [broken.backend_pid])


@pytest.mark.parametrize("signal", [task_prerun, task_postrun])
def test_a_broken_connection_is_replaced_for_the_next_job(job: Task[[], None], signal: object) -> None:
    first = _backend_pid()
    _break()
    with pytest.raises(OperationalError):
        _backend_pid()
    with pytest.raises(OperationalError):
        _backend_pid()  # nothing repairs it within a job
    signal.send(sender=job, task_id="1", task=job)  # type: ignore[attr-defined]
    assert _backend_pid() != first


def test_a_working_connection_is_kept(job: Task[[], None]) -> None:
    first = _backend_pid()
    task_prerun.send(sender=job, task_id="1", task=job)
    task_postrun.send(sender=job, task_id="1", task=job)
    assert _backend_pid() == first


def test_an_eager_job_does_not_touch_its_callers_connection(job: Task[[], None]) -> None:
    first = _backend_pid()
    _break()
    with pytest.raises(OperationalError):
        _backend_pid()
    job.request.is_eager = True
    task_prerun.send(sender=job, task_id="1", task=job)
    assert connection.connection.closed, first  # still the broken one
    connection.close()
