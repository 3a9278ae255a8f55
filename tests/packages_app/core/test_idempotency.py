"""The same Idempotency-Key, the same answer; the row that keeps it holds no code."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.conf import settings as django_settings
from django.db import OperationalError

from packages_app.core import idempotency
from packages_app.core.idempotency import VISIBLE_ASCII, Receipt, fingerprint, purge_due
from packages_app.models import IdempotencyKey, Package
from packages_app.payloads.answer import Answer
from packages_app.secrets import pickup_codes
from tests.world import NOW, code_of, courier_api, door, make_courier, make_location, make_package, parcel

pytestmark = pytest.mark.django_db


def test_the_fingerprint_is_of_the_meaning_not_of_the_spelling() -> None:
    one = fingerprint("POST", "/a", b'{"a": 1, "b": [1, 2]}')
    assert one == fingerprint("POST", "/a", b'{"b":[1,2],\n"a":1}')
    others = {
        fingerprint("PUT", "/a", b'{"a": 1, "b": [1, 2]}'),
        fingerprint("POST", "/b", b'{"a": 1, "b": [1, 2]}'),
        fingerprint("POST", "/a", b'{"a": 1, "b": [2, 1]}'),
        fingerprint("POST", "/a", b'{"a": "1", "b": [1, 2]}'),
        fingerprint("POST", "/a", b"no json"),
        fingerprint("POST", "/a", b""),
    }
    assert one not in others
    assert len(others) == 6
    assert fingerprint("POST", "/a", b"") == fingerprint("POST", "/a", b"{}")


@pytest.mark.parametrize("body", [b"\xff\xfe", b"[" * 60_000, b'"\\ud800"', b"9" * 5000, b"NaN", b"\x00"])
def test_the_fingerprint_takes_any_body(body: bytes) -> None:
    assert len(fingerprint("POST", "/a", body)) == 32


@pytest.mark.parametrize("key", ["k", "!", "~" * 255, "2f1e-77"])
def test_keys_that_are_taken(key: str) -> None:
    assert VISIBLE_ASCII.match(key)


@pytest.mark.parametrize("key", ["", " ", "a b", "~" * 256, "ä", "a\n", "a\x7f", "\x00", "a\t"])
def test_keys_that_are_not(key: str) -> None:
    assert not VISIBLE_ASCII.match(key)


def test_a_repeat_gets_equal_bytes_with_the_code_and_the_row_keeps_none() -> None:
    location = make_location()
    shop = courier_api(make_courier(), codes_read=True)
    body = parcel(location, "T-1")
    first = shop.post("/lockers/assign", body, key="k-1")
    second = shop.post("/lockers/assign", body, key="k-1")
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    assert "Idempotent-Replayed" not in first
    assert second["Idempotent-Replayed"] == "true"
    code = first.json()["pickup_code"]
    assert code == code_of(Package.objects.get())
    row = IdempotencyKey.objects.get()
    assert code not in row.body
    assert pickup_codes.shown(code) not in row.body


def test_an_answer_kept_before_compartments_were_kept_apart_is_repeated_as_it_was() -> None:
    """It held the compartment in its body; the first deployment that keeps it apart finds some of these."""
    api = courier_api(make_courier())
    body = parcel(make_location(), "T-1")
    first = api.post("/lockers/assign", body, key="k-1")
    IdempotencyKey.objects.update(body=json.dumps({"body": first.json(), "code_of": []}))
    assert api.post("/lockers/assign", body, key="k-1").content == first.content


def test_a_repeat_shows_the_code_as_it_was_after_a_new_one_was_made() -> None:
    """The answer of a request does not change; the package itself tells what is true now."""
    shop = courier_api(make_courier(), codes_read=True)
    body = parcel(make_location(), "T-1")
    first = shop.post("/lockers/assign", body, key="k-1")
    shop.post(f"/packages/{first.json()['id']}/resend-code")
    assert shop.post("/lockers/assign", body, key="k-1").content == first.content
    now = shop.get(f"/packages/{first.json()['id']}").json()["pickup_code"]
    assert now == code_of(Package.objects.get()) != first.json()["pickup_code"]


def test_a_key_without_the_scope_repeats_without_the_code() -> None:
    courier = make_courier()
    body = parcel(make_location(), "T-1")
    first = courier_api(courier, codes_read=True).post("/lockers/assign", body, key="k-1")
    second = courier_api(courier).post("/lockers/assign", body, key="k-1")
    assert second["Idempotent-Replayed"] == "true"
    expected = first.json()
    del expected["pickup_code"]
    assert second.json() == expected


def test_a_refusal_is_kept_and_repeated() -> None:
    location = make_location(small=1, medium=0, large=0)
    courier = make_courier()
    api = courier_api(courier)
    held = make_package(courier, door(location, "S1"))
    first = api.post("/lockers/assign", parcel(location, "T-9"), key="k-1")
    assert first.json()["code"] == "location_full"
    Package.objects.filter(pk=held.pk).update(
        status="RETRIEVED", retrieved_at=NOW, released_at=NOW, code_mac=None
    )
    door(location, "S1").release()
    second = api.post("/lockers/assign", parcel(location, "T-9"), key="k-1")
    assert (second.status_code, second.content) == (409, first.content)
    assert second["Idempotent-Replayed"] == "true"
    assert second["Content-Type"] == "application/problem+json"
    assert api.post("/lockers/assign", parcel(location, "T-9"), key="k-2").status_code == 201


def test_another_body_under_the_key_is_422_and_does_nothing() -> None:
    api = courier_api(make_courier())
    location = make_location()
    api.post("/lockers/assign", parcel(location, "T-1"), key="k-1")
    other = api.post("/lockers/assign", parcel(location, "T-2"), key="k-1")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert Package.objects.count() == 1
    elsewhere = api.post(f"/packages/{Package.objects.get().pk}/cancel", key="k-1")
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (422, "idempotency_key_reused")


@pytest.mark.parametrize(
    ("body", "key", "status"),
    [
        ({"location": "TLL-1"}, "k-1", 422),
        ("{", "k-1", 400),
        (None, "k 1", 400),
        (None, "", 400),
        (None, "x" * 256, 400),
    ],
)
def test_what_is_not_valid_takes_no_key(body: object, key: str, status: int) -> None:
    location = make_location()
    api = courier_api(make_courier())
    answer = api.post("/lockers/assign", parcel(location, "T-1") if body is None else body, key=key)
    assert answer.status_code == status
    assert not IdempotencyKey.objects.exists()
    assert not Package.objects.exists()
    assert api.post("/lockers/assign", parcel(location, "T-1"), key="k-1").status_code == 201


def test_a_refused_key_keeps_no_answer() -> None:
    location, courier = make_location(), make_courier()
    api = courier_api(courier)
    courier.active = False
    courier.save()
    assert api.post("/lockers/assign", parcel(location, "T-1"), key="k-1").status_code == 401
    courier.active = True
    courier.save()
    assert api.post("/lockers/assign", parcel(location, "T-1"), key="k-1").status_code == 201


def test_a_fault_of_ours_and_a_database_away_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    location = make_location()
    api = courier_api(make_courier())
    real = idempotency.Receipt.text
    for fault, status in ((ZeroDivisionError(), 500), (OperationalError("gone"), 503)):

        def fail(receipt: Receipt, answer: Answer, fault: Exception = fault) -> str:
            raise fault

        monkeypatch.setattr(idempotency.Receipt, "text", fail)
        answer = api.post("/lockers/assign", parcel(location, "T-1"), key="k-1")
        assert answer.status_code == status
        assert answer["Content-Type"] == "application/problem+json"
        assert not Package.objects.exists()
        assert not IdempotencyKey.objects.exists()
    monkeypatch.setattr(idempotency.Receipt, "text", real)
    assert api.post("/lockers/assign", parcel(location, "T-1"), key="k-1").status_code == 201


def test_old_keys_are_forgotten_in_batches() -> None:
    courier = make_courier()
    keep = django_settings.IDEMPOTENCY_KEEP
    assert keep == timedelta(hours=72)
    IdempotencyKey.objects.bulk_create(
        IdempotencyKey(courier=courier, key=f"{age}", fingerprint=b"f" * 32, created_at=NOW - age * keep / 10)
        for age in range(8, 15)
    )
    assert purge_due(now=NOW, batch=2) == 4
    assert {row.key for row in IdempotencyKey.objects.all()} == {"8", "9", "10"}
    assert purge_due(now=NOW) == 0


def test_what_is_kept_can_be_read_by_people() -> None:
    api = courier_api(make_courier())
    answer = api.post("/lockers/assign", parcel(make_location(), "T-1"), key="k-1")
    row = IdempotencyKey.objects.get()
    assert row.status == 201
    kept, shown = json.loads(row.body), answer.json()
    assert kept["answer"]["body"] == {**shown, "compartment": None}
    assert kept["compartment"] == [shown["compartment"]["id"], "A", "S1", 1]
    assert str(row) == f"{row.courier_id}: k-1"
