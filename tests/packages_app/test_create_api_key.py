"""Keys from the command line: shown once, kept nowhere, and dead once revoked."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from lockers.clock import database_now
from packages_app.access import verify
from packages_app.models import ApiKey
from tests import world

pytestmark = pytest.mark.django_db


def create(*arguments: str) -> str:
    out = StringIO()
    call_command("create_api_key", *arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


def refused(*arguments: str) -> str:
    with pytest.raises(CommandError) as raised:
        create(*arguments)
    assert not ApiKey.objects.exists()
    return str(raised.value)


def test_a_couriers_key_is_alone_on_standard_output_and_works() -> None:
    courier = world.make_courier("dpd")
    text = create("--courier", "dpd", "--name", "depot").strip()
    caller, _ = verify(text, now=database_now())
    assert caller is not None
    assert caller.actor.courier_id == courier.pk
    assert caller.scopes == {"packages"}
    assert ApiKey.objects.get().name == "depot"


def test_a_couriers_key_may_read_codes_when_asked() -> None:
    world.make_courier("dpd")
    text = create("--courier", "dpd", "--scope", "packages", "--scope", "codes:read").strip()
    caller, _ = verify(text, now=database_now())
    assert caller is not None
    assert caller.reads_codes


def test_a_kiosks_key_works_at_its_location() -> None:
    kiosk = world.make_kiosk(world.make_location("TLL-1"), "front")
    caller, _ = verify(create("--kiosk", "TLL-1/front").strip(), now=database_now())
    assert caller is not None
    assert (caller.kiosk_id, caller.location_id) == (kiosk.pk, kiosk.location_id)
    assert caller.scopes == {"pickup"}


def test_it_lives_so_many_days() -> None:
    world.make_courier("dpd")
    text = create("--courier", "dpd", "--days", "2").strip()
    assert verify(text, now=database_now() + timedelta(days=1))[0] is not None
    assert verify(text, now=database_now() + timedelta(days=3))[0] is None


@pytest.mark.parametrize("days", ["0", "366", "-1"])
def test_no_life_beyond_a_year_or_before_a_day(days: str) -> None:
    world.make_courier("dpd")
    assert "1 to 365" in refused("--courier", "dpd", f"--days={days}")


def test_no_key_for_nobody() -> None:
    world.make_location("TLL-1")
    assert "no courier nobody" in refused("--courier", "nobody")
    assert "no kiosk TLL-1/front" in refused("--kiosk", "TLL-1/front")
    assert "LOCATION/NAME" in refused("--kiosk", "TLL-1")


def test_an_owner_is_needed_and_only_one() -> None:
    world.make_courier("dpd")
    refused()
    refused("--courier", "dpd", "--kiosk", "TLL-1/front")


def test_no_scope_that_such_a_key_cannot_have() -> None:
    world.make_courier("dpd")
    world.make_kiosk(world.make_location("TLL-1"), "front")
    assert "pickup" in refused("--courier", "dpd", "--scope", "pickup")
    assert "codes:read" in refused("--kiosk", "TLL-1/front", "--scope", "codes:read")


def test_the_text_is_in_no_table() -> None:
    world.make_courier("dpd")
    text = create("--courier", "dpd").strip()
    secret = text.split("_")[3]
    (row,) = ApiKey.objects.values()
    assert secret not in repr(row)
    assert secret.encode() not in bytes(row["digest"])


def test_a_revoked_key_opens_nothing_and_stays_revoked() -> None:
    world.make_courier("dpd")
    text = create("--courier", "dpd").strip()
    key_id = text.split("_")[2]
    out = StringIO()
    call_command("revoke_api_key", key_id, stdout=out)
    assert text not in out.getvalue()
    assert verify(text, now=database_now()) == (None, f"revoked {key_id}")
    first = ApiKey.objects.get().revoked_at
    call_command("revoke_api_key", key_id, stdout=out)
    assert ApiKey.objects.get().revoked_at == first


def test_an_unknown_key_cannot_be_revoked() -> None:
    with pytest.raises(CommandError, match="no such key"):
        call_command("revoke_api_key", "zzzzzzzz")
