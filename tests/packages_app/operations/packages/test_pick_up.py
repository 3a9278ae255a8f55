"""A recipient types a code at a kiosk: the door opens once, and guessing ends."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from pytest_django import Settings

from lockers.models import Kiosk, Location
from packages_app import operations
from packages_app.core.actor import Actor, Caller
from packages_app.errors import CodeExpired, PhoneCheckRequired, TooManyAttempts, UnknownCode
from packages_app.life.lifecycle import Status
from packages_app.models import Courier, Package, WrongCodeTally
from packages_app.operations.packages.pick_up import TypedCode
from packages_app.payloads.results import Opened
from packages_app.secrets import pickup_codes
from tests.packages_app.operations.looking import everything, history, row, state, told
from tests.world import (
    NOW,
    UNTIL,
    caller,
    code_of,
    door,
    make_kiosk,
    make_location,
    make_package,
    make_recipient,
    wrong_code,
)

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)


def try_code(screen: Caller, code: str, *, now: datetime = NOW, **more: object) -> Opened:
    """Type it."""
    return operations.pick_up(by=screen.actor, now=now, typed=TypedCode(code=code, **more))  # type: ignore[arg-type]


def kiosk_of(screen: Caller) -> tuple[int, datetime | None]:
    """Wrong codes in a row, and until when it waits."""
    assert screen.kiosk_id is not None
    kiosk = Kiosk.objects.get(pk=screen.kiosk_id)
    return kiosk.wrong_codes_in_row, kiosk.locked_until


def failures(location: Location) -> dict[date, int]:
    """Wrong codes by day."""
    return dict(WrongCodeTally.objects.filter(location=location).values_list("day", "failures"))


def test_the_code_opens_the_door(screen: Caller, package: Package) -> None:
    opened = try_code(screen, code_of(package))
    assert opened == Opened(package.pk, package.compartment_id, "S1", "A", 1)
    package = row(package)
    assert (package.status, package.retrieved_at, package.released_at) == (Status.RETRIEVED, NOW, NOW)
    assert package.code_mac is None
    assert package.pickup_receipt is None
    assert package.updated_at > NOW - timedelta(days=36500)
    assert state(package.compartment) == ("empty", "available")
    assert history(package) == [("retrieved", "STORED", "RETRIEVED", "kiosk:TLL-1/screen", "")]
    assert package.events.get().compartment is None
    assert told(package) == [("retrieved", "email"), ("retrieved", "sms")]
    assert kiosk_of(screen) == (0, None)


@pytest.mark.parametrize("shape", ["{} {}", "{}-{}", " {}{} ", "{}\u00a0{}"])
def test_as_people_type_it(screen: Caller, package: Package, shape: str) -> None:
    code = code_of(package)
    assert try_code(screen, shape.format(code[:4], code[4:])).package_id == package.pk


def test_a_code_works_once(screen: Caller, package: Package) -> None:
    code = code_of(package)
    try_code(screen, code)
    before = everything(package)
    with pytest.raises(UnknownCode):
        try_code(screen, code)
    assert everything(package) == before


def test_another_location_s_code_is_unknown(courier: Courier, package: Package) -> None:
    elsewhere = make_location("RIX-1")
    screen = caller(make_kiosk(elsewhere))
    before = everything(package)
    with pytest.raises(UnknownCode):
        try_code(screen, code_of(package))
    assert everything(package) == before
    assert kiosk_of(screen)[0] == 1


@pytest.mark.parametrize("status", [Status.PENDING, Status.RETRIEVED, Status.CANCELLED, Status.RETURNED])
def test_only_a_stored_one_opens(
    screen: Caller, courier: Courier, location: Location, status: Status
) -> None:
    package = make_package(courier, door(location, "S1"), status)
    before = everything(package)
    with pytest.raises(UnknownCode):
        try_code(screen, code_of(package))
    assert everything(package) == before


@pytest.mark.parametrize(("status", "late"), [(Status.EXPIRED, 0), (Status.STORED, 0), (Status.STORED, 99)])
def test_past_the_hold_the_door_stays_closed_and_nobody_is_blamed(
    screen: Caller, courier: Courier, location: Location, status: Status, late: int
) -> None:
    """Also before the sweep has written it down."""
    package = make_package(courier, door(location, "S1"), status)
    before = everything(package)
    with pytest.raises(CodeExpired):
        try_code(screen, code_of(package), now=UNTIL + timedelta(hours=late))
    assert everything(package) == before
    assert kiosk_of(screen) == (0, None)
    assert failures(location) == {}


def test_a_second_before_the_end_it_opens(screen: Caller, package: Package) -> None:
    assert try_code(screen, code_of(package), now=UNTIL - SECOND).package_id == package.pk


@pytest.mark.parametrize("typed", ["", "4821773", "4821773012", "hello", "\x00" * 8, "4" * 10_000])
def test_what_can_be_no_code_is_unknown_and_no_guess(screen: Caller, location: Location, typed: str) -> None:
    with pytest.raises(UnknownCode):
        try_code(screen, typed)
    assert kiosk_of(screen) == (0, None)
    assert failures(location) == {}


def test_an_old_version_opens_nothing_and_the_new_one_does(
    screen: Caller, package: Package, by: Actor
) -> None:
    old = code_of(package)
    operations.resend_code(package_id=package.pk, by=by, now=NOW)
    with pytest.raises(UnknownCode):
        try_code(screen, old)
    assert try_code(screen, code_of(package)).package_id == package.pk


def test_codes_under_an_old_secret_open_while_it_is_kept(
    screen: Caller, package: Package, settings: Settings
) -> None:
    code = code_of(package)
    old = dict(settings.PICKUP_CODE_SECRETS)
    new = {2: b"the-second-secret-0123456789-abcdef"}
    settings.PICKUP_CODE_SECRETS = new
    with pytest.raises(UnknownCode):
        try_code(screen, code)
    settings.PICKUP_CODE_SECRETS = {**old, **new}
    assert try_code(screen, code).package_id == package.pk


# --- The door's own keypad ------------------------------------------------------------------------------


def test_a_code_at_its_own_door(screen: Caller, package: Package) -> None:
    assert try_code(screen, code_of(package), compartment_id=package.compartment_id).label == "S1"


def test_a_code_at_another_door_is_wrong(screen: Caller, package: Package, location: Location) -> None:
    before = everything(package)
    with pytest.raises(UnknownCode):
        try_code(screen, code_of(package), compartment_id=door(location, "S2").pk)
    assert everything(package) == before
    assert kiosk_of(screen)[0] == 1


# --- The kiosk repeats itself ---------------------------------------------------------------------------


def test_a_repeat_with_its_nonce_gets_the_same_answer_and_opens_nothing_new(
    screen: Caller, package: Package
) -> None:
    code = code_of(package)
    first = try_code(screen, code, nonce="n-1")
    before = everything(package)
    assert try_code(screen, code, nonce="n-1", now=NOW + timedelta(minutes=5)) == first
    assert everything(package) == before
    assert kiosk_of(screen) == (0, None)


def test_a_repeat_that_comes_too_late_is_a_used_code(screen: Caller, package: Package) -> None:
    """By then the door may hold somebody else's package."""
    code = code_of(package)
    try_code(screen, code, nonce="n-1")
    with pytest.raises(UnknownCode):
        try_code(screen, code, nonce="n-1", now=NOW + timedelta(minutes=5) + SECOND)


def test_a_repeat_comes_within_minutes(screen: Caller, package: Package) -> None:
    """Later the door may hold somebody else's package."""
    code = code_of(package)
    try_code(screen, code, nonce="n-1")
    with pytest.raises(UnknownCode):
        try_code(screen, code, nonce="n-1", now=NOW + timedelta(minutes=5, seconds=1))


def test_a_repeat_gives_no_tries_back(screen: Caller, package: Package, location: Location) -> None:
    """Or one package of one's own would be worth any number of guesses."""
    code = code_of(package)
    try_code(screen, code, nonce="n-1")
    for _ in range(4):
        with pytest.raises(UnknownCode):
            try_code(screen, wrong_code(location))
    try_code(screen, code, nonce="n-1")
    assert kiosk_of(screen) == (4, None)


@pytest.mark.parametrize("nonce", [None, "n-2"])
def test_another_nonce_or_none_is_another_try(screen: Caller, package: Package, nonce: str | None) -> None:
    code = code_of(package)
    try_code(screen, code, nonce="n-1")
    with pytest.raises(UnknownCode):
        try_code(screen, code, nonce=nonce)


def test_a_nonce_with_another_code_is_another_try(
    screen: Caller, package: Package, location: Location
) -> None:
    try_code(screen, code_of(package), nonce="n-1")
    with pytest.raises(UnknownCode):
        try_code(screen, wrong_code(location), nonce="n-1")


def test_a_nonce_opens_nothing_at_another_location(screen: Caller, package: Package) -> None:
    code = code_of(package)
    try_code(screen, code, nonce="n-1")
    elsewhere = caller(make_kiosk(make_location("RIX-1")))
    with pytest.raises(UnknownCode):
        try_code(elsewhere, code, nonce="n-1")


def test_a_nonce_before_a_pickup_that_was_refused_opens_when_it_may(
    screen: Caller, package: Package, by: Actor
) -> None:
    code = code_of(package)
    with pytest.raises(CodeExpired):
        try_code(screen, code, nonce="n-1", now=UNTIL)
    operations.extend(package_id=package.pk, by=by, now=UNTIL, hours=1)
    assert try_code(screen, code, nonce="n-1", now=UNTIL).package_id == package.pk


# --- Wrong codes in a row --------------------------------------------------------------------------------


def test_the_fifth_wrong_code_waits_30_seconds_doubling_to_15_minutes(
    screen: Caller, location: Location
) -> None:
    wrong, now = wrong_code(location), NOW
    for in_row in range(1, 5):
        with pytest.raises(UnknownCode):
            try_code(screen, wrong, now=now)
        assert kiosk_of(screen) == (in_row, None)
    for in_row, seconds in enumerate((30, 60, 120, 240, 480, 900, 900, 900), start=5):
        with pytest.raises(UnknownCode):
            try_code(screen, wrong, now=now)
        until = now + seconds * SECOND
        assert kiosk_of(screen) == (in_row, until)
        with pytest.raises(TooManyAttempts) as refused:
            try_code(screen, wrong, now=until - SECOND)
        assert refused.value.facts == {"retry_after": 2}
        assert kiosk_of(screen) == (in_row, until)
        now = until
    assert failures(location) == {NOW.date(): 12}


def test_many_days_of_wrong_codes_are_no_overflow(screen: Caller, location: Location) -> None:
    Kiosk.objects.update(wrong_codes_in_row=100_000)
    with pytest.raises(UnknownCode):
        try_code(screen, wrong_code(location))
    assert kiosk_of(screen) == (100_001, NOW + timedelta(minutes=15))


def test_the_right_code_waits_too(screen: Caller, package: Package, location: Location) -> None:
    wrong = wrong_code(location)
    for _ in range(5):
        with pytest.raises(UnknownCode):
            try_code(screen, wrong)
    before = everything(package)
    for typed in (code_of(package), wrong, "no code"):
        with pytest.raises(TooManyAttempts) as refused:
            try_code(screen, typed, now=NOW + SECOND)
        assert refused.value.facts == {"retry_after": 30}
    assert everything(package) == before
    assert kiosk_of(screen)[0] == 5
    assert try_code(screen, code_of(package), now=NOW + 30 * SECOND).package_id == package.pk
    assert kiosk_of(screen) == (0, None)
    assert failures(location) == {NOW.date(): 5}


def test_success_resets_the_row_but_not_the_day(screen: Caller, package: Package, location: Location) -> None:
    wrong = wrong_code(location)
    for _ in range(4):
        with pytest.raises(UnknownCode):
            try_code(screen, wrong)
    try_code(screen, code_of(package))
    assert kiosk_of(screen) == (0, None)
    with pytest.raises(UnknownCode):
        try_code(screen, wrong)
    assert kiosk_of(screen) == (1, None)
    assert failures(location) == {NOW.date(): 5}


def test_one_screen_s_wait_is_not_another_s(screen: Caller, package: Package, location: Location) -> None:
    other = caller(make_kiosk(location, "second"))
    for _ in range(5):
        with pytest.raises(UnknownCode):
            try_code(screen, wrong_code(location))
    assert try_code(other, code_of(package)).package_id == package.pk
    assert kiosk_of(screen)[0] == 5


# --- Wrong codes in a day --------------------------------------------------------------------------------


@pytest.fixture
def bad_day(location: Location) -> None:
    WrongCodeTally.objects.create(location=location, day=NOW.date(), failures=60)


def test_the_sixtieth_wrong_code_of_the_day_asks_for_the_phone(
    screen: Caller, package: Package, location: Location
) -> None:
    WrongCodeTally.objects.create(location=location, day=NOW.date(), failures=59)
    with pytest.raises(UnknownCode):
        try_code(screen, wrong_code(location))
    assert failures(location) == {NOW.date(): 60}
    before = everything(package)
    for typed in (code_of(package), wrong_code(location), "no code"):
        with pytest.raises(PhoneCheckRequired):
            try_code(screen, typed)
    assert everything(package) == before
    assert failures(location) == {NOW.date(): 60}
    assert kiosk_of(screen)[0] == 1


@pytest.mark.usefixtures("bad_day")
def test_with_the_last_four_digits_it_opens(screen: Caller, package: Package) -> None:
    assert try_code(screen, code_of(package), phone_last4="1234").package_id == package.pk


@pytest.mark.usefixtures("bad_day")
def test_with_the_wrong_digits_it_is_a_wrong_code_like_any_other(
    screen: Caller, package: Package, location: Location
) -> None:
    before = everything(package)
    for code, digits in ((code_of(package), "1235"), (wrong_code(location), "1234")):
        with pytest.raises(UnknownCode):
            try_code(screen, code, phone_last4=digits)
    assert everything(package) == before
    assert failures(location) == {NOW.date(): 62}
    assert kiosk_of(screen)[0] == 2


@pytest.mark.usefixtures("bad_day")
def test_whose_phone_is_not_known_is_not_shut_out(
    screen: Caller, courier: Courier, location: Location
) -> None:
    package = make_package(courier, door(location, "M1"), recipient=make_recipient(phone=""))
    with pytest.raises(PhoneCheckRequired):
        try_code(screen, code_of(package))
    with pytest.raises(UnknownCode):
        try_code(screen, wrong_code(location), phone_last4="0000")
    assert try_code(screen, code_of(package), phone_last4="0000").package_id == package.pk


def test_digits_that_nobody_asked_for_must_be_right_as_well(screen: Caller, package: Package) -> None:
    with pytest.raises(UnknownCode):
        try_code(screen, code_of(package), phone_last4="0000")
    assert try_code(screen, code_of(package), phone_last4="1234").package_id == package.pk


@pytest.mark.usefixtures("bad_day")
def test_a_bad_day_ends_at_midnight_of_the_location(screen: Caller, package: Package) -> None:
    """Tallinn is two hours ahead of UTC in November."""
    code = code_of(package)
    with pytest.raises(PhoneCheckRequired):
        try_code(screen, code, now=datetime(2026, 11, 20, 21, 59, 59, tzinfo=UTC))
    assert try_code(screen, code, now=datetime(2026, 11, 20, 22, 0, tzinfo=UTC)).package_id == package.pk


@pytest.mark.parametrize(
    ("zone", "moment", "day"),
    [
        ("Pacific/Kiritimati", datetime(2026, 11, 20, 10, 0, tzinfo=UTC), date(2026, 11, 21)),
        ("Pacific/Pago_Pago", datetime(2026, 11, 20, 10, 0, tzinfo=UTC), date(2026, 11, 19)),
        ("Europe/Tallinn", datetime(2026, 11, 20, 22, 0, tzinfo=UTC), date(2026, 11, 21)),
        ("Europe/Tallinn", datetime(2026, 7, 20, 21, 0, tzinfo=UTC), date(2026, 7, 21)),
    ],
)
def test_days_are_the_location_s_own(zone: str, moment: datetime, day: date) -> None:
    place = make_location("FAR-1", time_zone=zone)
    screen = caller(make_kiosk(place))
    with pytest.raises(UnknownCode):
        try_code(screen, wrong_code(place), now=moment)
    assert failures(place) == {day: 1}


@pytest.mark.usefixtures("bad_day")
def test_one_location_s_bad_day_is_not_another_s(courier: Courier) -> None:
    elsewhere = make_location("RIX-1")
    package = make_package(courier, door(elsewhere, "S1"))
    assert try_code(caller(make_kiosk(elsewhere)), code_of(package)).package_id == package.pk


@pytest.mark.usefixtures("bad_day")
def test_the_kiosk_s_repeat_on_a_bad_day(screen: Caller, package: Package) -> None:
    code = code_of(package)
    first = try_code(screen, code, nonce="n-1", phone_last4="1234")
    assert try_code(screen, code, nonce="n-1", phone_last4="1234") == first


def test_each_package_of_one_person_has_its_own_code(
    screen: Caller, courier: Courier, location: Location
) -> None:
    first, second = (make_package(courier, door(location, label)) for label in ("S1", "S2"))
    assert code_of(first) != code_of(second)
    assert try_code(screen, code_of(second)).label == "S2"
    assert row(first).status == Status.STORED


def test_the_receipt_is_kept_and_holds_no_code(screen: Caller, package: Package, location: Location) -> None:
    code = code_of(package)
    try_code(screen, code, nonce="n-1")
    kept = bytes(row(package).pickup_receipt or b"")
    assert kept == pickup_codes.receipt(location.pk, code, "n-1")
    assert code.encode() not in kept


def test_somebody_without_a_phone_or_address_still_collects(
    screen: Caller, courier: Courier, location: Location
) -> None:
    package = make_package(courier, door(location, "S1"), recipient=make_recipient(email="", phone=""))
    assert try_code(screen, code_of(package)).package_id == package.pk
    assert told(package) == []
