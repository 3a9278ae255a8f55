"""The calls that change a package: every field, status and code that couriers rely on."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from lockers.models import Compartment, Location
from packages_app.api.schemas.packages import PackageOut
from packages_app.life.lifecycle import Status
from packages_app.models import Courier, Delegate, IdempotencyKey, Package
from tests.packages_app.contract.answers import CHANGES, READS, declared, refused
from tests.world import (
    NOW,
    Api,
    code_of,
    courier_api,
    delegate_code_of,
    door,
    make_courier,
    make_delegate,
    make_location,
    make_package,
)

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("reason", ["too_small", "door_stuck", "not_empty", "damaged"])
def test_reassign(api: Api, location: Location, courier: Courier, reason: str) -> None:
    package = make_package(courier, door(location, "S1"))
    body = declared(api.post(f"/packages/{package.pk}/reassign", {"reason": reason}), 200, PackageOut)
    assert body["compartment"]["label"] == ("M1" if reason == "too_small" else "S2")
    assert body["status"] == "STORED"


def test_reassign_at_a_full_location(api: Api, location: Location, courier: Courier) -> None:
    package = make_package(courier, door(location, "L1"))
    problem = refused(
        api.post(f"/packages/{package.pk}/reassign", {"reason": "too_small"}), 409, "location_full"
    )
    assert problem["alternatives"] == []
    make_package(courier, door(location, "L2"))
    refused(api.post(f"/packages/{package.pk}/reassign", {"reason": "damaged"}), 409, "location_full")
    assert door(location, "L1").out_of_service_at is None


@pytest.mark.parametrize("body", [None, {}, {"reason": "called off"}])
def test_cancel(api: Api, location: Location, courier: Courier, body: Any) -> None:
    package = make_package(courier, door(location, "S1"))
    answer = declared(api.post(f"/packages/{package.pk}/cancel", body), 200, PackageOut)
    assert (answer["status"], answer["cancelled_at"]) == ("CANCELLED", "2026-11-20T12:00:00Z")
    assert answer["compartment"]["label"] == "S1"
    assert package.events.get().reason == ("called off" if body else "")


def test_cancel_of_a_reservation_gives_the_door_up(api: Api, location: Location, courier: Courier) -> None:
    package = make_package(courier, door(location, "S1"), Status.PENDING)
    answer = declared(api.post(f"/packages/{package.pk}/cancel"), 200, PackageOut)
    assert (answer["status"], answer["compartment"]) == ("CANCELLED", None)


def test_extend(api: Api, location: Location, courier: Courier) -> None:
    package = make_package(courier, door(location, "S1"))
    answer = declared(api.post(f"/packages/{package.pk}/extend", {"hours": 24}), 200, PackageOut)
    assert answer["expires_at"] == "2026-11-24T12:00:00Z"


def test_extend_past_the_limit(api: Api, location: Location, courier: Courier) -> None:
    package = make_package(courier, door(location, "S1"))
    assert api.post(f"/packages/{package.pk}/extend", {"hours": 168}).status_code == 200
    problem = refused(
        api.post(f"/packages/{package.pk}/extend", {"hours": 168}, key="k"), 409, "extension_limit"
    )
    assert (problem["latest"], problem["hours"]) == ("2026-12-04T12:00:00Z", 96)
    again = api.post(f"/packages/{package.pk}/extend", {"hours": 168}, key="k")
    assert again["Idempotent-Replayed"] == "true"
    assert again.json() == problem


def test_return(api: Api, location: Location, courier: Courier) -> None:
    package = make_package(courier, door(location, "S1"), Status.EXPIRED)
    answer = declared(api.post(f"/packages/{package.pk}/return"), 200, PackageOut)
    assert (answer["status"], answer["returned_at"]) == ("RETURNED", "2026-11-20T12:00:00Z")
    assert answer["compartment"] is None
    refused(api.post(f"/packages/{package.pk}/return"), 409, "wrong_status")


def test_resend_code(location: Location, courier: Courier) -> None:
    package = make_package(courier, door(location, "S1"))
    old = code_of(package)
    answer = declared(courier_api(courier).post(f"/packages/{package.pk}/resend-code"), 202, PackageOut)
    assert "pickup_code" not in answer
    assert code_of(package) != old
    shop = courier_api(courier, codes_read=True)
    answer = declared(shop.post(f"/packages/{package.pk}/resend-code"), 202, PackageOut)
    assert answer["pickup_code"] == code_of(package)


def test_resend_code_to_nobody(api: Api, location: Location, courier: Courier) -> None:
    package = make_package(courier, door(location, "S1"))
    type(package.recipient).objects.update(email="", phone="")
    refused(api.post(f"/packages/{package.pk}/resend-code"), 409, "no_recipient_address")


@pytest.mark.parametrize("body", [None, {}, {"reason": "fraud"}, {"reason": "customs", "note": "form 7"}])
def test_hold_and_release(api: Api, location: Location, courier: Courier, body: Any) -> None:
    package = make_package(courier, door(location, "S1"))
    held = declared(api.post(f"/packages/{package.pk}/hold", body), 200, PackageOut)
    assert (held["status"], held["held_at"]) == ("STORED", "2026-11-20T12:00:00Z")
    assert package.events.get().reason.startswith((body or {}).get("reason", "other"))
    again = declared(api.post(f"/packages/{package.pk}/hold", body), 200, PackageOut)
    assert again == held
    for call, more in (("extend", {"hours": 1}), ("resend-code", None)):
        refused(api.post(f"/packages/{package.pk}/{call}", more), 409, "on_hold")
    released = declared(api.post(f"/packages/{package.pk}/release"), 200, PackageOut)
    assert (released["held_at"], released["expires_at"]) == (None, "2026-11-23T12:00:00Z")
    assert declared(api.post(f"/packages/{package.pk}/release"), 200, PackageOut) == released


@pytest.mark.parametrize(
    "body",
    [
        {"reason": "because"},
        {"reason": None},
        {"reason": 1},
        {"note": "x" * 151},
        {"note": "\x00"},
        {"note": 7},
        {"until": "tomorrow"},
        [],
        "fraud",
    ],
)
def test_holds_that_are_not_understood(api: Api, location: Location, courier: Courier, body: Any) -> None:
    package = make_package(courier, door(location, "S1"))
    content = json.dumps(body)
    refused(api.post(f"/packages/{package.pk}/hold", content), 422, "invalid_request")
    assert Package.objects.get().held_at is None
    assert not package.events.exists()


def delete(api: Api, package_id: object, **headers: str) -> Any:
    """`DELETE /packages/{id}/delegate`."""
    headers |= {"Authorization": f"Bearer {api.key}"}
    return api.client.delete(f"/api/v1/packages/{package_id}/delegate", headers=headers)


def test_a_delegate_is_named_and_removed(location: Location, courier: Courier) -> None:
    plain, shop = courier_api(courier), courier_api(courier, codes_read=True)
    package = make_package(courier, door(location, "S1"))
    path, juhan = f"/packages/{package.pk}/delegate", {"name": "Juhan", "email": "juhan@example.com"}
    body = declared(plain.post(path, juhan), 201, PackageOut)
    assert body["delegate"] == {"name": "Juhan", "named_at": "2026-11-20T12:00:00Z"}
    told = declared(shop.post(path, juhan), 201, PackageOut)
    code = delegate_code_of(package)
    assert told["delegate"] == {**body["delegate"], "pickup_code": code}
    assert told["pickup_code"] == code_of(package)
    renewed = declared(shop.post(f"{path}/resend-code"), 202, PackageOut)
    assert renewed["delegate"]["pickup_code"] == delegate_code_of(package) != code
    assert renewed["pickup_code"] == told["pickup_code"]
    assert declared(delete(plain, package.pk), 200, PackageOut)["delegate"] is None
    assert declared(delete(plain, package.pk), 200, PackageOut)["delegate"] is None
    refused(shop.post(f"{path}/resend-code"), 409, "no_delegate")


def test_removing_a_delegate_is_repeated_like_any_change(
    api: Api, location: Location, courier: Courier
) -> None:
    """A repeat does not remove a delegate who was named after the first request."""
    package = make_package(courier, door(location, "S1"))
    make_delegate(package)
    first = delete(api, package.pk, **{"Idempotency-Key": "k-1"})
    assert declared(first, 200, PackageOut)["delegate"] is None
    api.post(f"/packages/{package.pk}/delegate", {"name": "Juhan", "email": "juhan@example.com"})
    again = delete(api, package.pk, **{"Idempotency-Key": "k-1"})
    assert (again["Idempotent-Replayed"], again.content) == ("true", first.content)
    assert api.get(f"/packages/{package.pk}").json()["delegate"]["name"] == "Juhan"
    other = make_package(courier, door(location, "S2"))
    refused(delete(api, other.pk, **{"Idempotency-Key": "k-1"}), 422, "idempotency_key_reused")
    refused(delete(api, package.pk, **{"Idempotency-Key": "k 1"}), 400, "invalid_idempotency_key")


@pytest.mark.parametrize("read", [True, False])
def test_a_repeat_shows_the_delegate_again_and_nothing_of_them_is_kept(
    location: Location, courier: Courier, *, read: bool
) -> None:
    """The stored response contains neither the name nor the code."""
    shop = courier_api(courier, codes_read=read)
    package = make_package(courier, door(location, "S1"))
    path, juhan = f"/packages/{package.pk}/delegate", {"name": "Juhan Juurikas", "phone": "+3725559876"}
    first = shop.post(path, juhan, key="k-1")
    kept = IdempotencyKey.objects.get().body
    assert "Juhan" not in kept
    assert delegate_code_of(package) not in kept
    shop.post(f"{path}/resend-code", key="k-2")
    again = shop.post(path, juhan, key="k-1")
    assert again["Idempotent-Replayed"] == "true"
    assert again.content == first.content
    assert ("pickup_code" in again.json()["delegate"]) == read
    plain = courier_api(courier).post(path, juhan, key="k-1").json()
    assert "pickup_code" not in plain["delegate"]
    Delegate.objects.update(name="", phone="")  # erased
    assert shop.post(path, juhan, key="k-1").json()["delegate"] is None
    assert shop.get(f"/packages/{package.pk}").json()["delegate"] is None


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        [],
        {"name": "Juhan"},
        {"name": "", "phone": "+3725559876"},
        {"name": " ", "phone": "+3725559876"},
        {"name": "x" * 101, "phone": "+3725559876"},
        {"name": "Ju\x00han", "phone": "+3725559876"},
        {"name": "Juhan", "phone": "5559876"},
        {"name": "Juhan", "phone": "+1"},
        {"name": "Juhan", "email": "juhan"},
        {"name": "Juhan", "email": "a@example.com\r\nBcc: b@example.com"},
        {"name": "Juhan", "phone": "+3725559876", "language": "xx"},
        {"name": "Juhan", "phone": "+3725559876", "code": "123456789"},
        {"name": 7, "phone": "+3725559876"},
    ],
)
def test_delegates_that_are_not_understood(api: Api, location: Location, courier: Courier, body: Any) -> None:
    package = make_package(courier, door(location, "S1"))
    refused(api.post(f"/packages/{package.pk}/delegate", body), 422, "invalid_request")
    assert not Delegate.objects.exists()
    assert not package.events.exists()


def test_a_foreign_delegate_cannot_be_removed(api: Api, location: Location) -> None:
    foreign = make_package(make_courier("gls"), door(location, "S1"))
    code = make_delegate(foreign).code
    for package_id in (foreign.pk, uuid.uuid4()):
        refused(delete(api, package_id), 404, "unknown_package")
        refused(api.post(f"/packages/{package_id}/delegate/resend-code"), 404, "unknown_package")
    assert delegate_code_of(foreign) == code


@pytest.mark.parametrize(("call", "body"), CHANGES)
def test_a_foreign_and_a_missing_package_get_the_same_bytes(
    api: Api, location: Location, call: str, body: Any
) -> None:
    foreign = make_package(make_courier("gls"), door(location, "S1"))
    missing = uuid.uuid4()
    answers = []
    for package_id in (foreign.pk, missing):
        answer = api.post(f"/packages/{package_id}/{call}", body)
        refused(answer, 404, "unknown_package")
        answers.append(answer.content.replace(str(package_id).encode(), b"ID"))
    assert answers[0] == answers[1]
    assert Package.objects.get().updated_at == foreign.updated_at
    assert not foreign.events.exists()


@pytest.mark.parametrize("read", READS)
def test_a_foreign_package_cannot_be_read(api: Api, location: Location, read: str) -> None:
    foreign = make_package(make_courier("gls"), door(location, "S1"))
    missing = uuid.uuid4()
    answers = []
    for package_id in (foreign.pk, missing):
        answer = api.get(f"/packages/{package_id}{read}")
        refused(answer, 404, "unknown_package")
        answers.append(answer.content.replace(str(package_id).encode(), b"ID"))
    assert answers[0] == answers[1]


@pytest.mark.parametrize("package_id", ["1", "-1", str(10**20), str(2**63), "x", "%00", "é", "0" * 32 + "x"])
@pytest.mark.parametrize(("call", "body"), CHANGES)
def test_what_can_be_no_id_is_no_package(api: Api, package_id: str, call: str, body: Any) -> None:
    refused(api.post(f"/packages/{package_id}/{call}", body), 404, "unknown_package")
    refused(api.get(f"/packages/{package_id}"), 404, "unknown_package")


def test_every_change_is_replayed(courier: Courier) -> None:
    make_location("TLL-9", small=len(CHANGES))
    shop = courier_api(courier, codes_read=True)
    statuses = {
        "deposit": Status.PENDING,
        "return": Status.EXPIRED,
    }
    for number, (call, body) in enumerate(CHANGES):
        compartment = Compartment.objects.select_related("location").filter(occupancy="empty")[0]
        held_at = NOW if call == "release" else None
        package = make_package(courier, compartment, statuses.get(call, Status.STORED), held_at=held_at)
        first = shop.post(f"/packages/{package.pk}/{call}", body, key=f"k-{number}")
        second = shop.post(f"/packages/{package.pk}/{call}", body, key=f"k-{number}")
        assert first.status_code < 300, first.content
        assert (second.status_code, second.content) == (first.status_code, first.content)
        assert "Idempotent-Replayed" not in first
        assert second["Idempotent-Replayed"] == "true"
        assert package.events.count() == 1
