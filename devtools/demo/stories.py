"""The history of the sample packages: every status, and every way that leads there."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import count, cycle

from django.contrib.auth.models import User

from common.clock import add_local_days, database_now
from devtools.demo import network
from devtools.demo.timeline import Timeline
from lockers import operations as service
from lockers.models import Compartment, Location, Size
from notifications.delivery.people import deliver_due
from packages_app import operations
from packages_app.core.actor import Actor, Caller
from packages_app.models import Courier, Package, Recipient
from packages_app.operations.packages.pick_up import TypedCode
from packages_app.operations.packages.reassign import Reason
from packages_app.secrets import pickup_codes

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
_FIRST_NAMES = ("Ada", "Bruno", "Chandra", "Dorota", "Emil", "Fatima", "Grete", "Hiro", "Inês", "Jonas")
_LAST_NAMES = ("Aavik", "Bianchi", "Costa", "Dahl", "Ekström", "Fischer", "Gurung", "Horvat", "Kowalska")


@dataclass
class Story:
    """The packages of one location on the timeline; most methods plan the life of one package."""

    timeline: Timeline
    now: datetime
    location: Location
    language: str
    couriers: list[Actor]
    kiosk: Caller
    chance: random.Random

    def __post_init__(self) -> None:
        self._numbers = count(1)
        self._courier = cycle(self.couriers)

    def plan(self) -> None:
        """Plan a dozen packages and more, in every status."""
        for _ in range(3):
            self.collected()
        for _ in range(2):
            self.waiting()
        self.code_renewed()
        self.extended()
        self.expired(returned=False)
        self.expired(returned=False)
        self.expired(returned=True)
        self.cancelled(returned=False)
        self.cancelled(returned=True)
        self.lapsed()
        self.cancelled_at_the_door()
        self.moved()
        self.reserved()

    def collected(self) -> None:
        """Plan a package that is STORED, then RETRIEVED at the kiosk."""

        def pick_up(package: Package, by: Actor, at: datetime) -> None:
            package.refresh_from_db()
            code = pickup_codes.compute(package.pk, package.code_version, package.code_secret)
            operations.pick_up(by=self.kiosk.actor, now=at, typed=TypedCode(code=pickup_codes.shown(code)))

        self._drop_off(self._days_ago(8, 2), pick_up, after=self._hours(7, 22))

    def waiting(self) -> None:
        """Plan a package that is STORED and waits for its recipient."""
        self._drop_off(self.now - self._hours(1, 20))

    def code_renewed(self) -> None:
        """Plan a package that is STORED, with a second pickup code."""

        def renew(package: Package, by: Actor, at: datetime) -> None:
            operations.resend_code(package_id=package.pk, by=by, now=at)

        self._drop_off(self.now - self._hours(9, 20), renew, after=self._hours(2, 6))

    def expired(self, *, returned: bool) -> None:
        """Plan a package whose hold has ended; if `returned`, its courier has taken it back."""
        dropped_off = self.now - (self.location.hold_days + 1) * DAY - self._hours(1, 20)

        def take_back(package: Package, by: Actor, at: datetime) -> None:
            operations.return_to_courier(package_id=package.pk, by=by, now=at)

        self._drop_off(
            dropped_off, take_back if returned else None, after=(self.location.hold_days * DAY) + 20 * HOUR
        )
        self._sweep_after(dropped_off)

    def extended(self) -> None:
        """Plan a package that is EXPIRED, then STORED again for two more days."""
        dropped_off = self.now - self.location.hold_days * DAY - self._hours(5, 9)

        def extend(package: Package, by: Actor, at: datetime) -> None:
            operations.extend(package_id=package.pk, by=by, now=at, hours=48)

        self._drop_off(dropped_off, extend, after=self.location.hold_days * DAY + 4 * HOUR)
        self._sweep_after(dropped_off)

    def cancelled(self, *, returned: bool) -> None:
        """Plan a package that is CANCELLED in its compartment; if `returned`, it was taken out."""

        def cancel(package: Package, by: Actor, at: datetime) -> None:
            operations.cancel(package_id=package.pk, by=by, now=at, reason="sent to another address")
            if returned:
                take_out = partial(operations.return_to_courier, package_id=package.pk, by=by)
                self.timeline.at(at + 5 * HOUR, lambda later: _ignore(take_out(now=later)))

        self._drop_off(self._days_ago(3, 1), cancel, after=self._hours(3, 9))

    def lapsed(self) -> None:
        """Plan a reservation that lapses, and a manager who finds the compartment empty."""
        reserved = self._days_ago(6, 2)
        self._drop_off(reserved, self._confirm_empty, after=3 * HOUR, deposited=False)
        self.timeline.at(reserved + timedelta(minutes=31), lambda at: _ignore(operations.lapse_due(now=at)))

    def cancelled_at_the_door(self) -> None:
        """Plan a package that is CANCELLED during its drop-off, which leaves its compartment unverified."""

        def cancel(package: Package, by: Actor, at: datetime) -> None:
            operations.cancel(package_id=package.pk, by=by, now=at, reason="damaged on the way")

        minutes = timedelta(minutes=self.chance.randint(2, 9))
        self._drop_off(self._days_ago(2, 1), cancel, after=minutes, deposited=False)

    def moved(self) -> None:
        """Plan a package that is STORED in a larger compartment than its courier asked for."""

        def move(package: Package, by: Actor, at: datetime) -> None:
            operations.reassign(package_id=package.pk, by=by, now=at, reason=Reason.TOO_SMALL)
            operations.deposit(package_id=package.pk, by=by, now=at)

        minutes = timedelta(minutes=self.chance.randint(1, 3))
        self._drop_off(self.now - self._hours(2, 18), move, after=minutes, deposited=False, size=Size.SMALL)

    def reserved(self) -> None:
        """Plan a package that is PENDING: its courier is on the way."""
        moment = self.now - timedelta(minutes=self.chance.randint(15, 25))
        self._drop_off(moment, deposited=False, reserve_for=DAY)

    def _drop_off(
        self,
        when: datetime,
        then: object = None,
        *,
        after: timedelta = HOUR,
        deposited: bool = True,
        size: Size | None = None,
        reserve_for: timedelta = timedelta(minutes=30),
    ) -> None:
        """Plan an assignment at `when`, and a call of `then(package, by, at)` `after` it."""
        by = next(self._courier)
        chosen = size or self.chance.choices(list(Size), weights=(5, 3, 2))[0]
        number = f"{self.location.code.replace('-', '')}{next(self._numbers):06d}"
        recipient = self._recipient()

        def assign(at: datetime) -> None:
            package = operations.assign(
                by=by,
                now=at,
                location=self.location.code,
                tracking_number=number,
                size=chosen,
                recipient=recipient,
                deposited=deposited,
                reserve_for=reserve_for,
            ).package
            if callable(then):
                self.timeline.at(at + after, lambda later: _ignore(then(package, by, later)))

        self.timeline.at(when, assign)

    def _sweep_after(self, dropped_off: datetime) -> None:
        """Plan the expiry sweep for soon after the end of a hold that began at `dropped_off`."""
        ends = add_local_days(dropped_off, self.location.hold_days, self.location.zone)
        self.timeline.at(ends + timedelta(minutes=2), lambda at: _ignore(operations.expire_due(now=at)))

    def _confirm_empty(self, package: Package, by: Actor, at: datetime) -> None:
        service.confirm_empty(
            compartments=Compartment.objects.all(),
            compartment_id=package.compartment_id,
            by=Actor("manager:manager"),
            now=at,
        )

    def _recipient(self) -> Recipient:
        first, last = self.chance.choice(_FIRST_NAMES), self.chance.choice(_LAST_NAMES)
        by_email, by_phone = self.chance.choice([(True, False), (True, True), (False, True), (True, False)])
        address = f"{first}.{last}@example.com".lower()
        by_email = by_email and address.isascii()
        return Recipient(
            name=f"{first} {last}",
            email=address if by_email else "",
            # This range of numbers is reserved for fiction.
            phone=f"+4477009{self.chance.randint(0, 999):05d}"
            if by_phone or not f"{first}{last}".isascii()
            else "",
            language=self.language,
        )

    def _hours(self, least: int, most: int) -> timedelta:
        return timedelta(minutes=self.chance.randint(least * 60, most * 60))

    def _days_ago(self, most: int, least: int) -> datetime:
        return self.now - self.chance.uniform(least, most) * DAY


def play(now: datetime, callers: dict[str, Caller]) -> int:
    """Play the stories at all locations but SIXTY_DOORS, and return how many packages there are.

    `callers` are the kiosks by location code.
    """
    timeline = Timeline()
    chance = random.Random(20261120)  # noqa: S311 - the same sample each time
    couriers = [_actor(code) for code in network.COURIERS]
    for sample in network.LOCATIONS:
        if sample.code == network.SIXTY_DOORS:
            continue
        location = Location.objects.get(code=sample.code)
        Story(timeline, now, location, sample.language, couriers, callers[sample.code], chance).plan()
        timeline.at(now - 14 * HOUR, partial(_break_a_compartment, location))
    # Messages are sent every few hours, each while its reason still stands.
    for moment in (*(now - hours * HOUR for hours in range(6, 24 * 11, 7)), now - timedelta(minutes=5)):
        timeline.at(moment, lambda _: _ignore(deliver_due()))
    timeline.run()
    operations.suspend_location(
        locations=Location.objects.all(),
        location_id=Location.objects.get(code=network.SUSPENDED).pk,
        by=Actor.of_user(User.objects.get(username="staff")),
        now=database_now(),
        reason="water in the station hall",
    )
    deliver_due()
    return Package.objects.filter(courier__code__in=network.COURIERS).count()


def _break_a_compartment(location: Location, at: datetime) -> None:
    compartment = Compartment.objects.free().filter(location=location).order_by("-position").first()
    if compartment is not None:
        service.take_out_of_service(
            compartments=Compartment.objects.all(),
            compartment_id=compartment.pk,
            by=Actor.of_user(User.objects.get(username="staff")),
            reason="hinge broken",
            now=at,
            repair_by=database_now() + timedelta(days=2),
        )


def _actor(code: str) -> Actor:
    return Actor(name=f"courier:{code}", courier_id=Courier.objects.get(code=code).pk)


def _ignore(_: object) -> None:
    """Drop the result, since a step on the timeline has none."""
