"""The admin: everything can be looked at, nothing edited; keys are shown once; actions are the operations."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

from common import admin_actions
from common.clock import database_now
from lockers.models import Size
from notifications.models import Notification
from packages_app import operations
from packages_app.keys.checking import verify
from packages_app.models import ApiKey, Courier, Package, PackageEvent, Recipient
from tests import world

pytestmark = pytest.mark.django_db

MODELS = ("courier", "apikey", "package", "packageevent", "recipient")


@pytest.fixture
def staff(admin_client: Client) -> Client:
    return admin_client


@pytest.fixture
def package() -> Package:
    """Brought by the operation itself, so that it has its history and its messages."""
    place = world.make_location()
    assigned = operations.assign(
        by=world.actor(world.make_courier("dpd")),
        now=database_now(),
        location=place.code,
        tracking_number="PRC000042",
        size=Size.SMALL,
        recipient=Recipient(name="Mari Maasikas", email="mari@example.com", phone="+3725551234"),
    )
    return Package.objects.get(pk=assigned.package.pk)


def page(client: Client, model: str, view: str = "changelist", *arguments: object, **query: Any) -> str:
    response = client.get(reverse(f"admin:packages_app_{model}_{view}", args=arguments), query)
    assert response.status_code == 200
    return response.content.decode()


def act(client: Client, action: str, *packages: Package) -> str:
    response = client.post(
        reverse("admin:packages_app_package_changelist"),
        {"action": action, "_selected_action": [str(package.pk) for package in packages]},
        follow=True,
    )
    return re.sub(r"\s+", " ", response.content.decode())


class TestLooking:
    @pytest.mark.parametrize("model", MODELS)
    def test_lists_and_pages_open_for_staff_only(
        self, staff: Client, client: Client, package: Package, model: str
    ) -> None:
        world.courier_api(package.courier)
        page(staff, model)
        row = {
            "courier": package.courier,
            "apikey": ApiKey.objects.get(),
            "package": package,
            "packageevent": PackageEvent.objects.earliest("pk"),
            "recipient": package.recipient,
        }[model]
        page(staff, model, "change", row.pk)
        assert client.get(reverse(f"admin:packages_app_{model}_changelist")).status_code == 302

    @pytest.mark.parametrize("model", ["package", "packageevent", "recipient"])
    def test_nothing_is_added_changed_or_deleted(self, staff: Client, package: Package, model: str) -> None:
        rows = {
            "package": package,
            "packageevent": package.events.earliest("pk"),
            "recipient": package.recipient,
        }
        row = rows[model]
        assert staff.get(reverse(f"admin:packages_app_{model}_add")).status_code == 403
        for view in ("change", "delete"):
            address = reverse(f"admin:packages_app_{model}_{view}", args=[row.pk])
            assert staff.post(address, {"post": "yes", "tracking_number": "X"}).status_code == 403
        assert "delete_selected" not in page(staff, model)
        package.refresh_from_db()
        assert package.tracking_number == "PRC000042"

    @pytest.mark.parametrize(
        "term", ["PRC000042", "prc0000", "Maasikas", "mari@example.com", "+3725551234", "{id}", "  {id} "]
    )
    def test_a_package_is_found_by_what_people_know(self, staff: Client, package: Package, term: str) -> None:
        found = page(staff, "package", q=term.format(id=package.pk))
        assert "PRC000042" in found
        other = page(staff, "package", q="nothing such")
        assert "PRC000042" not in other

    @pytest.mark.parametrize(("place", "shown"), [("door", True), ("return", False), ("gone", False)])
    def test_packages_by_place(self, staff: Client, package: Package, place: str, *, shown: bool) -> None:
        assert ("PRC000042" in page(staff, "package", place=place)) == shown

    def test_what_waits_to_be_taken_out(self, staff: Client, package: Package) -> None:
        operations.cancel(package_id=package.pk, by=world.actor(package.courier), now=database_now())
        assert "PRC000042" in page(staff, "package", place="return")

    def test_a_package_shows_its_history_and_its_messages(self, staff: Client, package: Package) -> None:
        shown = page(staff, "package", "change", package.pk)
        assert "Compartment assigned" in shown
        assert "courier:dpd" in shown
        for row in Notification.objects.about(f"package:{package.pk}"):
            assert reverse("admin:notifications_notification_change", args=[row.pk]) in shown
        assert "stored by Email" in shown

    @pytest.mark.parametrize("model", ["package", "packageevent", "recipient"])
    def test_no_code_is_shown(self, staff: Client, package: Package, model: str) -> None:
        digits = world.code_of(package)
        rows = {
            "package": package,
            "packageevent": package.events.latest("pk"),
            "recipient": package.recipient,
        }
        assert package.code_mac is not None
        for shown in (page(staff, model), page(staff, model, "change", rows[model].pk)):
            for secret in (digits, f"{digits[:4]} {digits[4:]}", bytes(package.code_mac).hex(), "code_"):
                assert secret not in shown.replace("code_renewed", "").replace("resend_code", "")

    def test_long_lists_ask_the_database_no_more_than_short_ones(
        self, staff: Client, package: Package, django_assert_max_num_queries: Any
    ) -> None:
        place = world.make_location("TLL-2", small=20)
        for number in range(1, 21):
            world.make_package(package.courier, world.door(place, f"S{number}"))
        with django_assert_max_num_queries(14):
            page(staff, "package")
        with django_assert_max_num_queries(14):
            page(staff, "recipient")
        with django_assert_max_num_queries(14):
            page(staff, "packageevent")


class TestActions:
    def test_cancel(self, staff: Client, package: Package, admin_user: User) -> None:
        assert "1 package canceled." in act(staff, "cancel", package)
        package.refresh_from_db()
        assert package.status == "CANCELLED"
        line = package.events.latest("pk")
        assert (line.event, line.by, line.reason) == (
            "cancelled",
            f"staff:{admin_user.username}",
            "by head office",
        )
        assert LogEntry.objects.get().get_change_message() == "Canceled."

    def test_return(self, staff: Client, package: Package) -> None:
        act(staff, "cancel", package)
        assert "1 package returned." in act(staff, "return_to_courier", package)
        package.refresh_from_db()
        assert (package.status, package.compartment.occupancy) == ("RETURNED", "empty")

    def test_extend(self, staff: Client, package: Package) -> None:
        until = package.expires_at
        assert until is not None
        assert "1 package extended by a day." in act(staff, "extend_by_a_day", package)
        package.refresh_from_db()
        assert package.expires_at == until + timedelta(days=1)

    def test_resend_code(self, staff: Client, package: Package) -> None:
        old = world.code_of(package)
        said = act(staff, "resend_code", package)
        assert "1 package given a new code." in said
        new = world.code_of(package)
        assert new != old
        assert new not in said
        assert Notification.objects.filter(kind="code_renewed").count() == 2

    def test_each_refusal_is_told_with_its_packages(self, staff: Client, package: Package) -> None:
        place = world.make_location("TLL-2")
        gone = world.make_package(package.courier, world.door(place, "S1"), Package.Status.RETRIEVED)
        said = act(staff, "cancel", package, gone)
        assert "1 package canceled." in said
        assert f"Not canceled: {gone.tracking_number}. The package is RETRIEVED." in said
        assert LogEntry.objects.count() == 1

    def test_not_too_many_at_once(
        self, staff: Client, package: Package, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(admin_actions, "MOST_AT_ONCE", 1)
        other = world.make_package(package.courier, world.door(world.make_location("TLL-2"), "S1"))
        assert "Choose at most 1 package." in act(staff, "cancel", package, other)
        assert not Package.objects.filter(status="CANCELLED").exists()

    def test_who_may_only_look_has_no_actions(self, client: Client, package: Package) -> None:
        reader = User.objects.create_user("reader", is_staff=True)
        reader.user_permissions.add(Permission.objects.get(codename="view_package"))
        client.force_login(reader)
        assert "PRC000042" in page(client, "package")
        act(client, "cancel", package)
        package.refresh_from_db()
        assert package.status == "STORED"


class TestKeys:
    def make(self, client: Client, **fields: Any) -> str:
        response = client.post(
            reverse("admin:packages_app_apikey_add"), {"name": "depot", "days": 30, **fields}
        )
        assert response.status_code == 200
        self.headers = response.headers
        return response.content.decode()

    def shown(self, content: str) -> str:
        found = re.search(r"plk_\w+", content)
        assert found is not None, content
        return found[0]

    def test_a_couriers_key_is_shown_once_and_works(self, staff: Client) -> None:
        courier = world.make_courier()
        text = self.shown(self.make(staff, courier=courier.pk, scopes=["packages", "codes:read"]))
        assert "no-store" in self.headers["Cache-Control"]
        caller, _ = verify(text, now=database_now())
        assert caller is not None
        assert (caller.actor.courier_id, caller.scopes) == (
            courier.pk,
            frozenset({"packages", "codes:read"}),
        )
        assert verify(text, now=database_now() + timedelta(days=31))[0] is None
        key = ApiKey.objects.get()
        for again in (page(staff, "apikey"), page(staff, "apikey", "change", key.pk)):
            assert text not in again
            assert bytes(key.digest).hex() not in again
            assert "digest" not in again.lower()

    def test_its_text_is_kept_nowhere(self, staff: Client) -> None:
        text = self.shown(self.make(staff, courier=world.make_courier().pk))
        secret = text.split("_")[3]
        entry = LogEntry.objects.get()
        assert secret not in f"{entry.object_repr} {entry.change_message}"
        assert all(secret not in str(session.get_decoded()) for session in Session.objects.all())
        assert all(secret not in str(morsel) for morsel in staff.cookies.values())

    def test_a_kiosks_key(self, staff: Client) -> None:
        kiosk = world.make_kiosk(world.make_location())
        caller, _ = verify(self.shown(self.make(staff, kiosk=kiosk.pk)), now=database_now())
        assert caller is not None
        assert (caller.kiosk_id, caller.scopes) == (kiosk.pk, frozenset({"pickup"}))

    def test_a_sandbox_key(self, staff: Client) -> None:
        text = self.shown(self.make(staff, courier=world.make_courier().pk, test="on"))
        assert text.startswith("plk_test_")

    @pytest.mark.parametrize(
        ("owners", "fields", "says"),
        [
            ((), {}, "belongs to one courier or to one kiosk"),
            (("courier", "kiosk"), {}, "belongs to one courier or to one kiosk"),
            (("courier",), {"scopes": ["pickup"]}, "cannot have all of these scopes"),
            (("kiosk",), {"scopes": ["codes:read"]}, "cannot have all of these scopes"),
            (("kiosk",), {"test": "on"}, "no sandbox key"),
            (("courier",), {"days": 366}, "less than or equal to 365"),
            (("courier",), {"days": 0}, "greater than or equal to 1"),
        ],
    )
    def test_no_key_that_could_not_be(
        self, staff: Client, owners: tuple[str, ...], fields: dict[str, Any], says: str
    ) -> None:
        rows = {"courier": world.make_courier().pk, "kiosk": world.make_kiosk(world.make_location()).pk}
        content = self.make(staff, **{owner: rows[owner] for owner in owners}, **fields)
        assert says in content
        assert not ApiKey.objects.exists()

    def test_revoke(self, staff: Client) -> None:
        text = self.shown(self.make(staff, courier=world.make_courier().pk))
        key = ApiKey.objects.get()
        data = {"action": "revoke", "_selected_action": [key.pk]}
        said = staff.post(reverse("admin:packages_app_apikey_changelist"), data, follow=True).content.decode()
        assert "1 API key revoked." in said
        assert verify(text, now=database_now()) == (None, f"revoked {key.key_id}")
        assert LogEntry.objects.filter(change_message="Revoked.").count() == 1

    def test_a_key_bound_to_places_and_networks(self, staff: Client) -> None:
        place = world.make_location("TLL-1")
        fields = {"locations": "TLL-1", "networks": "192.0.2.0/24, 2001:db8::/32"}
        self.shown(self.make(staff, courier=world.make_courier().pk, **fields))
        key = ApiKey.objects.get()
        assert (key.location_ids, key.networks) == ([place.pk], ["192.0.2.0/24", "2001:db8::/32"])
        assert key.made_by == "staff:admin"
        shown = page(staff, "apikey", "change", key.pk)
        assert "TLL-1" in shown
        assert "staff:admin" in shown

    def test_a_key_with_a_rate_limit_of_its_own(self, staff: Client) -> None:
        courier = world.make_courier()
        self.make(staff, courier=courier.pk, calls_per_second=10)
        key = ApiKey.objects.get()
        assert (key.calls_per_second, key.burst) == (10, 50)
        self.make(staff, courier=courier.pk, calls_per_second=10, burst=15)
        assert ApiKey.objects.latest("pk").burst == 15
        assert "Its own rate limit" in page(staff, "apikey", "change", key.pk)

    @pytest.mark.parametrize(
        ("owner", "fields", "says"),
        [
            ("courier", {"locations": "TLL-1, XXX-9"}, "There is no location XXX-9."),
            ("courier", {"locations": "SANDBOX-1"}, "There is no location SANDBOX-1."),
            ("courier", {"locations": "TLL-1", "test": "on"}, "There is no sandbox location TLL-1."),
            ("courier", {"networks": "192.0.2.1/24"}, "192.0.2.1/24 is not a network"),
            ("kiosk", {"locations": "TLL-1"}, "own location"),
            ("courier", {"burst": "10"}, "Enter the calls per second as well."),
            ("courier", {"calls_per_second": "0"}, "greater than or equal to 1"),
        ],
    )
    def test_no_key_bound_to_what_is_not_there(
        self, staff: Client, owner: str, fields: dict[str, str], says: str
    ) -> None:
        world.make_location("SANDBOX-1", sandbox=True)
        rows = {"courier": world.make_courier(), "kiosk": world.make_kiosk(world.make_location("TLL-1"))}
        assert says in self.make(staff, **{owner: rows[owner].pk}, **fields)
        assert not ApiKey.objects.exists()

    def test_limit(self, staff: Client) -> None:
        world.courier_api(world.make_courier())
        key = ApiKey.objects.get()
        address = reverse("admin:packages_app_apikey_limit", args=[key.pk])
        assert address in page(staff, "apikey", "change", key.pk)
        assert staff.get(address).status_code == 200
        for sent, kept in (
            ({"calls_per_second": 5}, (5, 25)),
            ({"calls_per_second": 5, "burst": 6}, (5, 6)),
            ({"burst": 6}, (5, 6)),
            ({"calls_per_second": 0}, (5, 6)),
            ({"calls_per_second": ""}, (None, None)),
        ):
            staff.post(address, sent)
            key.refresh_from_db()
            assert (key.calls_per_second, key.burst) == kept
        changes = LogEntry.objects.filter(object_id=str(key.pk)).order_by("pk")
        assert [entry.change_message for entry in changes] == [
            "Limited to 5 calls per second, 25 at once.",
            "Limited to 5 calls per second, 6 at once.",
            "No limit of its own.",
        ]

    def test_who_may_only_look_limits_nothing(self, client: Client) -> None:
        world.courier_api(world.make_courier())
        reader = User.objects.create_user("reader", is_staff=True)
        reader.user_permissions.add(Permission.objects.get(codename="view_apikey"))
        client.force_login(reader)
        key = ApiKey.objects.get()
        address = reverse("admin:packages_app_apikey_limit", args=[key.pk])
        assert client.post(address, {"calls_per_second": 5}).status_code == 403
        key.refresh_from_db()
        assert key.calls_per_second is None

    def rotate(self, client: Client, key: ApiKey, hours: int) -> Any:
        return client.post(reverse("admin:packages_app_apikey_rotate", args=[key.pk]), {"hours": hours})

    def test_rotate(self, staff: Client) -> None:
        old_text = self.shown(self.make(staff, courier=world.make_courier().pk))
        old = ApiKey.objects.get()
        address = reverse("admin:packages_app_apikey_rotate", args=[old.pk])
        assert address in page(staff, "apikey", "change", old.pk)
        assert 'value="24"' in staff.get(address).content.decode()
        response = self.rotate(staff, old, 24)
        assert "no-store" in response["Cache-Control"]
        found = set(re.findall(r"plk_live_\w{8}_\w+", response.content.decode()))
        (text,) = found
        new = ApiKey.objects.get(replaces=old)
        assert new.made_by == "staff:admin"
        for moment, works in ((timedelta(), True), (timedelta(hours=25), False)):
            assert (verify(old_text, now=database_now() + moment)[0] is not None) == works
            assert verify(text, now=database_now() + moment)[0] is not None
        secret = text.split("_")[3]
        for entry in LogEntry.objects.all():
            assert secret not in f"{entry.object_repr} {entry.change_message}"
        assert all(secret not in str(session.get_decoded()) for session in Session.objects.all())
        assert all(secret not in str(morsel) for morsel in staff.cookies.values())
        assert secret not in page(staff, "apikey", "change", new.pk)

    def test_what_cannot_be_rotated_is_told(self, staff: Client) -> None:
        self.make(staff, courier=world.make_courier().pk)
        old = ApiKey.objects.get()
        assert "less than or equal to 168" in self.rotate(staff, old, 169).content.decode()
        self.rotate(staff, old, 1)
        again = self.rotate(staff, old, 1)
        assert "was rotated before" in staff.get(again["Location"]).content.decode()
        assert ApiKey.objects.count() == 2

    def test_who_may_not_make_keys_rotates_none(self, client: Client) -> None:
        world.courier_api(world.make_courier())
        reader = User.objects.create_user("reader", is_staff=True)
        reader.user_permissions.add(Permission.objects.get(codename="view_apikey"))
        client.force_login(reader)
        assert self.rotate(client, ApiKey.objects.get(), 1).status_code == 403
        reader.user_permissions.add(Permission.objects.get(codename="add_apikey"))
        assert self.rotate(client, ApiKey.objects.get(), 1).status_code == 403
        client.logout()
        assert self.rotate(client, ApiKey.objects.get(), 1).status_code == 302
        assert ApiKey.objects.count() == 1

    def test_a_key_is_not_edited_or_deleted(self, staff: Client) -> None:
        world.courier_api(world.make_courier())
        key = ApiKey.objects.get()
        for view in ("change", "delete"):
            address = reverse(f"admin:packages_app_apikey_{view}", args=[key.pk])
            assert staff.post(address, {"post": "yes", "name": "other"}).status_code == 403

    def test_who_may_not_make_keys_makes_none(self, client: Client) -> None:
        reader = User.objects.create_user("reader", is_staff=True)
        reader.user_permissions.add(Permission.objects.get(codename="view_apikey"))
        client.force_login(reader)
        response = client.post(
            reverse("admin:packages_app_apikey_add"), {"courier": world.make_courier().pk, "days": 1}
        )
        assert response.status_code == 403
        assert not ApiKey.objects.exists()


class TestCouriers:
    def test_a_courier_is_made_and_switched_off(self, staff: Client) -> None:
        values = {"code": "gls", "name": "GLS", "active": "on", "language": "pl"}
        staff.post(reverse("admin:packages_app_courier_add"), values)
        courier = Courier.objects.get(code="gls")
        key = world.courier_api(courier).key
        assert verify(key, now=database_now())[0] is not None
        staff.post(
            reverse("admin:packages_app_courier_change", args=[courier.pk]),
            {"code": "x", "name": "GLS 2", "language": "de"},
        )
        courier.refresh_from_db()
        assert courier.language == "de"
        assert (courier.code, courier.name, courier.active) == ("gls", "GLS 2", False)
        assert verify(key, now=database_now())[0] is None

    def test_a_courier_is_not_deleted(self, staff: Client) -> None:
        courier = world.make_courier()
        address = reverse("admin:packages_app_courier_delete", args=[courier.pk])
        assert staff.post(address, {"post": "yes"}).status_code == 403
