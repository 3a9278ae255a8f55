"""How the scheduled jobs are doing is written down, also when they fail, and never in their way."""

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
from lockerportal.admin import words
from lockerportal.jobs import runs
from lockerportal.models import ScheduledJob
from packages_app import tasks

pytestmark = pytest.mark.django_db

JOB = "expire packages"
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def fresh_memory() -> Iterator[None]:
    """What this process has written down is the process's own memory."""
    runs.make_rows()
    runs._written.clear()
    yield
    runs._written.clear()


@pytest.fixture
def outcome(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What the job's next runs return or raise."""
    outcomes: list[object] = []

    def expire(*, now: object) -> object:
        one = outcomes.pop(0)
        if isinstance(one, BaseException):
            raise one
        return one

    monkeypatch.setattr("packages_app.operations.expire_due", expire)
    return outcomes


def run() -> ScheduledJob:
    tasks.expire.apply()
    return ScheduledJob.objects.get(name=JOB)


def test_every_job_of_the_beat_table_has_a_row_before_it_ever_runs() -> None:
    assert set(ScheduledJob.objects.values_list("name", flat=True)) == set(runs.table())
    ScheduledJob.objects.create(name="a job of an older release")
    runs.make_rows()
    assert set(ScheduledJob.objects.values_list("name", flat=True)) == set(runs.table())


def test_last_run_and_last_run_that_did_something(outcome: list[object]) -> None:
    outcome[:] = [7, 0]
    first = run()
    assert (first.count, first.worked_count, first.failures_in_row) == (7, 7, 0)
    assert first.seconds is not None
    assert first.started_at
    assert first.finished_at
    assert first.started_at <= first.finished_at
    runs._written.clear()  # a second later
    second = run()
    assert (second.count, second.worked_count, second.worked_at) == (0, 7, first.worked_at)
    assert second.started_at
    assert second.started_at > first.finished_at
    assert ScheduledJob.objects.count() == len(runs.table())


def test_a_failure_is_written_down_and_the_next_run_ends_it(outcome: list[object]) -> None:
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
    assert [one["error"] for one in failed.failures] == [
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
    assert [one["error"] for one in job.failures] == [f"ValueError: number {n}" for n in range(12, 2, -1)]


def test_a_job_that_is_woken_all_the_time_is_written_down_once_a_second(outcome: list[object]) -> None:
    outcome[:] = [5, 6, 7]
    first = run()
    run()
    assert run() == first
    assert ScheduledJob.objects.get(name=JOB).count == 5


def test_what_beat_does_not_schedule_is_not_written_down() -> None:
    runs.begun("some.other.task", "1")
    runs.ended("some.other.task", "1", 5)
    assert not ScheduledJob.objects.filter(started_at__isnull=False).exists()


def test_a_database_that_is_away_does_not_stop_the_job(
    outcome: list[object], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(*_: object) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(runs, "fetch", away)
    outcome[:] = [5]
    with caplog.at_level(logging.WARNING):
        assert tasks.expire.apply().result == 5
    assert "is not written down: OperationalError" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_signals_are_those_of_a_worker() -> None:
    task: Task[[], int] = tasks.expire
    task_prerun.send(sender=task, task_id="1", task=task)
    job = ScheduledJob.objects.get(name=JOB)
    assert job.running(database_now())
    assert not job.running(database_now() + timedelta(minutes=5)), "it was killed"
    task_postrun.send(sender=task, task_id="1", task=task, retval=2, state="SUCCESS")
    job.refresh_from_db()
    assert (job.count, job.running(database_now())) == (2, False)


class TestOverdue:
    """By the beat table's interval, since the last run began."""

    def test_three_intervals_are_waited_for(self) -> None:
        now = database_now()
        job = ScheduledJob(name="x", known_since=now - 9 * MINUTE, started_at=now - 3 * MINUTE)
        job.finished_at = now - 2 * MINUTE
        assert job.overdue(now, MINUTE) is None
        assert job.overdue(now + MINUTE, MINUTE) == 3 * MINUTE

    def test_a_job_that_never_ran_counts_from_when_it_was_known(self) -> None:
        now = database_now()
        job = ScheduledJob(name="x", known_since=now - 5 * MINUTE)
        assert job.overdue(now, 2 * MINUTE) is None
        assert job.overdue(now, MINUTE) == 4 * MINUTE

    def test_a_long_run_is_not_overdue_while_it_can_be_alive(self) -> None:
        now = database_now()
        job = ScheduledJob(name="x", known_since=now, started_at=now - 2 * MINUTE)
        assert job.overdue(now, timedelta(seconds=30)) is None
        assert job.overdue(now + MINUTE, timedelta(seconds=30)) is not None


class TestAdmin:
    """Shown to head office, in words and in red."""

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

    def test_what_fails_or_does_not_run_is_red(
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

    def test_a_job_of_the_next_release_has_a_row_at_once(self, page: str, client: Client) -> None:
        ScheduledJob.objects.all().delete()
        assert JOB in client.get(page).content.decode()

    def test_length_of_time_in_words(self) -> None:
        assert words(timedelta(seconds=5)) == "5 s"
        assert words(timedelta(hours=25, seconds=4)) == "1 d 1 h"
        assert words(timedelta(seconds=90)) == "1 min 30 s"
        assert words(timedelta()) == "0 s"


def test_every_job_stands_in_the_manual_with_its_interval() -> None:
    manual = (Path(__file__).parents[3] / "docs" / "operations.md").read_text()
    rows = dict(re.findall(r"^\| `([A-Za-z ]+)` \| ([^,|]+)", manual, flags=re.MULTILINE))
    assert {name: every.strip() for name, every in rows.items() if name in runs.table()} == {
        name: words(interval) for name, interval in runs.table().items()
    }


class TestCommand:
    """`manage.py run_job`."""

    def test_it_runs_the_job_and_says_what_it_did(
        self, outcome: list[object], capsys: pytest.CaptureFixture[str]
    ) -> None:
        outcome[:] = [7]
        call_command("run_job", JOB)
        assert capsys.readouterr().out.startswith("expire packages: 7 in ")
        assert ScheduledJob.objects.get(name=JOB).count == 7

    @pytest.mark.django_db(transaction=True)
    def test_every_job_of_the_table_can_be_run(self, capsys: pytest.CaptureFixture[str]) -> None:
        call_command("run_job")
        listed = capsys.readouterr().out
        for name in runs.table():
            assert name in listed
            runs._written.clear()
            call_command("run_job", name)
        assert not ScheduledJob.objects.filter(count__isnull=True).exists(), "every job returns its count"

    def test_a_failure_is_a_failure_of_the_command(self, outcome: list[object]) -> None:
        outcome[:] = [ValueError("no")]
        with pytest.raises(CommandError, match="ValueError: no"):
            call_command("run_job", JOB)
        assert ScheduledJob.objects.get(name=JOB).failures_in_row == 1

    def test_an_unknown_name_is_refused_with_the_known_ones(self) -> None:
        with pytest.raises(CommandError, match="There are: expire packages, "):
            call_command("run_job", "expire")
