"""The delays between attempts."""

from __future__ import annotations

import pytest

from notifications.delivery.retry import delay


@pytest.mark.parametrize(
    ("attempts", "longest"), [(1, 5), (2, 10), (3, 20), (10, 2560), (11, 3600), (40, 3600), (10_000, 3600)]
)
def test_it_doubles_up_to_an_hour_with_jitter(attempts: int, longest: float) -> None:
    seconds = [delay(attempts).total_seconds() for _ in range(200)]
    assert min(seconds) >= longest / 2
    assert max(seconds) <= longest
    assert max(seconds) > min(seconds)


@pytest.mark.parametrize(("retry_after", "least", "most"), [(90, 90, 90), (1, 2.5, 5), (10**9, 3600, 3600)])
def test_retry_after_is_respected_up_to_an_hour(retry_after: float, least: float, most: float) -> None:
    assert least <= delay(1, retry_after=retry_after).total_seconds() <= most


def test_forty_attempts_take_about_a_day() -> None:
    hours = sum(delay(attempts).total_seconds() for attempts in range(1, 40)) / 3600
    assert 16 < hours < 32
