"""Keys bound to networks, to locations, and to the sandbox: nothing else exists for them."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.test import Client

from lockers.models import Location
from packages_app.life.lifecycle import Status
from packages_app.models import ApiKey, Courier, Package
from tests.world import (
    NOW,
    Api,
    courier_api,
    door,
    kiosk_api,
    make_key,
    make_kiosk,
    make_location,
    make_package,
    parcel,
    revoke_key,
)

pytestmark = pytest.mark.django_db


def api_of(courier: Courier, **rights: Any) -> Api:
    return Api(make_key(courier=courier, **rights)[1], Client(raise_request_exception=False))


@pytest.fixture
def elsewhere() -> Location:
    return make_location("RIX-1", latitude=57, longitude=24)


@pytest.fixture
def sandbox() -> Location:
    return make_location("SANDBOX-1", latitude=58, longitude=25, sandbox=True)


def get(key: str, address: str, **headers: str) -> Any:
    return Client(REMOTE_ADDR=address).get(
        "/api/v1/returns", headers={"Authorization": f"Bearer {key}", **headers}
    )


class TestNetworks:
    def test_from_inside_only(self, courier: Courier) -> None:
        key = make_key(courier=courier, networks=["192.0.2.0/24", "2001:db8::/32"])[1]
        for address, status in (
            ("192.0.2.7", 200),
            ("2001:db8::7", 200),
            ("192.0.3.7", 401),
            ("2001:db9::7", 401),
            ("", 401),
        ):
            assert get(key, address).status_code == status, address

    def test_a_header_opens_nothing(self, courier: Courier) -> None:
        key = make_key(courier=courier, networks=["192.0.2.0/24"])[1]
        assert get(key, "203.0.113.9", **{"X-Forwarded-For": "192.0.2.7"}).status_code == 401

    def test_why_it_was_refused_stands_in_the_log_only(
        self, courier: Courier, caplog: pytest.LogCaptureFixture
    ) -> None:
        bound, outside = make_key(courier=courier, networks=["192.0.2.0/24"])
        revoked, dead = make_key(courier=courier)
        revoke_key(revoked, now=NOW)
        expired, old = make_key(courier=courier)
        ApiKey.objects.filter(pk=expired.pk).update(expires_at=NOW)
        unknown, gone = make_key(courier=courier)
        unknown.delete()
        with caplog.at_level(logging.WARNING):
            answers = [get(key, "203.0.113.9") for key in (outside, dead, old, gone, "nonsense")]
        assert {answer.status_code for answer in answers} == {401}
        assert len({answer.content for answer in answers}) == 1
        assert len({str(sorted(answer.headers.items())) for answer in answers}) == 1
        reasons = [
            record.getMessage() for record in caplog.records if record.name == "packages_app.keys.auth"
        ]
        assert [reason.partition(": ")[2] for reason in reasons] == [
            f"wrong network {bound.key_id} (from 203.0.113.9)",
            f"revoked {revoked.key_id} (from 203.0.113.9)",
            f"expired {expired.key_id} (from 203.0.113.9)",
            "unknown (from 203.0.113.9)",
            "malformed (from 203.0.113.9)",
        ]

    def test_a_kiosk_s_screen_as_well(self, location: Location) -> None:
        key = make_key(kiosk=make_kiosk(location), networks=["192.0.2.0/24"])[1]
        outside, inside = Client(REMOTE_ADDR="203.0.113.9"), Client(REMOTE_ADDR="192.0.2.7")
        assert "is not valid" in outside.post("/kiosk/connect/", {"key": key}).content.decode()
        assert inside.post("/kiosk/connect/", {"key": key}).status_code == 302
        assert inside.get("/kiosk/").status_code == 200
        outside.cookies = inside.cookies  # the session carried to another place
        assert outside.get("/kiosk/")["Location"] == "/kiosk/connect/"


class TestLocations:
    @pytest.fixture
    def bound(self, courier: Courier, location: Location, elsewhere: Location) -> Api:
        return api_of(courier, location_ids=[location.pk], scopes=["packages", "codes:read"])

    def test_other_places_do_not_exist(self, bound: Api, location: Location) -> None:
        assert bound.get(f"/locations/{location.code}").status_code == 200
        for path in ("/locations/{}", "/lockers/status?location={}", "/returns?location={}"):
            there, nowhere = (bound.get(path.format(code)) for code in ("RIX-1", "XXX-1"))
            assert there.status_code == nowhere.status_code == 404
            assert there.content.replace(b"RIX-1", b"XXX-1") == nowhere.content

    def test_nothing_is_brought_there(self, bound: Api, location: Location) -> None:
        assert bound.post("/lockers/assign", parcel(location)).status_code == 201
        there, nowhere = (bound.post("/lockers/assign", parcel(code, "T")) for code in ("RIX-1", "XXX-1"))
        assert (there.status_code, there.json()["code"]) == (404, "unknown_location")
        assert there.content.replace(b"RIX-1", b"XXX-1") == nowhere.content

    def test_lists_show_only_those(self, bound: Api, location: Location) -> None:
        assert [row["code"] for row in bound.get("/locations").json()["items"]] == [location.code]
        assert [row["location"] for row in bound.get("/lockers/status").json()] == [location.code]

    def test_packages_elsewhere_are_unknown(
        self, bound: Api, courier: Courier, location: Location, elsewhere: Location
    ) -> None:
        here = make_package(courier, door(location, "S1"))
        there = make_package(courier, door(elsewhere, "S1"), Status.EXPIRED)
        assert [row["id"] for row in bound.get("/packages").json()["items"]] == [str(here.pk)]
        assert bound.get("/returns").json()["items"] == []
        assert bound.get(f"/packages/{there.pk}").status_code == 404
        for call in ("cancel", "return", "resend-code"):
            assert bound.post(f"/packages/{there.pk}/{call}").json()["code"] == "unknown_package"
        assert courier_api(courier).get(f"/packages/{there.pk}").status_code == 200

    def test_doors_elsewhere_are_unknown(self, bound: Api, location: Location, elsewhere: Location) -> None:
        report = {"kind": "damaged"}
        assert bound.post(f"/compartments/{door(elsewhere, 'S1').pk}/faults", report).status_code == 404
        assert bound.post(f"/compartments/{door(location, 'S1').pk}/faults", report).status_code == 201

    def test_no_alternative_is_named_that_it_cannot_use(self, courier: Courier) -> None:
        full = make_location("FULL", small=0, medium=0, large=0, latitude=59, longitude=24)
        make_location("NEAR", latitude=59.1, longitude=24)
        far = make_location("FAR", latitude=60, longitude=24)
        bound = api_of(courier, location_ids=[full.pk, far.pk])
        said = bound.post("/lockers/assign", parcel(full)).json()
        assert [other["location"] for other in said["alternatives"]] == ["FAR"]
        said = courier_api(courier).post("/lockers/assign", parcel(full)).json()
        assert [other["location"] for other in said["alternatives"]] == ["NEAR", "FAR"]

    def test_an_answer_kept_for_one_key_is_none_for_another(self, bound: Api, courier: Courier) -> None:
        body = parcel("RIX-1", "T-1")
        assert bound.post("/lockers/assign", body, key="k").status_code == 404
        answer = courier_api(courier).post("/lockers/assign", body, key="k")
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")


class TestSandbox:
    """The sandbox and the network have the same rules, and see nothing of each other."""

    @pytest.fixture
    def rehearsal(self, courier: Courier, location: Location, sandbox: Location) -> Api:
        return api_of(courier, test=True, scopes=["packages", "codes:read"])

    def test_a_test_key_sees_the_sandbox_only(self, rehearsal: Api) -> None:
        assert [row["code"] for row in rehearsal.get("/locations").json()["items"]] == ["SANDBOX-1"]
        assert [row["location"] for row in rehearsal.get("/lockers/status").json()] == ["SANDBOX-1"]
        for path in ("/locations/TLL-1", "/lockers/status?location=TLL-1", "/returns?location=TLL-1"):
            assert rehearsal.get(path).json()["code"] == "unknown_location"
        assert rehearsal.post("/lockers/assign", parcel("TLL-1")).json()["code"] == "unknown_location"
        assert rehearsal.post("/lockers/assign", parcel("SANDBOX-1")).status_code == 201

    def test_a_live_key_sees_everything_but_the_sandbox(self, api: Api, rehearsal: Api) -> None:
        assert [row["code"] for row in api.get("/locations").json()["items"]] == ["TLL-1"]
        assert [row["location"] for row in api.get("/lockers/status").json()] == ["TLL-1"]
        for path in (
            "/locations/SANDBOX-1",
            "/lockers/status?location=SANDBOX-1",
            "/returns?location=SANDBOX-1",
        ):
            assert api.get(path).json()["code"] == "unknown_location"
        assert api.post("/lockers/assign", parcel("SANDBOX-1")).json()["code"] == "unknown_location"

    def test_a_door_of_the_other_world_is_unknown(
        self, api: Api, rehearsal: Api, location: Location, sandbox: Location
    ) -> None:
        for key, place, status in (
            (api, location, 201),
            (api, sandbox, 404),
            (rehearsal, sandbox, 201),
            (rehearsal, location, 404),
        ):
            path = f"/compartments/{door(place, 'L1').pk}/faults"
            assert key.post(path, {"kind": "damaged"}).status_code == status

    def test_the_sandbox_is_no_alternative(self, api: Api, rehearsal: Api, sandbox: Location) -> None:
        full = make_location("FULL", small=0, medium=0, large=0, latitude=59, longitude=24)
        assert api.post("/lockers/assign", parcel(full)).json()["alternatives"] == []

    def test_a_rehearsal_is_in_nobody_s_way(self, api: Api, rehearsal: Api, courier: Courier) -> None:
        """The same tracking number and the same Idempotency-Key can be used in both."""
        practised = rehearsal.post("/lockers/assign", parcel("SANDBOX-1", "T-1"), key="order-1")
        real = api.post("/lockers/assign", parcel("TLL-1", "T-1"), key="order-1")
        assert (practised.status_code, real.status_code) == (201, 201)
        assert [row["id"] for row in api.get("/packages").json()["items"]] == [real.json()["id"]]
        assert [row["id"] for row in rehearsal.get("/packages").json()["items"]] == [practised.json()["id"]]
        assert api.get(f"/packages/{practised.json()['id']}").status_code == 404
        assert rehearsal.get(f"/packages/{real.json()['id']}").status_code == 404
        assert rehearsal.post(f"/packages/{real.json()['id']}/cancel").status_code == 404
        assert Package.objects.for_courier(courier.pk).count() == 1

    def test_a_code_read_in_the_sandbox_opens_at_its_kiosk(self, rehearsal: Api, sandbox: Location) -> None:
        code = rehearsal.post("/lockers/assign", parcel("SANDBOX-1")).json()["pickup_code"]
        screen = kiosk_api(make_kiosk(sandbox))
        assert screen.post("/pickup", {"code": code}).json()["status"] == "RETRIEVED"

    def test_an_inactive_courier_rehearses_nothing(self, rehearsal: Api, courier: Courier) -> None:
        Courier.objects.filter(pk=courier.pk).update(active=False)
        assert rehearsal.get("/packages").status_code == 401

    def test_one_twin_for_all_test_keys(self, courier: Courier) -> None:
        first, second = (make_key(courier=courier, test=True)[0] for _ in range(2))
        assert first.courier == second.courier
        assert first.courier is not None
        assert (first.courier.twin_of, first.courier.code) == (courier, f"{courier.code}.test")
        again, text = make_key(courier=first.courier)
        assert (again.kind, again.courier) == ("test", first.courier)
        assert text.startswith("plk_test_")
