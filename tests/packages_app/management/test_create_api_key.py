"""Keys from the command line: shown once, kept nowhere, and dead once revoked."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from common.clock import database_now
from packages_app.keys.checking import verify
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


@pytest.mark.parametrize("command", ["revoke_api_key", "rotate_api_key", "limit_api_key"])
def test_nothing_is_done_to_an_unknown_key(command: str) -> None:
    with pytest.raises(CommandError, match="no such key"):
        call_command(command, "zzzzzzzz")


def test_a_key_bound_to_places_and_networks() -> None:
    world.make_courier("dpd")
    places = [world.make_location(code) for code in ("TLL-1", "RIX-1", "VNO-1")]
    arguments = [
        "--location",
        "TLL-1",
        "--location",
        "RIX-1",
        "--network",
        "192.0.2.0/24",
        "--network",
        "::1",
    ]
    create("--courier", "dpd", *arguments)
    key = ApiKey.objects.get()
    assert key.location_ids == [place.pk for place in places[:2]]
    assert key.networks == ["192.0.2.0/24", "::1/128"]
    assert key.made_by == "command"


def test_a_sandbox_key() -> None:
    world.make_courier("dpd")
    world.make_location("SANDBOX-1", sandbox=True)
    text = create("--courier", "dpd", "--test", "--location", "SANDBOX-1").strip()
    assert text.startswith("plk_test_")
    caller, _ = verify(text, now=database_now())
    assert caller is not None
    assert caller.actor.sandbox


def test_no_key_bound_to_what_is_not_there() -> None:
    world.make_courier("dpd")
    world.make_kiosk(world.make_location("TLL-1"), "front")
    world.make_location("SANDBOX-1", sandbox=True)
    assert "no location XXX" in refused("--courier", "dpd", "--location", "XXX")
    assert "no location SANDBOX-1" in refused("--courier", "dpd", "--location", "SANDBOX-1")
    assert "no sandbox location TLL-1" in refused("--courier", "dpd", "--test", "--location", "TLL-1")
    assert "not a network" in refused("--courier", "dpd", "--network", "192.0.2.1/24")
    assert "own location" in refused("--kiosk", "TLL-1/front", "--location", "TLL-1")
    assert "own location" in refused("--kiosk", "TLL-1/front", "--test")


def test_a_key_with_a_rate_limit_of_its_own() -> None:
    world.make_courier("dpd")
    assert "goes with" in refused("--courier", "dpd", "--burst", "10")
    assert "1 or more" in refused("--courier", "dpd", "--calls-per-second", "0", "--burst", "0")
    create("--courier", "dpd", "--calls-per-second", "10", "--burst", "15")
    key = ApiKey.objects.get()
    assert (key.calls_per_second, key.burst) == (10, 15)


def test_a_rate_limit_given_and_taken_away() -> None:
    world.make_courier("dpd")
    key_id = create("--courier", "dpd").split("_")[2]

    def limit(*arguments: str) -> tuple[int | None, int | None]:
        call_command("limit_api_key", key_id, *arguments, stdout=StringIO())
        key = ApiKey.objects.get()
        return key.calls_per_second, key.burst

    assert limit("--calls-per-second", "10") == (10, 50)
    assert limit("--calls-per-second", "10", "--burst", "12") == (10, 12)
    for nonsense in (["--burst", "5"], ["--calls-per-second", "0"], ["--calls-per-second=5", "--burst=-1"]):
        with pytest.raises(CommandError):
            limit(*nonsense)
    assert limit() == (None, None)


def rotate(*arguments: str) -> str:
    out = StringIO()
    call_command("rotate_api_key", *arguments, stdout=out, stderr=StringIO())
    return out.getvalue().strip()


def test_a_rotated_key_lives_on_for_a_while() -> None:
    world.make_courier("dpd")
    old = create("--courier", "dpd").strip()
    key_id = old.split("_")[2]
    new = rotate(key_id, "--hours", "2")
    assert verify(new, now=database_now())[0] is not None
    assert verify(old, now=database_now() + timedelta(hours=1))[0] is not None
    assert verify(old, now=database_now() + timedelta(hours=3))[0] is None
    with pytest.raises(CommandError, match="rotated before"):
        rotate(key_id)


@pytest.mark.parametrize("hours", ["-1", "169"])
def test_an_old_key_lives_on_for_a_week_at_the_most(hours: str) -> None:
    world.make_courier("dpd")
    key_id = create("--courier", "dpd").split("_")[2]
    with pytest.raises(CommandError, match="0 to 168"):
        rotate(key_id, f"--hours={hours}")
    assert ApiKey.objects.count() == 1


def test_the_list_shows_what_opens_something_and_never_a_text() -> None:
    world.make_courier("dpd")
    world.make_courier("gls")
    world.make_kiosk(world.make_location("TLL-1"), "front")
    texts = [
        create("--courier", "dpd", "--name", "depot", "--network", "192.0.2.0/24"),
        create("--courier", "dpd", "--test"),
        create("--courier", "gls", "--location", "TLL-1"),
        create("--kiosk", "TLL-1/front"),
        create("--courier", "dpd"),
    ]
    ids = [text.split("_")[2] for text in texts]
    call_command("revoke_api_key", ids[4], stdout=StringIO())

    def listed(*arguments: str) -> str:
        out = StringIO()
        call_command("list_api_keys", *arguments, stdout=out)
        return out.getvalue()

    shown = listed()
    assert [key_id for key_id in ids if key_id in shown] == ids[:4]
    assert [key_id for key_id in ids if key_id in listed("--all")] == ids
    assert [key_id for key_id in ids if key_id in listed("--courier", "dpd")] == ids[:2]
    for fact in ("from 192.0.2.0/24", "depot", "at TLL-1", "never used", "by command", "kiosk TLL-1 front"):
        assert fact in shown
    assert not [text for text in texts if text.split("_")[3] in listed("--all")]
