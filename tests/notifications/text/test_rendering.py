"""The text of every kind of message."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from pytest_django import Settings

from notifications.messages import Message
from notifications.text import gsm7, rendering
from tests.notifications.composers import FACTS

KINDS = [
    "stored",
    "retrieved",
    "expired",
    "cancelled",
    "returned",
    "code_renewed",
    "reminder",
    "extended",
    "door_failed",
    "reminder_last",
    "held",
    "released",
    "delegated",
    "delegate_named",
    "delegate_ended",
    "location_suspended",
    "location_resumed",
]
WITH_CODE = {
    "stored",
    "code_renewed",
    "reminder",
    "reminder_last",
    "extended",
    "door_failed",
    "released",
    "delegated",
}
SHOWS_DOOR = WITH_CODE | {"location_resumed"}
TO_MANAGERS = [  # by e-mail only
    "door_out_of_service",
    "location_silent",
    "location_back",
    "location_nearly_full",
    "packages_overdue_for_return",
    "weekly_report",
    "repair_overdue",
    "return_list",  # to couriers, in the same form
    "sms_cap_near",  # to staff
    "sms_cap_reached",
]


def message(kind: str, **facts: object) -> Message:
    context = {**FACTS, **facts}
    if kind not in WITH_CODE:
        context.pop("code")
    return Message(to="mari@example.com", language="en", context=context)


def test_every_kind_has_all_its_texts() -> None:
    folder = Path(django_settings.BASE_DIR) / "templates" / "notifications"
    found = sorted(entry.name for entry in folder.iterdir() if entry.is_dir())
    assert found == sorted(KINDS + TO_MANAGERS)
    for kind in found:
        names = {file.name for file in (folder / kind).iterdir()}
        by_sms = {"sms.txt"} - ({"sms.txt"} if kind in TO_MANAGERS else set())
        assert names == {"subject.txt", "email.txt", "email.html"} | by_sms


@pytest.mark.parametrize("holds_package", [True, False])
def test_a_manager_is_told_which_door_and_why(*, holds_package: bool) -> None:
    facts: dict[str, object] = {
        "recipient_name": "Kaja",
        "location_name": "Tallinn Balti jaam",
        "compartment": "A-07",
        "reason": "damaged: hinge",
        "holds_package": holds_package,
    }
    text = rendering.email("door_out_of_service", Message(to="k@example.com", language="en", context=facts))
    assert text.subject == "Compartment A-07 at Tallinn Balti jaam is out of service"
    for body in (text.body, text.html):
        assert "Hello Kaja," in body
        assert "damaged: hinge" in body
        assert ("It may contain a package." in body) is holds_package
        assert "Pickup code" not in body


@pytest.mark.parametrize(
    ("kind", "subject"),
    [("location_silent", "Balti jaam is offline"), ("location_back", "Balti jaam is back online")],
)
def test_a_manager_is_told_of_a_silent_location(kind: str, subject: str) -> None:
    facts: dict[str, object] = {
        "recipient_name": "Kaja",
        "location_name": "Balti jaam",
        "location_code": "TLL-1",
        "began_at": datetime(2026, 11, 27, 16, 0, tzinfo=UTC),
        "ended_at": datetime(2026, 11, 27, 18, 0, tzinfo=UTC),
    }
    text = rendering.email(kind, Message(to="k@example.com", language="en", context=facts))
    assert text.subject == subject
    for body in (text.body, text.html):
        assert "Balti jaam (TLL-1)" in body
        assert "Fri 27 Nov 16:00" in body
        assert ("Fri 27 Nov 18:00" in body) == (kind == "location_back")
        assert "{{" not in body


def test_a_manager_is_told_of_what_is_full() -> None:
    sizes = [{"size": "SMALL", "available": 1, "total": 20, "unverified": 2, "out_of_service": 3}]
    facts: dict[str, object] = {"recipient_name": "K", "location_name": "A&B", "sizes": sizes}
    text = rendering.email("location_nearly_full", Message(to="k@example.com", language="en", context=facts))
    assert text.subject == "A&B is nearly full"
    for body in (text.body, text.html):
        assert "free: 1 of 20, unverified: 2, out of service: 3" in body
    assert "Small: free: 1" in text.body


@pytest.mark.parametrize(("count", "more"), [(1, 0), (25, 5)])
def test_a_manager_is_told_of_what_is_to_be_taken_out(count: int, more: int) -> None:
    package = {
        "tracking_number": "EE1",
        "compartment": "A-07",
        "courier_name": "Post",
        "since": datetime(2026, 11, 27, 16, 0, tzinfo=UTC),
    }
    facts: dict[str, object] = {
        "recipient_name": "K",
        "location_name": "Balti jaam",
        "count": count,
        "packages": [package] * (count - more),
        "more": more,
    }
    message = Message(to="k@example.com", language="en", context=facts)
    text = rendering.email("packages_overdue_for_return", message)
    assert text.subject == f"{count} package{'s' if count > 1 else ''} to take out at Balti jaam"
    for body in (text.body, text.html):
        assert body.count("Post, since Fri 27 Nov 16:00") == count - more
        assert body.count("A-07") == body.count("EE1") == count - more
        assert ("and 5 more" in body) == bool(more)


@pytest.mark.parametrize("kind", KINDS)
def test_an_email_says_what_its_reader_needs(kind: str) -> None:
    text = rendering.email(kind, message(kind))

    assert text.subject
    assert "\n" not in text.subject
    assert "4821" not in text.subject, "a subject shows on locked screens"
    for body in (text.body, text.html):
        assert "Hello Mari Maasikas," in body
        assert "Tallinn Balti jaam" in body
        assert "Kopli 1, Tallinn" in body
        assert "EE123456789" in body
        assert "Põhja Post" in body
        assert ("4821 7730" in body) == (kind in WITH_CODE)
        assert ("A-07" in body) == (kind in SHOWS_DOOR)
        assert ("Friday 27 November 2026, 18:00" in body) == (kind in SHOWS_DOOR)
        assert "{{" not in body
        assert "{%" not in body
        assert "\u00a0" not in body
    assert "\n\n\n" not in text.body
    assert "<" not in text.body


@pytest.mark.parametrize("kind", KINDS)
def test_html_has_its_looks_for_light_and_dark_and_loads_nothing(kind: str) -> None:
    html = rendering.email(kind, message(kind)).html
    assert '<meta name="color-scheme" content="light dark">' in html
    assert "prefers-color-scheme: dark" in html
    assert '<html lang="en">' in html
    assert not re.search(r"src=(?!\"cid:)|href=|url\(|<script", html)


@pytest.mark.parametrize("kind", KINDS)
def test_names_are_text_in_html_and_themselves_in_text(kind: str) -> None:
    text = rendering.email(kind, message(kind, recipient_name="<b>O'Hara & Co</b>", location_name="A&B <i>"))
    assert "Hello &lt;b&gt;O&#x27;Hara &amp; Co&lt;/b&gt;," in text.html
    assert "<i>" not in text.html
    assert "Hello <b>O'Hara & Co</b>," in text.body
    assert "&amp;" not in text.subject


@pytest.mark.parametrize("kind", KINDS)
def test_an_sms_is_one_segment_also_with_the_longest_names(kind: str) -> None:
    facts: dict[str, object] = {
        "courier_name": "Ülemaailmne Pakikullerite Ühistu",
        "location_name": "Õismäe kaubanduskeskuse alumise korruse parkla",
        "location_address": "x" * 200,
        "compartment": "A-07-112",
        "expires_at": datetime(2026, 9, 30, 23, 59, tzinfo=UTC),  # Wed 30 Sep 23:59, as long as any
    }
    for text in (rendering.sms(kind, message(kind)), rendering.sms(kind, message(kind, **facts))):
        length = gsm7.length(text)
        assert length is not None
        assert length <= gsm7.ONE_SEGMENT
        assert "\n" not in text
        assert "{{" not in text
        assert ("4821 7730" in text) == (kind in WITH_CODE)


def test_the_words_of_an_sms() -> None:
    assert rendering.sms("stored", message("stored")) == (
        "Pohja Post: your parcel is ready at Tallinn Balti jaam. Code 4821 7730, door A-07. "
        "Pick up by Fri 27 Nov 18:00."
    )


def test_times_are_shown_in_their_own_time_zone(settings: Settings) -> None:
    settings.TIME_ZONE = "America/New_York"
    assert "27 November 2026, 18:00" in rendering.email("stored", message("stored")).body


def test_a_package_that_was_never_stored_has_no_last_day() -> None:
    text = rendering.email("cancelled", message("cancelled", expires_at=None))
    assert "None" not in text.body
    assert "None" not in rendering.sms("cancelled", message("cancelled", expires_at=None))


def test_an_unknown_language_falls_back_to_the_portals() -> None:
    known = rendering.email("stored", message("stored"))
    unknown = rendering.email("stored", replace(message("stored"), language="xx"))
    assert unknown.body == known.body


def test_a_line_break_in_a_name_makes_no_second_header() -> None:
    text = rendering.email("stored", message("stored", location_name="Station\r\nBcc: eve@example.com"))
    assert text.subject == "Your parcel is ready at Station Bcc: eve@example.com"


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Põhja Šveits žürii Łódź ąęć", "Pohja Sveits zürii Lodz aec"),
        ("Straße Ärger Ñandú", "Straße Ärger Ñandu"),
        ("\u201cquoted\u201d \u2013 it\u2019s 4821\u00a07730\u2026", '"quoted" - it\'s 4821 7730...'),
        ("€5 [x]", "€5 [x]"),
        ("Київ", "Київ"),
    ],
)
def test_letters_outside_the_alphabet_of_sms(text: str, plain: str) -> None:
    assert gsm7.to_gsm7(text) == plain


def test_length_of_a_text() -> None:
    assert gsm7.length("abc") == 3
    assert gsm7.length("€[]") == 6
    assert gsm7.length("Київ") is None
