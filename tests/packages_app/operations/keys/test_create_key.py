"""Keys: their form, how long they live, and that their secret is kept nowhere."""

from __future__ import annotations

import re
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from django.utils import timezone

from packages_app.keys.checking import verify
from packages_app.models import ApiKey
from tests.world import NOW, make_courier, make_key, make_kiosk, make_location, revoke_key

pytestmark = pytest.mark.django_db

FORM = r"plk_(live|test|kiosk)_[0-9A-Za-z]{8}_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}"


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


def test_a_revoked_key_keeps_its_first_moment() -> None:
    key, _ = make_key(courier=make_courier())
    revoke_key(key, now=NOW)
    revoke_key(key, now=NOW + timedelta(days=1))
    assert ApiKey.objects.get(pk=key.pk).revoked_at == NOW
