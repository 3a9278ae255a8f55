"""Keys: their form, who they are, why one opens nothing; and which packages exist for whom."""

from __future__ import annotations

import hmac
import re
from datetime import timedelta
from hashlib import sha256
from ipaddress import ip_address
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from lockers.models import Membership
from packages_app import access
from packages_app.access import SYSTEM, Actor, caller_of, make_key, revoke, verify
from packages_app.keys import key_text
from packages_app.models import ApiKey, Package
from tests.world import NOW, actor, door, make_courier, make_kiosk, make_location, make_package

pytestmark = pytest.mark.django_db

FORM = r"plk_(live|test|kiosk)_[0-9A-Za-z]{8}_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}"


@pytest.fixture
def no_look_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(sql: str, params: Any) -> Any:
        raise AssertionError("the database was asked")

    monkeypatch.setattr(access, "fetch", fetch)


def test_a_key_has_its_form_and_only_its_digest_is_kept() -> None:
    key, text = make_key(courier=make_courier(), name="web shop")
    assert re.fullmatch(FORM, text)
    body = text.rpartition("_")[0]
    row = ApiKey.objects.get(pk=key.pk)
    assert bytes(row.digest) == sha256(body.encode()).digest()
    secret = body.rpartition("_")[2]
    assert secret not in repr(ApiKey.objects.filter(pk=key.pk).values().get())
    assert secret not in str(row)
    assert str(row) == f"plk_live_{row.key_id}_…"


@pytest.mark.parametrize(
    ("kind", "arguments"), [("live", {}), ("test", {"test": True}), ("kiosk", {"kiosk": True})]
)
def test_the_kind_stands_in_front(kind: str, arguments: dict[str, Any]) -> None:
    owner: dict[str, Any] = {"courier": make_courier(), **arguments}
    if kind == "kiosk":
        owner = {"kiosk": make_kiosk(make_location())}
    key, text = make_key(**owner)
    assert text.startswith(f"plk_{kind}_{key.key_id}_")
    assert verify(text, now=timezone.now())[0] is not None


def test_no_two_keys_are_alike() -> None:
    courier = make_courier()
    assert len({make_key(courier=courier)[1] for _ in range(20)}) == 20


def test_a_key_lives_for_a_year_at_the_most() -> None:
    with pytest.raises(ValueError, match="365 days"):
        make_key(courier=make_courier(), life=timedelta(days=365, seconds=1))
    assert not ApiKey.objects.exists()


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
    assert (caller.kiosk_id, caller.location_id, caller.time_zone) == (
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

    monkeypatch.setattr("packages_app.access.hmac.compare_digest", compare)
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
    revoke(key, now=now)
    assert verify(text, now=now) == (None, f"revoked {key.key_id}")


def test_a_revoked_key_keeps_its_first_moment() -> None:
    key, _ = make_key(courier=make_courier())
    revoke(key, now=NOW)
    revoke(key, now=NOW + timedelta(days=1))
    assert ApiKey.objects.get(pk=key.pk).revoked_at == NOW


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
    revoke(key, now=now)
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


def test_which_packages_exist_for_whom() -> None:
    here, there = make_location("TLL-1"), make_location("RIX-1")
    dpd, gls = make_courier("dpd"), make_courier("gls")
    one = make_package(dpd, door(here, "S1"))
    two = make_package(gls, door(here, "S2"))
    three = make_package(gls, door(there, "S1"))
    manager = User.objects.create_user("mia")
    Membership.objects.create(user=manager, location=there)
    staff = User.objects.create_user("sam", is_staff=True)

    def seen(who: Actor) -> set[Package]:
        return set(who.packages())

    assert seen(actor(dpd)) == {one}
    assert seen(actor(gls)) == {two, three}
    assert seen(Actor(name="kiosk", location_id=here.pk)) == {one, two}
    assert seen(Actor.of_user(manager)) == {three}
    assert seen(Actor.of_user(staff)) == {one, two, three}
    assert seen(SYSTEM) == {one, two, three}
    assert str(Actor.of_user(manager)) == "manager:mia"
    assert str(Actor.of_user(staff)) == "staff:sam"


def test_networks_are_asked_for_only_where_a_key_has_some() -> None:
    def whence() -> Any:
        raise AssertionError("nobody needs it")

    free, text = make_key(courier=make_courier())
    assert verify(text, now=timezone.now(), whence=whence)[0] is not None
    assert caller_of(free.pk, now=timezone.now(), whence=whence) is not None


def test_a_key_with_networks_opens_nothing_from_nowhere() -> None:
    key, text = make_key(courier=make_courier(), networks=["192.0.2.0/24"])
    assert verify(text, now=timezone.now()) == (None, f"wrong network {key.key_id}")
    assert caller_of(key.pk, now=timezone.now()) is None
    assert ApiKey.objects.get(pk=key.pk).last_used_at is None
    inside = ip_address("192.0.2.1")
    assert verify(text, now=timezone.now(), whence=lambda: inside)[0] is not None
