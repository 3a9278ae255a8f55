"""Codes typed at the same moment: one opens, and nobody gets more guesses than one screen allows."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from lockers.models import Kiosk, Location
from packages_app import operations
from packages_app.models import Courier, Package, WrongCodeTally
from packages_app.operations.packages.pick_up import TypedCode
from packages_app.payloads.results import Opened
from tests.races.together import assert_sound, bring, kinds, together
from tests.world import caller, code_of, make_kiosk, wrong_code

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def test_one_code_at_sixteen_screens_opens_once(location: Location, courier: Courier) -> None:
    package = bring(courier, location, "T-1")
    code = code_of(package)
    screens = [caller(make_kiosk(location, f"screen {number}")) for number in range(16)]
    results = together(
        *(
            lambda screen=screen: operations.pick_up(
                by=screen.actor, now=timezone.now(), typed=TypedCode(code=code)
            )
            for screen in screens
        )
    )
    assert kinds(results) == {"ok": 1, "UnknownCode": 15}
    assert package.events.filter(event="retrieved").count() == 1
    assert_sound()


def test_one_press_that_is_sent_sixteen_times_opens_once_and_every_answer_is_the_same(
    location: Location, courier: Courier
) -> None:
    package = bring(courier, location, "T-1")
    typed = TypedCode(code=code_of(package), nonce="n-1")
    screen = caller(make_kiosk(location))
    results = together(
        *(lambda: operations.pick_up(by=screen.actor, now=timezone.now(), typed=typed) for _ in range(16))
    )
    assert kinds(results) == {"ok": 16}
    assert len({str(result) for result in results}) == 1
    assert package.events.filter(event="retrieved").count() == 1
    assert Kiosk.objects.get().wrong_codes_in_row == 0
    assert_sound()


def test_wrong_codes_at_once_are_no_more_than_one_after_the_other(location: Location) -> None:
    screen, wrong = caller(make_kiosk(location)), wrong_code(location)
    now = timezone.now()
    results = together(
        *(
            lambda: operations.pick_up(by=screen.actor, now=now, typed=TypedCode(code=wrong))
            for _ in range(16)
        )
    )
    assert kinds(results) == {"UnknownCode": 5, "TooManyAttempts": 11}
    kiosk = Kiosk.objects.get()
    assert kiosk.wrong_codes_in_row == 5
    assert kiosk.locked_until == now + timedelta(seconds=30)
    assert WrongCodeTally.objects.get().failures == 5


def test_the_right_code_among_wrong_ones_has_no_better_chance(location: Location, courier: Courier) -> None:
    """Whether it opens depends on its place in the row; the count is right in both cases."""
    package = bring(courier, location, "T-1")
    screen, wrong, right = caller(make_kiosk(location)), wrong_code(location), code_of(package)
    now = timezone.now()
    codes = [wrong] * 6 + [right] + [wrong] * 6
    results = together(
        *(
            lambda code=code: operations.pick_up(by=screen.actor, now=now, typed=TypedCode(code=code))
            for code in codes
        )
    )
    evaluated = kinds(results)["UnknownCode"]
    opened = isinstance(results[6], Opened)
    assert WrongCodeTally.objects.get().failures == evaluated
    assert evaluated <= (9 if opened else 5)
    assert (Package.objects.get().status == "RETRIEVED") == opened


def test_wrong_codes_of_many_screens_are_all_counted(location: Location) -> None:
    wrong = wrong_code(location)
    screens = [caller(make_kiosk(location, f"screen {number}")) for number in range(12)]
    results = together(
        *(
            lambda screen=screen: operations.pick_up(
                by=screen.actor, now=timezone.now(), typed=TypedCode(code=wrong)
            )
            for screen in screens
        )
    )
    assert kinds(results) == {"UnknownCode": 12}
    assert WrongCodeTally.objects.get().failures == 12
