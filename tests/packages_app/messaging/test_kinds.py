"""The table of kinds, and what becomes of a message whose reason has gone."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from django.conf import settings

from lockers.models import Location
from notifications.messages import Message, Suppressed
from notifications.models import Notification
from packages_app.life.kinds import KINDS
from packages_app.life.lifecycle import TOLD, Status
from packages_app.messaging.recipients import compose
from packages_app.models import Package
from tests.world import NOW, door, make_courier, make_package, make_told

FOLDER = Path(settings.BASE_DIR) / "templates" / "notifications"
# Who else has to be named for it: `tests/packages_app/operations/packages/test_delegates.py`.
OF_DELEGATES = {name for name, kind in KINDS.items() if kind.about_delegate}


def test_each_kind_has_its_templates_and_its_own_title() -> None:
    with_sms = {file.parent.name for file in FOLDER.glob("*/sms.txt")}
    assert set(KINDS) == with_sms
    for name in KINDS:
        files = {file.name for file in (FOLDER / name).iterdir()}
        assert files == {"subject.txt", "email.txt", "email.html", "sms.txt"}, name
    titles = [kind.title for kind in KINDS.values()]
    assert all(titles)
    assert len(set(titles)) == len(titles)
    assert set(TOLD.values()) <= set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_shows_the_code_if_its_texts_have_a_place_for_it(kind: str) -> None:
    says_it = "{{ code }}" in (FOLDER / kind / "sms.txt").read_text()
    assert says_it == KINDS[kind].shows_code
    if says_it:
        assert KINDS[kind].statuses == {Status.STORED}, "any other status has no code"


def composed(package: Package, kind: str) -> Message | Suppressed:
    """What becomes of one message about it."""
    row = Notification.objects.create(
        kind=kind, channel="email", subject=f"package:{package.pk}", dedup_key=f"{uuid.uuid4()}"
    )
    return compose([row])[row.pk]


@pytest.mark.django_db
@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("kind", sorted(set(KINDS) - OF_DELEGATES - {"held"}))
def test_it_is_sent_while_its_reason_stands(location: Location, kind: str, status: Status) -> None:
    package = make_package(make_courier(), door(location, "S1"), status)
    if kind == "location_suspended":
        location.suspend(reason="flood", now=NOW)
    make_told(package)
    answer = composed(package, kind)
    assert isinstance(answer, Message) == (status in KINDS[kind].statuses)
    if isinstance(answer, Message):
        assert ("code" in answer.context) == KINDS[kind].shows_code


@pytest.mark.django_db
def test_word_of_a_location_goes_with_its_state(location: Location) -> None:
    package = make_package(make_courier(), door(location, "S1"))
    assert composed(package, "location_suspended") == Suppressed("the location has resumed")
    assert isinstance(composed(package, "location_resumed"), Message)
    location.suspend(reason="flood", now=NOW)
    assert isinstance(composed(package, "location_suspended"), Message)
    assert composed(package, "location_resumed") == Suppressed("the location is suspended again")
    Package.objects.update(held_at=NOW)
    for kind in ("location_suspended", "stored", "reminder"):
        assert composed(package, kind) == Suppressed("the package is on hold")
    assert isinstance(composed(package, "held"), Message)
    Package.objects.update(held_at=None)
    assert composed(package, "held") == Suppressed("the package is no longer on hold")
