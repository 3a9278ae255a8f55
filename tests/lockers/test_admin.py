"""Places and doors in the admin."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import ADDITION, LogEntry
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from lockers.models import Compartment, CompartmentEvent, Kiosk, Location, Locker, Membership
from tests.world import door, make_courier, make_kiosk, make_location, make_package

pytestmark = pytest.mark.django_db
MODELS = [Location, Locker, Compartment, CompartmentEvent, Kiosk]
Occupancy = Compartment.Occupancy


@pytest.fixture
def anna(client: Client) -> Client:
    """Head office, signed in."""
    client.force_login(User.objects.create_superuser("anna"))
    return client


def address(model: Any, page: str = "changelist", *args: Any) -> str:
    return reverse(f"admin:lockers_{model._meta.model_name}_{page}", args=args)


def act(client: Client, model: Any, action: str, rows: Any, **more: str) -> Any:
    data = {"action": action, "_selected_action": [row.pk for row in rows], **more}
    return client.post(address(model), data, follow=True)


@pytest.fixture
def location() -> Location:
    place = make_location()
    make_kiosk(place)
    door(place, "S1").mark_unverified(by="courier:dpd", reason="cancelled")
    return place


@pytest.mark.parametrize("model", MODELS)
class TestPages:
    def test_list_and_search(self, anna: Client, location: Location, model: Any) -> None:
        for query in ("", "TLL-1", "100%_'\\\"<b>", "☃"):
            assert anna.get(address(model), {"q": query}).status_code == 200
        assert b"0 results" not in anna.get(address(model), {"q": "TLL-1"}).content

    def test_one(self, anna: Client, location: Location, model: Any) -> None:
        row = model.objects.first()
        assert anna.get(address(model, "change", row.pk)).status_code == 200

    def test_nothing_is_deleted(self, anna: Client, location: Location, model: Any) -> None:
        row = model.objects.first()
        assert anna.post(address(model, "delete", row.pk), {"post": "yes"}).status_code == 403
        assert b"delete_selected" not in anna.get(address(model)).content
        act(anna, model, "delete_selected", [row], post="yes")
        assert model.objects.filter(pk=row.pk).exists()

    def test_as_many_queries_for_many(self, anna: Client, location: Location, model: Any) -> None:
        def count() -> int:
            with CaptureQueriesContext(connection) as queries:
                assert anna.get(address(model)).status_code == 200
            return len(queries)

        count()
        few = count()
        for index in range(10):
            place = make_location(f"X-{index}", small=1, medium=0, large=0)
            make_kiosk(place)
            door(place, "S1").mark_unverified(by="x", reason="y")
        assert count() == few

    def test_managers_stay_outside(self, client: Client, location: Location, model: Any) -> None:
        manager = User.objects.create_user("mari")
        Membership.objects.create(user=manager, location=location)
        client.force_login(manager)
        assert client.get(address(model)).status_code == 302


class TestLocation:
    def values(self, **changes: Any) -> dict[str, Any]:
        return {
            "code": "TLL-9",
            "name": "Sikupilli",
            "country": "EE",
            "region": "",
            "city": "Tallinn",
            "address": "",
            "latitude": "59.4",
            "longitude": "24.7",
            "time_zone": "Europe/Tallinn",
            "hold_days": 3,
            "max_hold_days": 14,
            "reminder_hours": 24,
            "reminder_last_hours": 12,
            "morning_hour": 7,
            "strategy": "best_fit",
            "layout": "2/1/1",
            "memberships-TOTAL_FORMS": 0,
            "memberships-INITIAL_FORMS": 0,
            **changes,
        }

    def test_a_new_one_with_its_doors(self, anna: Client) -> None:
        assert b"20/20/20" in anna.get(address(Location, "add")).content
        assert anna.post(address(Location, "add"), self.values()).status_code == 302
        location = Location.objects.get(code="TLL-9")
        assert location.compartments.count() == 4
        assert location.lockers.get().name == "A"

    def test_a_new_one_without_doors(self, anna: Client) -> None:
        anna.post(address(Location, "add"), self.values(layout=""))
        assert Location.objects.get(code="TLL-9").compartments.count() == 0

    @pytest.mark.parametrize(
        ("field", "value", "told"),
        [
            ("layout", "lots", "small/medium/large"),
            ("layout", "0/0/0", "1 to 1,000 compartments"),
            ("time_zone", "Mars/Olympus", "not an IANA time zone"),
            ("country", "Estonia", "at most 2"),
            ("hold_days", "0", "greater than or equal to 1"),
            ("max_hold_days", "2", "location_max_hold_days"),
            ("longitude", "", "location_coordinates"),
            ("latitude", "91", "location_coordinates"),
            ("code", "A B", "Enter a valid value"),
        ],
    )
    def test_nonsense_is_told_and_not_stored(self, anna: Client, field: str, value: str, told: str) -> None:
        response = anna.post(address(Location, "add"), self.values(**{field: value}))
        assert response.status_code == 200
        assert told in response.content.decode()
        assert not Location.objects.exists()

    def test_a_change_touches_neither_code_nor_doors(self, anna: Client, location: Location) -> None:
        page = anna.get(address(Location, "change", location.pk)).content
        assert b"layout" not in page
        response = anna.post(
            address(Location, "change", location.pk), self.values(name="Ülemiste", code="NEW", layout="9/9/9")
        )
        assert response.status_code == 302
        location.refresh_from_db()
        assert (location.code, location.name) == ("TLL-1", "Ülemiste")
        assert location.compartments.count() == 6

    def test_managers(self, anna: Client, location: Location) -> None:
        mari = User.objects.create_user("mari")
        more = {
            "memberships-TOTAL_FORMS": 1,
            "memberships-0-user": mari.pk,
            "memberships-0-location": location.pk,
            "memberships-0-language": "et",
        }
        assert anna.post(address(Location, "change", location.pk), self.values(**more)).status_code == 302
        assert list(mari.managed_locations.all()) == [location]

    def test_doors_are_counted(self, anna: Client, location: Location) -> None:
        location.compartments.filter(label="M1").update(occupancy=Occupancy.OCCUPIED)
        location.compartments.filter(label="M2").update(occupancy=Occupancy.RESERVED)
        make_location("BARE", small=0, medium=0, large=0)
        page = " ".join(anna.get(address(Location)).content.decode().split())
        assert (
            'class="field-free">3 of 6</td><td class="field-taken">2</td><td class="field-not_usable">1<'
            in page
        )
        assert 'class="field-free">0 of 0<' in page

    def test_suspend_asks_why_and_resume(self, anna: Client, location: Location) -> None:
        page = act(anna, Location, "suspend", [location])
        assert b'name="reason"' in page.content
        location.refresh_from_db()
        assert location.suspended_at is None
        assert b"This field is required" in act(anna, Location, "suspend", [location], reason=" ").content
        act(anna, Location, "suspend", [location], reason="storm")
        location.refresh_from_db()
        assert (location.suspended_at is None, location.suspended_reason) == (False, "storm")
        entry = LogEntry.objects.get()
        assert (entry.user.get_username(), entry.get_change_message()) == ("anna", "Suspended: storm")
        act(anna, Location, "resume", [location])
        location.refresh_from_db()
        assert (location.suspended_at, location.suspended_reason) == (None, "")


class TestDoors:
    def events(self) -> list[tuple[str, str, str]]:
        rows = CompartmentEvent.objects.order_by("id")
        return [(row.kind, row.by, row.reason) for row in rows]

    def test_out_of_service_asks_why_and_back(self, anna: Client) -> None:
        location = make_location()
        doors = list(location.compartments.filter(size=1))
        page = act(anna, Compartment, "take_out_of_service", doors)
        assert b'name="reason"' in page.content
        assert self.events() == []
        page = act(anna, Compartment, "take_out_of_service", doors, reason="<b>bent</b>")
        assert b"2 compartments taken out of service." in page.content
        assert b"<b>bent" not in page.content
        assert {row.status for row in location.compartments.filter(size=1)} == {"out_of_service"}
        act(anna, Compartment, "put_back_in_service", doors[:1])
        assert self.events() == [
            ("taken_out", "staff:anna", "<b>bent</b>"),
            ("taken_out", "staff:anna", "<b>bent</b>"),
            ("put_back", "staff:anna", ""),
        ]
        assert LogEntry.objects.count() == 3

    def test_confirm_empty_refuses_what_holds_a_package(self, anna: Client, location: Location) -> None:
        package = make_package(make_courier(), door(location, "S2"))
        page = act(anna, Compartment, "confirm_empty", location.compartments.filter(size=1))
        assert b"Not marked as empty: A-S2. The compartment is occupied by a package" in page.content
        assert b"1 compartment marked as empty." in page.content
        assert door(location, "S1").occupancy == Occupancy.EMPTY
        assert door(location, "S2").occupancy == Occupancy.OCCUPIED
        package.refresh_from_db()
        assert package.holds_door

    def test_what_packages_decide_cannot_be_edited(self, anna: Client, location: Location) -> None:
        s2 = door(location, "S2")
        before = Compartment.objects.filter(pk=s2.pk).values().get()
        values = {
            "occupancy": "occupied",
            "size": 3,
            "label": "X",
            "location": make_location("OTHER").pk,
            "out_of_service_at": timezone.now(),
            "accessible": "on",
            "events-TOTAL_FORMS": 0,
            "events-INITIAL_FORMS": 0,
        }
        assert anna.post(address(Compartment, "change", s2.pk), values).status_code == 302
        assert Compartment.objects.filter(pk=s2.pk).values().get() == {**before, "accessible": True}

    @pytest.mark.parametrize(
        ("model", "edited", "meanwhile"),
        [
            (Compartment, {"accessible": True}, {"occupancy": "occupied"}),
            (Kiosk, {"name": "left"}, {"wrong_codes_in_row": 5, "locked_until": timezone.now()}),
            (Location, {"city": "Riga"}, {"suspended_at": timezone.now(), "suspended_reason": "flood"}),
        ],
    )
    def test_what_changed_while_a_form_is_saved_stays(
        self, location: Location, model: Any, edited: dict[str, Any], meanwhile: dict[str, Any]
    ) -> None:
        row = model.objects.first()
        model.objects.filter(pk=row.pk).update(**meanwhile)
        for name, value in edited.items():
            setattr(row, name, value)
        form = SimpleNamespace(changed_data=list(edited))
        admin.site.get_model_admin(model).save_model(RequestFactory().post("/"), row, form, change=True)
        for name, value in {**edited, **meanwhile}.items():
            assert getattr(model.objects.get(pk=row.pk), name) == value

    @pytest.mark.parametrize("model", [Compartment, CompartmentEvent])
    def test_nothing_to_add(self, anna: Client, model: Any) -> None:
        assert anna.get(address(model, "add")).status_code == 403

    def test_history_cannot_be_edited(self, anna: Client, location: Location) -> None:
        event = CompartmentEvent.objects.get()
        assert anna.post(address(CompartmentEvent, "change", event.pk), {"reason": "x"}).status_code == 403
        event.refresh_from_db()
        assert event.reason == "cancelled"

    def test_who_may_only_look_may_not_act(self, client: Client, location: Location) -> None:
        viewer = User.objects.create_user("viewer", is_staff=True)
        viewer.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
        client.force_login(viewer)
        assert client.get(address(Compartment)).status_code == 200
        for model, action in ACTIONS:
            act(client, model, action, model.objects.all(), reason="x")
        assert self.events() == [("unverified", "courier:dpd", "cancelled")]
        assert not Location.objects.exclude(suspended_at=None).exists()


ACTIONS: list[tuple[Any, str]] = [
    (Location, "suspend"),
    (Compartment, "take_out_of_service"),
    (Compartment, "confirm_empty"),
]


class TestCabinets:
    def add(self, client: Client, location: Location, layout: str) -> Any:
        return client.post(address(Locker, "add"), {"location": location.pk, "layout": layout})

    def test_one_more_at_a_location(self, anna: Client, location: Location) -> None:
        before = list(location.compartments.order_by("pk").values())
        assert self.add(anna, location, "2/1/1").status_code == 302
        assert list(location.lockers.order_by("pk").values_list("name", flat=True)) == ["A", "B"]
        new = location.compartments.filter(locker__name="B")
        assert [new.filter(size=size).count() for size in (1, 2, 3)] == [2, 1, 1]
        assert new.free().count() == 4
        assert list(location.compartments.exclude(locker__name="B").order_by("pk").values()) == before
        last = max(row["position"] for row in before)
        assert sorted(new.values_list("position", flat=True)) == [last + number for number in range(1, 5)]
        assert self.add(anna, location, "1/0/0").status_code == 302
        assert location.lockers.filter(name="C").exists()
        assert LogEntry.objects.filter(action_flag=ADDITION).count() == 2

    def test_a_wide_one_makes_several(self, anna: Client, location: Location) -> None:
        self.add(anna, location, "200/100/40")
        assert location.compartments.count() == 6 + 340
        assert location.lockers.count() > 2

    @pytest.mark.parametrize(
        ("layout", "told"),
        [
            ("", "This field is required"),
            ("2/1", "one whole number for each size"),
            ("0/0/0", "1 to 1,000 compartments"),
            ("995/0/0", "at most 1,000 compartments; 6 are there"),
        ],
    )
    def test_nonsense_is_told_and_not_stored(
        self, anna: Client, location: Location, layout: str, told: str
    ) -> None:
        assert told in self.add(anna, location, layout).content.decode()
        assert location.compartments.count() == 6

    def test_none_is_edited(self, anna: Client, location: Location) -> None:
        cabinet = location.lockers.get()
        assert anna.post(address(Locker, "change", cabinet.pk), {"name": "Z"}).status_code == 403

    def test_who_may_not_add_adds_none(self, client: Client, location: Location) -> None:
        reader = User.objects.create_user("reader", is_staff=True)
        reader.user_permissions.add(Permission.objects.get(codename="view_locker"))
        client.force_login(reader)
        assert self.add(client, location, "1/1/1").status_code == 403
        assert location.compartments.count() == 6
