"""The recipient's page: what a link shows and allows, and who gets nothing."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from lockers.models import Downtime, Location
from notifications.models import Notification
from packages_app import operations
from packages_app.core.actor import SYSTEM
from packages_app.life.lifecycle import Status
from packages_app.messaging import links
from packages_app.messaging.recipients import compose
from packages_app.models import Package, PackageEvent
from packages_app.secrets import pickup_codes
from tests.world import code_of, door, make_courier, make_location, make_package, make_recipient

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = timedelta(hours=1)


@pytest.fixture
def location() -> Location:
    return make_location(name="Viru keskus", address="Viru 4", city="Tallinn", time_zone="Europe/Tallinn")


@pytest.fixture
def package(location: Location) -> Package:
    """A package with a pickup deadline in two days and ten hours."""
    return lying(location)


def lying(location: Location, **fields: Any) -> Package:
    now = timezone.now()
    fields = {"stored_at": now - 48 * HOUR, "expires_at": now + 10 * HOUR, **fields}
    return make_package(make_courier(), door(location, "S1"), tracking_number="T-77", **fields)


def page(client: Client, package: Package) -> Any:
    return client.get(f"/p/{links.token(package)}/")


def press(client: Client, package: Package, hours: int | str = 24, **form: str) -> Any:
    data = {"hours": str(hours), "seen": package.updated_at.isoformat(), **form}
    return client.post(f"/p/{links.token(package)}/", data, follow=True)


def text(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


class TestLooking:
    """The page."""

    def test_no_date_while_it_is_held_back(self, client: Client, package: Package) -> None:
        """Nobody can pick it up by then, and a release extends the hold."""
        assert "Pick up by" in text(page(client, package))
        Package.objects.update(held_at=timezone.now())
        assert "Pick up by" not in text(page(client, package))

    def test_no_date_while_the_hold_clock_stands(self, client: Client, package: Package) -> None:
        assert "Pick up by" in text(page(client, package))
        dated = page(client, package).content.count(b"<small>")
        package.location.downtimes.create(cause=Downtime.Cause.SUSPENDED, began_at=timezone.now())
        assert "Pick up by" not in text(page(client, package))
        choices = links.hours_possible(package)
        assert page(client, package).content.count(b"<small>") == dated - len(choices) > 0
        done = text(press(client, package))
        assert "You have more time to pick up your parcel" in done
        assert "pick up your parcel until" not in done

    def test_where_and_until_when_and_never_the_code(self, client: Client, package: Package) -> None:
        answer = page(client, package)
        assert answer.status_code == 200
        shown = text(answer)
        for fact in ("Viru keskus", "Viru 4", "Tallinn", "T-77", "DPD", "Extend by 1 day"):
            assert fact in shown
        assert package.expires_at is not None
        local = package.expires_at.astimezone(package.location.zone)
        assert f"{local:%H:%M}" in shown
        code = code_of(package)
        assert code not in shown
        assert pickup_codes.shown(code) not in shown
        assert "mari@example.com" not in shown
        assert "Maasikas" not in shown

    def test_nobody_lists_keeps_or_passes_it_on(self, client: Client, package: Package) -> None:
        answer = page(client, package)
        assert "noindex" in answer["X-Robots-Tag"]
        assert answer["Referrer-Policy"] == "same-origin"
        assert "no-store" in answer["Cache-Control"]

    def test_looking_changes_nothing(self, client: Client, package: Package) -> None:
        """Mail scanners open every link, some of them with HEAD or with queries of their own."""
        before = Package.objects.values().get()
        for _ in range(3):
            page(client, package)
            client.head(f"/p/{links.token(package)}/")
            client.get(f"/p/{links.token(package)}/", {"hours": "24", "seen": package.updated_at.isoformat()})
        assert Package.objects.values().get() == before
        assert not PackageEvent.objects.exists()

    @pytest.mark.parametrize(
        ("state", "says"),
        [
            ({"status": Status.EXPIRED}, "Your parcel was not picked up in time"),
            ({"status": Status.RETRIEVED}, "Your parcel has been picked up"),
            ({"status": Status.CANCELLED}, "Your parcel is being returned"),
            ({"status": Status.RETURNED}, "Your parcel is being returned"),
            ({"held_at": timezone.now()}, "Your parcel is on hold"),
        ],
    )
    def test_what_cannot_be_kept_longer_says_why(
        self, client: Client, location: Location, state: dict[str, Any], says: str
    ) -> None:
        answer = page(client, lying(location, **state))
        assert answer.status_code == 200
        assert says in text(answer)
        assert 'name="hours"' not in text(answer)

    def test_in_the_recipients_language_and_not_in_the_browsers(
        self, client: Client, location: Location
    ) -> None:
        package = lying(location, recipient=make_recipient(language="de"))
        answer = client.get(f"/p/{links.token(package)}/", headers={"Accept-Language": "pl"})
        assert '<html lang="de">' in text(answer)

    def test_only_what_the_location_allows_is_offered(self, client: Client, location: Location) -> None:
        package = lying(location)
        latest = package.latest_end  # in days of the location's clock, some of which have 23 or 25 hours
        Package.objects.update(expires_at=latest - 38 * HOUR)
        shown = text(page(client, package))
        assert "Extend by 1 day" in shown
        assert "Extend by 2 days" not in shown
        Package.objects.update(expires_at=latest - 8 * HOUR)
        assert "Extend by 8 hours" in text(page(client, package))
        Package.objects.update(expires_at=latest)
        assert "This pickup deadline cannot be extended." in text(page(client, package))


class TestKeepingItLonger:
    """The forms of the page."""

    def test_the_button_extends_the_hold_once(self, client: Client, package: Package) -> None:
        answer = press(client, package)
        assert answer.redirect_chain == [(f"/p/{links.token(package)}/", 302)]
        assert "You can pick up your parcel until" in text(answer)
        longer = Package.objects.get()
        assert package.expires_at is not None
        assert longer.expires_at == package.expires_at + 24 * HOUR
        event = PackageEvent.objects.get()
        assert (event.event, event.by) == ("extended", "recipient")
        assert code_of(longer) == code_of(package)
        assert not Notification.objects.exists()  # they have just read it
        again = press(client, package)
        assert "has been updated in the meantime" in text(again)
        assert Package.objects.get().expires_at == longer.expires_at

    def test_without_a_csrf_token_nothing_happens(self, package: Package) -> None:
        strict = Client(enforce_csrf_checks=True)
        assert press(strict, package).status_code == 403
        assert Package.objects.get().expires_at == package.expires_at

    @pytest.mark.parametrize(
        "form",
        [
            {"hours": "168"},
            {"hours": "-24"},
            {"hours": "1e3"},
            {"hours": ""},
            {"seen": ""},
            {"seen": "\x00"},
            {"hours": "9" * 400},
        ],
    )
    def test_nonsense_is_refused_in_words(
        self, client: Client, package: Package, form: dict[str, str]
    ) -> None:
        answer = press(client, package, **form)
        assert answer.status_code == 200
        assert "Nothing was changed" in text(answer)
        assert Package.objects.get().expires_at == package.expires_at

    @pytest.mark.parametrize("status", [Status.EXPIRED, Status.RETRIEVED, Status.CANCELLED, Status.RETURNED])
    def test_not_in_another_status(self, client: Client, location: Location, status: Status) -> None:
        package = lying(location, status=status)
        assert "Nothing was changed" in text(press(client, package))
        assert Package.objects.get().status == status

    def test_the_operations_refusal_is_told(
        self, client: Client, package: Package, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The limit was lowered after the page was shown."""
        monkeypatch.setattr(links, "hours_possible", lambda _: [24])
        Location.objects.update(max_hold_days=3, hold_days=1)
        Package.objects.update(stored_at=timezone.now() - 71 * HOUR)
        assert "your parcel cannot stay here that long" in text(press(client, package))

    def test_other_methods_are_refused(self, client: Client, package: Package) -> None:
        for method in ("put", "delete", "patch"):
            assert getattr(client, method)(f"/p/{links.token(package)}/").status_code == 405


class TestTokens:
    """Invalid, expired and unknown tokens, and those of others, get the same response."""

    def test_all_that_is_not_good_is_answered_alike(self, client: Client, location: Location) -> None:
        now = timezone.now()
        good = lying(location)
        token = links.token(good)
        ended = make_package(
            good.courier,
            door(location, "S2"),
            stored_at=now - 999 * HOUR,
            expires_at=now - 7 * 24 * HOUR - HOUR,
        )
        pending = make_package(good.courier, door(location, "M1"), Status.PENDING)
        never = Package(id=uuid.uuid4(), code_version=1)
        newer = Package(id=good.pk, code_version=2)
        bad = [links.token(one) for one in (ended, pending, never, newer)] + [
            token[:-1] + "2",
            token[:30] + ("A" if token[30] != "A" else "B") + token[31:],
            token.swapcase(),
            token[:-2],
            token + "0",
            "x",
            "A" * 45,
            str(good.pk),
            "é" * 45,
        ]
        answers = {client.get(f"/p/{one}/").content for one in bad}
        assert {client.get(f"/p/{one}/").status_code for one in bad} == {404}
        assert {client.post(f"/p/{one}/", {"hours": "24"}).status_code for one in bad} == {404}
        assert len(answers) == 1

    def test_who_opens_an_ended_link_is_told_so_in_their_language(
        self, client: Client, package: Package
    ) -> None:
        old = links.token(package)
        operations.resend_code(package_id=package.pk, by=SYSTEM, now=timezone.now())
        answer: Any = client.get(f"/p/{old}/", HTTP_ACCEPT_LANGUAGE="et")
        assert answer.status_code == 404
        assert "no-store" in answer["Cache-Control"]
        assert "noindex" in answer["X-Robots-Tag"]
        text = answer.content.decode()
        assert '<html lang="et">' in text
        assert "See link enam ei kehti" in text
        assert package.tracking_number not in text
        assert 'href="/"' not in text

    def test_a_new_code_ends_the_link(self, client: Client, package: Package) -> None:
        old = links.token(package)
        operations.resend_code(package_id=package.pk, by=SYSTEM, now=timezone.now())
        assert client.get(f"/p/{old}/").status_code == 404
        assert page(client, Package.objects.get()).status_code == 200

    def test_a_link_lives_some_days_longer_than_the_hold(self, location: Location, client: Client) -> None:
        now = timezone.now()
        package = lying(
            location, status=Status.EXPIRED, stored_at=now - 999 * HOUR, expires_at=now - 6 * 24 * HOUR
        )
        assert page(client, package).status_code == 200

    def test_it_depends_on_the_secret_key(self, package: Package, settings: Settings) -> None:
        before = links.token(package)
        settings.SECRET_KEY = "another-key-0123456789-abcdefghijklmnopqrstuvw"
        assert links.token(package) != before
        assert links.find(before, now=timezone.now()) is None


class TestMessages:
    """Which messages contain the link."""

    @staticmethod
    def facts(package: Package, kind: str = "reminder_last", **context: object) -> Any:
        row = Notification.objects.create(
            kind=kind,
            channel="sms",
            subject=f"package:{package.pk}",
            dedup_key=str(uuid.uuid4()),
            context=context,
        )
        answer = compose([row])[row.pk]
        return getattr(answer, "context", answer)

    def test_in_the_last_reminder(self, package: Package, settings: Settings) -> None:
        settings.PUBLIC_URL = "https://lockers.example.com"
        url = self.facts(package)["extend_url"]
        assert url == f"https://lockers.example.com/p/{links.token(package)}/"
        assert len(url) <= 80, "it goes into an SMS"
        assert "extend_url" not in self.facts(package, "reminder")

    def test_not_where_nothing_can_be_extended(self, location: Location) -> None:
        package = lying(location)
        Package.objects.update(expires_at=package.latest_end)
        assert "extend_url" not in self.facts(package)

    def test_not_without_an_address_of_our_own(self, package: Package, settings: Settings) -> None:
        settings.PUBLIC_URL = ""
        assert self.facts(package).get("extend_url") is None

    def test_a_reminder_of_another_end_is_not_sent(self, package: Package) -> None:
        assert package.expires_at is not None
        good = package.expires_at.isoformat()
        assert "expires_at" in self.facts(package, until=good)
        answer = self.facts(package, until=(package.expires_at - HOUR).isoformat())
        assert answer.reason == "the hold was changed"
        Package.objects.update(held_at=timezone.now())
        assert self.facts(package, until=good).reason == "the package is held back"
