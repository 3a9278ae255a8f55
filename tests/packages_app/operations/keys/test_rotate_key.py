"""A key is replaced: same rights, two live at a time, and no third."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from packages_app import operations
from packages_app.core.actor import Actor
from packages_app.keys.checking import verify
from packages_app.models import ApiKey
from packages_app.operations.keys.rotate_key import CannotRotate
from tests.races.together import kinds, together
from tests.world import make_courier, make_key, make_kiosk, make_location, revoke_key

pytestmark = pytest.mark.django_db(transaction=True)

BY = Actor(name="staff:sam")


def live() -> datetime:
    """Keys are made now, whatever the clock of other tests says."""
    return ApiKey.objects.earliest("created_at").created_at


def rotate(key: ApiKey, **more: timedelta) -> tuple[ApiKey, str]:
    return operations.rotate_key(key_pk=key.pk, by=BY, now=live(), **more)


def test_the_new_key_can_do_what_the_old_one_can() -> None:
    place = make_location()
    old, old_text = make_key(
        courier=make_courier(),
        scopes=["packages", "codes:read"],
        name="web shop",
        life=timedelta(days=90),
        location_ids=[place.pk],
        networks=["192.0.2.0/24"],
    )
    new, text = rotate(old)
    assert new.replaces == old
    assert new.made_by == "staff:sam"
    same = ("kind", "courier", "kiosk", "name", "scopes", "location_ids", "networks")
    assert [getattr(new, name) for name in same] == [getattr(old, name) for name in same]
    assert abs((new.expires_at - new.created_at) - timedelta(days=90)) < timedelta(minutes=1)
    assert text != old_text
    assert old_text.split("_")[3] not in text


def test_both_work_until_the_old_one_s_time_is_over() -> None:
    old, old_text = make_key(courier=make_courier())
    _, text = rotate(old)
    a_day = live() + timedelta(days=1)
    for moment, works in ((live(), True), (a_day - timedelta(seconds=1), True), (a_day, False)):
        assert (verify(old_text, now=moment)[0] is not None) == works
        assert verify(text, now=moment)[0] is not None
    assert verify(old_text, now=a_day) == (None, f"expired {old.key_id}")


@pytest.mark.parametrize("hours", [0, 1, 168])
def test_how_long_the_old_one_lives_on_is_chosen(hours: int) -> None:
    old, _ = make_key(courier=make_courier())
    rotate(old, overlap=timedelta(hours=hours))
    old.refresh_from_db()
    assert old.expires_at == live() + timedelta(hours=hours)


@pytest.mark.parametrize("overlap", [timedelta(days=7, seconds=1), timedelta(seconds=-1)])
def test_it_does_not_live_on_for_longer(overlap: timedelta) -> None:
    old, _ = make_key(courier=make_courier())
    with pytest.raises(CannotRotate, match="7 days"):
        rotate(old, overlap=overlap)
    assert ApiKey.objects.get() == old


def test_a_rotation_never_prolongs_the_old_one() -> None:
    old, _ = make_key(courier=make_courier(), life=timedelta(hours=2))
    rotate(old)
    assert ApiKey.objects.get(pk=old.pk).expires_at == old.expires_at


@pytest.mark.parametrize("end", ["revoked", "expired"])
def test_a_dead_key_is_not_brought_back(end: str) -> None:
    old, _ = make_key(courier=make_courier())
    if end == "revoked":
        revoke_key(old, now=live())
    else:
        ApiKey.objects.filter(pk=old.pk).update(expires_at=live())
    with pytest.raises(CannotRotate, match="expired or revoked"):
        rotate(old)
    assert ApiKey.objects.count() == 1


def test_two_of_a_line_live_and_no_third() -> None:
    first, _ = make_key(courier=make_courier())
    second, _ = rotate(first)
    with pytest.raises(CannotRotate, match="rotated before"):
        rotate(first)
    with pytest.raises(CannotRotate, match="still works"):
        rotate(second)
    first.refresh_from_db()
    revoke_key(first, now=live())
    third, text = rotate(second)
    assert third.replaces == second
    assert verify(text, now=live())[0] is not None


@pytest.mark.parametrize("kind", ["test", "kiosk"])
def test_keys_of_other_kinds_stay_what_they_are(kind: str) -> None:
    owner = {"kiosk": make_kiosk(make_location())} if kind == "kiosk" else {"courier": make_courier()}
    old, old_text = make_key(**owner, test=kind == "test")
    new, text = rotate(old)
    assert (new.kind, new.courier, new.kiosk) == (kind, old.courier, old.kiosk)
    before, after = (verify(one, now=live())[0] for one in (old_text, text))
    assert before is not None
    assert after is not None
    assert (before.actor, before.scopes) == (after.actor, after.scopes)


def test_of_many_rotations_at_once_one_succeeds() -> None:
    old, _ = make_key(courier=make_courier())
    now = live()
    results = together(*(lambda: operations.rotate_key(key_pk=old.pk, by=BY, now=now) for _ in range(8)))
    assert kinds(results) == {"ok": 1, "CannotRotate": 7}
    assert ApiKey.objects.count() == 2
