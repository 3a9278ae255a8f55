"""Runs of scheduled jobs are recorded, even if they fail, and a record never disturbs a job."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from celery import Task
from celery.signals import task_postrun, task_prerun
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.test import Client
from django.urls import reverse

from common.clock import database_now
from lockerportal.admin import duration
from lockerportal.jobs import run_history
from lockerportal.models import ScheduledJob
from packages_app import tasks

pytestmark = pytest.mark.django_db

JOB = "expire packages"
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def fresh_memory() -> Iterator[None]:
    """Forget what this process has recorded."""
    run_history.sync_rows()
    run_history._recorded.clear()
    yield
    run_history._recorded.clear()


@pytest.fixture
def outcome(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """A list of what the next runs of the job return or raise."""
    outcomes: list[object] = []

    def expire(*, now: object) -> object:
        next_outcome = outcomes.pop(0)
        if isinstance(next_outcome, BaseException):
            raise next_outcome
        return next_outcome

    monkeypatch.setattr("packages_app.operations.expire_due", expire)
    return outcomes


def run() -> ScheduledJob:
    tasks.expire.apply()
    return ScheduledJob.objects.get(name=JOB)


def test_every_job_has_a_row_before_it_ever_runs() -> None:
    assert set(ScheduledJob.objects.values_list("name", flat=True)) == set(run_history.intervals())
    ScheduledJob.objects.create(name="a job of an older release")
    run_history.sync_rows()
    assert set(ScheduledJob.objects.values_list("name", flat=True)) == set(run_history.intervals())


def test_last_run_and_last_run_that_did_work(outcome: list[object]) -> None:
    outcome[:] = [7, 0]
    first = run()
    assert (first.count, first.worked_count, first.failures_in_row) == (7, 7, 0)
    assert first.seconds is not None
    assert first.started_at
    assert first.finished_at
    assert first.started_at <= first.finished_at
    run_history._recorded.clear()  # a second later
    second = run()
    assert (second.count, second.worked_count, second.worked_at) == (0, 7, first.worked_at)
    assert second.started_at
    assert second.started_at > first.finished_at
    assert ScheduledJob.objects.count() == len(run_history.intervals())


def test_a_failure_is_recorded_and_a_success_ends_it(outcome: list[object]) -> None:
    outcome[:] = [
        3,
        OperationalError("duplicate key\nDETAIL: Key (email)=(mari@example.com) plk_live_abc"),
        ValueError("plk_live_Ab3dE5gH_secret was wrong"),
        4,
    ]
    run()
    failed = run()
    assert (failed.failures_in_row, failed.last_error) == (1, "OperationalError: duplicate key")
    assert failed.count is None
    failed = run()
    assert (failed.failures_in_row, failed.last_error) == (2, "ValueError: [redacted] was wrong")
    assert [failure["error"] for failure in failed.failures] == [
        "ValueError: [redacted] was wrong",
        "OperationalError: duplicate key",
    ]
    again = run()
    assert (again.failures_in_row, again.count, again.last_error) == (0, 4, failed.last_error)


def test_only_the_last_ten_failures_are_kept(outcome: list[object]) -> None:
    for number in range(13):
        outcome[:] = [ValueError(f"number {number}")]
        job = run()
    assert job.failures_in_row == 13
    assert [failure["error"] for failure in job.failures] == [
        f"ValueError: number {n}" for n in range(12, 2, -1)
    ]


def test_a_job_that_is_woken_often_is_recorded_once_a_second(outcome: list[object]) -> None:
    outcome[:] = [5, 6, 7]
    first = run()
    run()
    assert run() == first
    assert ScheduledJob.objects.get(name=JOB).count == 5


def test_other_tasks_are_not_recorded() -> None:
    run_history.record_start("some.other.task", "1")
    run_history.record_end("some.other.task", "1", 5)
    assert not ScheduledJob.objects.filter(started_at__isnull=False).exists()


def test_an_unavailable_database_does_not_stop_the_job(
    outcome: list[object], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(run_history, "fetch", fail)
    outcome[:] = [5]
    with caplog.at_level(logging.WARNING):
        assert tasks.expire.apply().result == 5
    assert "could not be recorded: OperationalError" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_the_signals_of_a_worker_record_a_run() -> None:
    task: Task[[], int] = tasks.expire
    task_prerun.send(sender=task, task_id="1", task=task)
    job = ScheduledJob.objects.get(name=JOB)
    assert job.running(database_now())
    assert not job.running(database_now() + timedelta(minutes=5)), "it was killed"
    task_postrun.send(sender=task, task_id="1", task=task, retval=2, state="SUCCESS")
    job.refresh_from_db()
    assert (job.count, job.running(database_now())) == (2, False)


class TestOverdue:
    """A job is overdue by the beat table's interval since its last start."""

    def test_three_intervals_may_pass(self) -> None:
        now = database_now()
        job = ScheduledJob(name="x", known_since=now - 9 * MINUTE, started_at=now - 3 * MINUTE)
        job.finished_at = now - 2 * MINUTE
        assert job.overdue(now, MINUTE) is None
        assert job.overdue(now + MINUTE, MINUTE) == 3 * MINUTE

    def test_a_job_that_never_ran_counts_from_its_first_release(self) -> None:
        now = database_now()
        job = ScheduledJob(name="x", known_since=now - 5 * MINUTE)
        assert job.overdue(now, 2 * MINUTE) is None
        assert job.overdue(now, MINUTE) == 4 * MINUTE

    def test_a_long_run_is_not_overdue_while_it_may_be_alive(self) -> None:
        now = database_now()
        job = ScheduledJob(name="x", known_since=now, started_at=now - 2 * MINUTE)
        assert job.overdue(now, timedelta(seconds=30)) is None
        assert job.overdue(now + MINUTE, timedelta(seconds=30)) is not None


class TestAdmin:
    """Head office sees the state in words and in red."""

    @pytest.fixture
    def page(self, client: Client) -> str:
        client.force_login(User.objects.create_superuser("anna"))
        return reverse("admin:lockerportal_scheduledjob_changelist")

    def test_a_job_is_shown_with_its_last_run(self, page: str, client: Client, outcome: list[object]) -> None:
        outcome[:] = [7]
        job = run()
        text = client.get(page).content.decode()
        assert JOB in text
        assert "30 s" in text
        assert "7 at " in text
        detail = client.get(reverse("admin:lockerportal_scheduledjob_change", args=[job.pk]))
        assert detail.status_code == 200
        assert client.post(page, {"action": "delete_selected", "_selected_action": [JOB]}).status_code != 500
        assert ScheduledJob.objects.filter(name=JOB).exists()

    def test_a_job_that_fails_or_does_not_run_is_red(
        self, page: str, client: Client, outcome: list[object]
    ) -> None:
        ScheduledJob.objects.update(known_since=database_now())
        ok = client.get(page).content.decode()
        assert "job-red" not in ok
        outcome[:] = [ValueError("<b>no</b>")]
        run()
        failed = client.get(page).content.decode()
        assert '<strong class="job-red">failed</strong>' in failed
        assert "ValueError: &lt;b&gt;no&lt;/b&gt;" in failed
        ScheduledJob.objects.filter(name="purge idempotency keys").update(
            started_at=database_now() - timedelta(hours=5), finished_at=database_now() - timedelta(hours=5)
        )
        assert "did not run: overdue for 4 h" in client.get(page).content.decode()

    def test_a_job_without_a_row_gets_one(self, page: str, client: Client) -> None:
        ScheduledJob.objects.all().delete()
        assert JOB in client.get(page).content.decode()

    def test_durations_in_words(self) -> None:
        assert duration(timedelta(seconds=5)) == "5 s"
        assert duration(timedelta(hours=25, seconds=4)) == "1 d 1 h"
        assert duration(timedelta(seconds=90)) == "1 min 30 s"
        assert duration(timedelta()) == "0 s"


def test_the_manual_lists_every_job_with_its_interval() -> None:
    manual = (Path(__file__).parents[3] / "docs" / "operations.md").read_text()
    rows = dict(re.findall(r"^\| `([A-Za-z ]+)` \| ([^,|]+)", manual, flags=re.MULTILINE))
    assert {name: every.strip() for name, every in rows.items() if name in run_history.intervals()} == {
        name: duration(interval) for name, interval in run_history.intervals().items()
    }


class TestCommand:
    """`manage.py run_job`."""

    def test_it_runs_the_job_and_prints_its_result(
        self, outcome: list[object], capsys: pytest.CaptureFixture[str]
    ) -> None:
        outcome[:] = [7]
        call_command("run_job", JOB)
        assert capsys.readouterr().out.startswith("expire packages: 7 in ")
        assert ScheduledJob.objects.get(name=JOB).count == 7

    @pytest.mark.django_db(transaction=True)
    def test_every_job_can_be_run(self, capsys: pytest.CaptureFixture[str]) -> None:
        call_command("run_job")
        listed = capsys.readouterr().out
        for name in run_history.intervals():
            assert name in listed
            run_history._recorded.clear()
            call_command("run_job", name)
        assert not ScheduledJob.objects.filter(count__isnull=True).exists(), "every job returns its count"

    def test_a_failed_job_fails_the_command(self, outcome: list[object]) -> None:
        outcome[:] = [ValueError("no")]
        with pytest.raises(CommandError, match="ValueError: no"):
            call_command("run_job", JOB)
        assert ScheduledJob.objects.get(name=JOB).failures_in_row == 1

    def test_an_unknown_name_is_refused_with_a_list(self) -> None:
        with pytest.raises(CommandError, match="The jobs are: expire packages, "):
            call_command("run_job", "expire")
