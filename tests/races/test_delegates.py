"""Two codes for one door, and codes that are taken away while somebody types them."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from lockers.models import Location
from packages_app import operations
from packages_app.core.actor import Caller
from packages_app.life.lifecycle import Status
from packages_app.models import Courier, Delegate, Package
from packages_app.operations.packages.pick_up import TypedCode
from packages_app.payloads.results import Opened
from tests.races.together import assert_sound, bring, in_rounds, kinds, together
from tests.world import actor, caller, code_of, delegate_code_of, make_kiosk

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def named(courier: Courier, location: Location, number: str) -> Package:
    """A package with a delegate, who was really named."""
    package = bring(courier, location, number)
    operations.name_delegate(
        package_id=package.pk,
        by=actor(courier),
        now=timezone.now(),
        delegate=Delegate(name="Juhan", phone="+3725559876"),
    )
    return package


def try_code(screen: Caller, code: str, **more: Any) -> Opened:
    return operations.pick_up(by=screen.actor, now=timezone.now(), typed=TypedCode(code=code, **more))


def test_sixteen_screens_with_two_codes_open_one_door_once(location: Location, courier: Courier) -> None:
    screens = [caller(make_kiosk(location, f"screen {number}")) for number in range(16)]
    for number in range(4):
        package = named(courier, location, f"T-{number}")
        codes = [code_of(package), delegate_code_of(package)]
        results = together(
            *(
                lambda screen=screen, code=codes[n % 2]: try_code(screen, code)
                for n, screen in enumerate(screens)
            )
        )
        assert kinds(results) == {"ok": 1, "UnknownCode": 15}
        package.refresh_from_db()
        winner = next(n for n, result in enumerate(results) if isinstance(result, Opened))
        assert package.status == Status.RETRIEVED
        assert package.collected_by_delegate == (winner % 2 == 1)
        assert package.events.filter(event="retrieved").count() == 1
        location.kiosks.update(wrong_codes_in_row=0, locked_until=None)
    assert_sound()


@pytest.mark.parametrize("change", ["remove", "renew", "replace"])
def test_who_took_the_code_away_has_taken_it_away(change: str, location: Location, courier: Courier) -> None:
    """Either the delegate was first, or their code opened nothing; a removal that was answered is true."""
    screen, by = caller(make_kiosk(location)), actor(courier)
    packages: list[Package] = []
    codes: list[str] = []
    changes: dict[str, Any] = {
        "remove": operations.remove_delegate,
        "renew": operations.resend_delegate_code,
        "replace": operations.name_delegate,
    }

    def prepare(number: int) -> None:
        for package in packages:
            package.refresh_from_db()
            if package.holds_door:
                operations.cancel(package_id=package.pk, by=by, now=timezone.now())
                operations.return_to_courier(package_id=package.pk, by=by, now=timezone.now())
        packages[:] = [named(courier, location, f"T-{number}")]
        codes[:] = [delegate_code_of(packages[0])]
        location.kiosks.update(wrong_codes_in_row=0, locked_until=None)

    def work(number: int, thread: int) -> Any:
        if thread == 0:
            return try_code(screen, codes[0])
        more = {"delegate": Delegate(name="Jaan", phone="+3725550000")} if change == "replace" else {}
        return changes[change](package_id=packages[0].pk, by=by, now=timezone.now(), **more)

    for opened, changed in in_rounds(2, 25, prepare=prepare, work=work):
        assert isinstance(opened, Exception) != isinstance(changed, Exception), (opened, changed)
        assert kinds([opened]) in ({"ok": 1}, {"UnknownCode": 1})
        assert kinds([changed]) in ({"ok": 1}, {"WrongStatus": 1})
    assert_sound()


def test_one_delegate_when_many_are_named_at_once(location: Location, courier: Courier) -> None:
    package, by = bring(courier, location, "T-1"), actor(courier)
    results = together(
        *(
            lambda n=n: operations.name_delegate(
                package_id=package.pk,
                by=by,
                now=timezone.now(),
                delegate=Delegate(name=f"Somebody {n}", phone="+3725559876"),
            )
            for n in range(8)
        )
    )
    assert kinds(results) == {"ok": 8}
    assert Delegate.objects.filter(package=package, withdrawn_at=None).count() == 1
    assert Delegate.objects.filter(package=package).count() == 8
    assert_sound()
