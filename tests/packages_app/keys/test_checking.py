"""Whom a key text belongs to, and why one opens nothing."""

from __future__ import annotations

import hmac
from dataclasses import replace
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any
from unittest.mock import Mock

import pytest
from django.conf import settings
from django.db import DataError, transaction
from django.utils import timezone

from common.clock import database_now
from common.sql import ExtraQuery, fetch
from packages_app.keys import checking, key_text
from packages_app.keys.checking import caller_of, verify
from packages_app.models import ApiKey
from tests.world import NOW, make_courier, make_key, make_kiosk, make_location, revoke_key

pytestmark = pytest.mark.django_db


@pytest.fixture
def no_look_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(sql: str, params: Any) -> Any:
        raise AssertionError("the database was asked")

    monkeypatch.setattr(checking, "fetch", fetch)


def test_a_courier_s_caller() -> None:
    courier = make_courier()
    key, text = make_key(courier=courier, scopes=["packages", "codes:read"])
    caller, why = verify(text, now=timezone.now())
    assert why == ""
    assert caller is not None
    assert (caller.key_id, caller.actor.name, caller.actor.courier_id) == (key.pk, "courier:dpd", courier.pk)
    assert caller.reads_codes
    assert caller.kiosk_id is caller.location_id is None


def test_a_kiosk_s_caller_knows_its_own_location_only() -> None:
    location = make_location(time_zone="Europe/Tallinn")
    make_location("RIX-1")
    kiosk = make_kiosk(location)
    caller, _ = verify(make_key(kiosk=kiosk)[1], now=timezone.now())
    assert caller is not None
    assert (caller.kiosk_id, caller.location_id, caller.actor.time_zone) == (
        kiosk.pk,
        location.pk,
        "Europe/Tallinn",
    )
    assert caller.actor.name == "kiosk:TLL-1/screen"
    assert caller.scopes == {"pickup"}
    assert not caller.reads_codes
    assert list(caller.locations()) == [location]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: "",
        lambda text: "x",
        lambda text: text.upper(),
        lambda text: text[:-1],
        lambda text: text + "_",
        lambda text: text + "x" * 100,
        lambda text: text.replace("plk", "PLK"),
        lambda text: text.replace("_", "-"),
        lambda text: "é" + text,
        lambda text: text[4:],
    ],
)
def test_what_is_no_key_is_refused_without_a_look_up(spoil: Any, no_look_up: None) -> None:
    _, text = make_key(courier=make_courier())
    caller, why = verify(spoil(text), now=timezone.now())
    assert caller is None
    assert why in ("malformed", "bad checksum")


def test_a_mistyped_key_is_refused_by_its_checksum_without_a_look_up(no_look_up: None) -> None:
    _, text = make_key(courier=make_courier())
    swapped = text[:20] + ("a" if text[20] != "a" else "b") + text[21:]
    assert verify(swapped, now=timezone.now()) == (None, "bad checksum")


def forged(text: str, **parts: str) -> str:
    """The key with other parts and the checksum that belongs to them (anybody can compute one)."""
    _, kind, key_id, secret, _ = text.split("_")
    body = f"plk_{parts.get('kind', kind)}_{parts.get('key_id', key_id)}_{parts.get('secret', secret)}"
    return f"{body}_{key_text.checksum(body)}"


@pytest.mark.parametrize(
    "parts",
    [
        {"secret": "0" * 43},
        {"key_id": "00000000"},
        {"kind": "test"},
        {"kind": "kiosk"},
        {"kind": "x" * 20},
        {"key_id": "0" * 20},
        {"key_id": "abc\x00defg"},
        {"kind": "\x00"},
        {"secret": ""},
    ],
)
def test_a_forged_key_is_unknown(parts: dict[str, str]) -> None:
    _, text = make_key(courier=make_courier())
    assert forged(text) == text
    caller, why = verify(forged(text, **parts), now=timezone.now())
    assert caller is None
    assert why in ("unknown", "malformed")


def test_an_unknown_id_is_compared_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """It must not answer sooner than a wrong secret."""
    compared = []
    real = hmac.compare_digest

    def compare(a: Any, b: Any) -> bool:
        compared.append((a, b))
        return bool(real(a, b))

    monkeypatch.setattr("packages_app.keys.checking.hmac.compare_digest", compare)
    _, text = make_key(courier=make_courier())
    verify(forged(text, key_id="00000000"), now=timezone.now())
    unknown = len(compared)
    compared.clear()
    verify(forged(text, secret="0" * 43), now=timezone.now())
    assert unknown == len(compared) == 2


def test_expired_revoked_inactive() -> None:
    courier = make_courier()
    key, text = make_key(courier=courier)
    now = timezone.now()
    assert verify(text, now=key.expires_at - timedelta(seconds=1))[0] is not None
    assert verify(text, now=key.expires_at) == (None, f"expired {key.key_id}")
    courier.active = False
    courier.save()
    assert verify(text, now=now) == (None, f"courier inactive {key.key_id}")
    courier.active = True
    courier.save()
    assert verify(text, now=now)[0] is not None
    revoke_key(key, now=now)
    assert verify(text, now=now) == (None, f"revoked {key.key_id}")


def test_last_used_is_written_once_a_minute(django_assert_num_queries: Any) -> None:
    """Counted are the writes: the look-up itself goes past Django's count."""
    key, text = make_key(courier=make_courier())

    def used_at(seconds: float, writes: int) -> Any:
        with django_assert_num_queries(writes):
            verify(text, now=NOW + timedelta(seconds=seconds))
        return ApiKey.objects.get(pk=key.pk).last_used_at

    assert used_at(0, 1) == NOW
    assert used_at(30, 0) == NOW
    assert used_at(60, 0) == NOW
    assert used_at(61, 1) == NOW + timedelta(seconds=61)


def test_a_refused_key_is_not_used() -> None:
    key, text = make_key(courier=make_courier())
    verify(text, now=key.expires_at)
    assert ApiKey.objects.get(pk=key.pk).last_used_at is None


def test_a_connected_screen_s_key_is_checked_again() -> None:
    key, _ = make_key(kiosk=make_kiosk(make_location()))
    now = timezone.now()
    caller = caller_of(key.pk, now=now)
    assert caller is not None
    assert caller.kiosk_id == key.kiosk_id
    assert ApiKey.objects.get(pk=key.pk).last_used_at == now
    assert caller_of(key.pk, now=key.expires_at) is None
    revoke_key(key, now=now)
    assert caller_of(key.pk, now=now) is None
    assert caller_of(0, now=now) is None


def test_a_courier_s_key_opens_no_door_whatever_its_scopes_say() -> None:
    caller, _ = verify(make_key(courier=make_courier(), scopes=["packages", "pickup"])[1], now=timezone.now())
    assert caller is not None
    assert caller.scopes == {"packages"}


def test_a_kiosk_s_key_is_no_courier_whatever_its_scopes_say() -> None:
    kiosk = make_kiosk(make_location())
    caller, _ = verify(
        make_key(kiosk=kiosk, scopes=["pickup", "packages", "codes:read"])[1], now=timezone.now()
    )
    assert caller is not None
    assert caller.scopes == {"pickup"}


def test_networks_are_asked_for_only_where_a_key_has_some() -> None:
    def no_address() -> Any:
        raise AssertionError("nobody needs it")

    assert (
        verify(make_key(courier=make_courier())[1], now=timezone.now(), client_address=no_address)[0]
        is not None
    )
    free, text = make_key(kiosk=make_kiosk(make_location()))
    assert verify(text, now=timezone.now(), client_address=no_address)[0] is not None
    assert caller_of(free.pk, now=timezone.now(), client_address=no_address) is not None


def test_a_key_with_networks_opens_nothing_from_nowhere() -> None:
    key, text = make_key(kiosk=make_kiosk(make_location()), networks=["192.0.2.0/24"])
    assert verify(text, now=timezone.now()) == (None, f"wrong network {key.key_id}")
    assert caller_of(key.pk, now=timezone.now()) is None
    assert ApiKey.objects.get(pk=key.pk).last_used_at is None
    inside = ip_address("192.0.2.1")
    assert verify(text, now=timezone.now(), client_address=lambda: inside)[0] is not None


EXTRA = ExtraQuery("SELECT name FROM lockers_location WHERE code = %(code)s", {"code": "TLL-1"})


def test_an_extra_query_is_answered_with_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    location = make_location()
    _, text = make_key(courier=make_courier())
    asking = Mock(side_effect=fetch)
    monkeypatch.setattr(checking, "fetch", asking)
    caller, _ = verify(text, now=timezone.now(), extra_query=EXTRA)
    assert caller is not None
    assert caller.extra_answer == location.name
    asking.assert_called_once()
    caller, _ = verify(text, now=timezone.now(), extra_query=replace(EXTRA, params={"code": "?"}))
    assert caller is not None
    assert caller.extra_answer is None


def test_without_a_valid_key_the_extra_query_is_not_run() -> None:
    make_location()
    key, text = make_key(courier=make_courier())
    assert verify(forged(text, key_id="00000000"), now=timezone.now(), extra_query=EXTRA) == (None, "unknown")
    assert verify(forged(text, secret="0" * 43), now=timezone.now(), extra_query=EXTRA) == (None, "unknown")
    revoke_key(key, now=timezone.now())
    assert verify(text, now=timezone.now(), extra_query=EXTRA) == (None, f"revoked {key.key_id}")


def test_a_wrong_secret_is_no_reason_to_look_anything_up() -> None:
    _, text = make_key(courier=make_courier())
    fails = ExtraQuery("SELECT 1 / count(*) FROM lockers_location WHERE code = %(code)s", {"code": "?"})
    assert verify(forged(text, secret="0" * 43), now=timezone.now(), extra_query=fails) == (None, "unknown")
    with pytest.raises(DataError, match="division by zero"), transaction.atomic():
        verify(text, now=timezone.now(), extra_query=fails)


def test_a_kiosks_key_has_no_extra_query() -> None:
    caller, _ = verify(make_key(kiosk=make_kiosk(make_location()))[1], now=timezone.now(), extra_query=EXTRA)
    assert caller is not None
    assert caller.extra_answer is None


def test_each_caller_waits_for_a_while_by_the_database_s_clock() -> None:
    caller, _ = verify(make_key(courier=make_courier())[1], now=NOW)
    assert caller is not None
    assert caller.actor.until is not None
    left = datetime.fromisoformat(caller.actor.until) - database_now()
    assert timedelta(0) < left < timedelta(seconds=settings.DATABASE_PATIENCE_SECONDS)


def test_a_courier_s_key_is_no_screen() -> None:
    key, _ = make_key(courier=make_courier())
    assert caller_of(key.pk, now=timezone.now()) is None
