"""What every kind says, in every language and on every channel."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import zxingcpp
from django.conf import settings as django_settings
from PIL import Image

from lockers.models import Size
from notifications.messages import Message
from notifications.text import gsm7, qr, rendering
from tests.notifications.facts import FULL, LINK, OPTIONAL

FOLDER = Path(django_settings.BASE_DIR) / "templates" / "notifications"
KINDS = sorted(entry.name for entry in FOLDER.iterdir() if entry.is_dir())
BY_SMS = [kind for kind in KINDS if (FOLDER / kind / "sms.txt").exists()]
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
OF_COURIERS = {"sms_cap_near", "sms_cap_reached"}
LANGUAGES = [code for code, _ in django_settings.LANGUAGES]
UNTIL = {
    "en": ("Friday 27 November 2026, 18:00", "Fri 27 Nov 18:00"),
    "de": ("Freitag, 27. November 2026, 18:00 Uhr", "Fr 27.11. 18:00"),
    "pl": ("piątek, 27 listopada 2026, 18:00", "pt 27.11 18:00"),
    "et": ("reede, 27. november 2026, kell 18:00", "reede 27.11 18:00"),
    "lv": ("piektdiena, 2026. gada 27. novembris, plkst. 18:00", "pk 27.11. 18:00"),
    "lt": ("2026 m. lapkričio 27 d., penktadienis, 18:00", "11-27 18:00"),
}
PLACES = {
    "en": [111, 119, 109, 125, 134, 151],
    "de": [111, 116, 113, 136, 142, 144],
    "pl": [111, 107, 102, 132, 134, 144],
    "et": [120, 126, 110, 123, 129, 143],
    "lv": [121, 125, 116, 127, 134, 141],
    "lt": [112, 118, 110, 119, 119, 125],
}
NO_BREAK = re.compile("[\u00a0\u2007\u2009\u202f]")

pytestmark = pytest.mark.parametrize("language", LANGUAGES)


def message(kind: str, language: str, **facts: object) -> Message:
    """One with every fact that its kind may know."""
    context = {**FULL, **facts}
    if kind not in WITH_CODE:
        del context["code"]
    return Message(to="mari@example.com", language=language, context=context)


def sparse(kind: str, language: str) -> Message:
    """One without what may be unknown."""
    unknown: dict[str, object] = dict.fromkeys(OPTIONAL, "")
    if kind == "extended":
        unknown["reason"] = ""
    return message(kind, language, **{**unknown, "expires_at": None})


class Visible(HTMLParser):
    """What a reader sees of an HTML e-mail, without its preheader and heading."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text: list[str] = []
        self.hidden: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Into the head, the heading or the preheader, of which nothing is seen again in the text."""
        style = dict(attrs).get("style") or ""
        if tag in ("head", "h1") or (tag == "div" and "display:none" in style):
            self.hidden.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Out of it again."""
        if self.hidden and self.hidden[-1] == tag:
            self.hidden.pop()

    def handle_data(self, data: str) -> None:
        """Text that is seen."""
        if not self.hidden:
            self.text.append(data)


def words(text: str) -> list[str]:
    return re.findall(r"[^\s,;:]+", text)


def seen(html: str) -> list[str]:
    return words(" ".join(Visible(html).text))


def in_order(few: list[str], many: list[str]) -> bool:
    """Whether `few` come in `many` one after the other, whatever stands between them."""
    rest = iter(many)
    return all(word in rest for word in few)


@pytest.mark.parametrize("kind", KINDS)
def test_an_email_knows_its_facts_and_its_language(kind: str, language: str) -> None:
    text = rendering.email(kind, message(kind, language))
    assert text.subject
    assert "4821" not in text.subject, "a subject shows on locked screens"
    assert f'<html lang="{language}">' in text.html
    for body in (text.body, text.html):
        assert "Mari Maasikas" in body
        assert ("Tallinn Balti jaam" in body) == (kind not in OF_COURIERS)
        assert ("4821 7730" in body) == (kind in WITH_CODE)
        assert (UNTIL[language][0] in body) == (kind in WITH_CODE | {"location_resumed"})
        assert not re.search(r"\{\{|\{%|%\(|None", body)
    assert not NO_BREAK.search(text.subject + text.body + text.html)
    assert "<" not in text.body
    assert "\n\n\n" not in text.body
    assert (LINK in text.body) == (f'href="{LINK}"' in text.html) == (kind == "reminder_last")


@pytest.mark.parametrize("kind", KINDS)
def test_the_line_that_inboxes_show_has_no_code(kind: str, language: str) -> None:
    html = rendering.email(kind, message(kind, language)).html
    (preheader,) = re.findall(r'<div style="display:none;[^>]*>(.*?)</div>', html, re.DOTALL)
    assert preheader.strip()
    assert "4821" not in preheader
    assert html.index("display:none") < html.index("<table"), "they show what comes first"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("facts", [message, sparse])
def test_text_and_html_say_the_same(kind: str, facts: object, language: str) -> None:
    assert callable(facts)
    text = rendering.email(kind, facts(kind, language))
    plain, html = words(text.body), seen(text.html)
    assert in_order(plain, html)
    more = len(html) - len(plain)
    assert more <= (20 if text.pictures else 0), "only what is said about the picture is more"


@pytest.mark.parametrize("kind", KINDS)
def test_without_what_may_be_unknown_it_still_reads(kind: str, language: str) -> None:
    text = rendering.email(kind, sparse(kind, language))
    texts = [text.subject, text.body, " ".join(" ".join(Visible(text.html).text).split())]
    if kind in BY_SMS:
        texts.append(rendering.sms(kind, sparse(kind, language)))
    for one in texts:
        assert not re.search(r"None|%\(| [,.!;]|  |,\n\S|\A[,!:]", one.replace("Hello,", "")), one


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_translated(kind: str, language: str) -> None:
    if language == "en":
        return
    ours, english = (rendering.email(kind, message(kind, code)) for code in (language, "en"))
    assert ours.subject != english.subject
    paragraphs = set(ours.body.split("\n")) & set(english.body.split("\n"))
    names = ("Locker Portal", "Tallinn Balti jaam (EE-1001)", "")
    assert [line for line in paragraphs if line not in names and LINK not in line] == []


def evil(value: object) -> object:
    """The same fact from somebody who means harm."""
    match value:
        case str() if value not in Size.names:
            return "<b>&\r\nBcc: eve@example.com\u202e\x00</b>"
        case list():
            return [evil(one) for one in value]
        case dict():
            return {name: evil(one) for name, one in value.items()}
    return value


@pytest.mark.parametrize("kind", KINDS)
def test_names_are_text_and_stay_in_their_line(kind: str, language: str) -> None:
    hostile = {name: evil(value) for name, value in FULL.items() if name != "code"}
    text = rendering.email(kind, message(kind, language, **hostile))
    assert "<b>" not in text.html
    assert "&lt;b&gt;&amp; Bcc: eve@example.com &lt;/b&gt;" in text.html
    assert "&amp;lt;" not in text.html
    assert not re.search("[\r\n\x00\u202e]", text.subject)
    assert not re.search("[\r\x00\u202e]", text.body + text.html)
    assert not re.search(r"^Bcc:", text.body, re.MULTILINE)


@pytest.mark.parametrize("kind", BY_SMS)
@pytest.mark.parametrize(
    "facts",
    [
        {},
        {
            "courier_name": "Ülemaailmne Pakikullerite Ühistu",
            "location_name": "Õismäe kaubanduskeskuse alumise korruse parkla",
            "delegate_name": "Anna-Liisa Väljataga-Kõrgesaar",
            "owner_name": "Anna-Liisa Väljataga-Kõrgesaar",
            "compartment": "A-07-112",
            "expires_at": datetime(2026, 9, 30, 23, 59, tzinfo=UTC),  # as long as any day's name
        },
        {"location_name": "[]{}" * 20, "courier_name": "€" * 40},
    ],
    ids=["usual", "longest", "doubles"],
)
def test_an_sms_is_one_segment(kind: str, facts: dict[str, object], language: str) -> None:
    text = rendering.sms(kind, message(kind, language, **facts))
    places = gsm7.length(text)
    assert places is not None, f"outside the alphabet: {text}"
    assert places <= gsm7.ONE_SEGMENT, text
    assert not re.search(r"\n|\{\{|%\(|None|\.{4}|  ", text)
    assert ("4821 7730" in text) == (kind in WITH_CODE)


def test_how_many_places_an_sms_takes(language: str) -> None:
    """Of 160, with usual names. A translation that grows much is seen here first."""
    kinds = ("stored", "reminder", "code_renewed", "expired", "held", "location_suspended")
    found = [gsm7.length(rendering.sms(kind, message(kind, language))) for kind in kinds]
    assert found == PLACES[language]


@pytest.mark.parametrize("kind", ["stored", "reminder", "reminder_last"])
def test_an_sms_says_until_when_and_where(kind: str, language: str) -> None:
    text = rendering.sms(kind, message(kind, language))
    assert UNTIL[language][1] in text
    # There is room for a usual name; a link leaves less of it.
    assert ("Tallinn" if kind == "reminder_last" else "Tallinn Balti jaam") in text
    assert (LINK in text) == (kind == "reminder_last")


@pytest.mark.parametrize("kind", sorted(WITH_CODE))
def test_the_qr_code_holds_the_digits(kind: str, language: str) -> None:
    text = rendering.email(kind, message(kind, language))
    (picture,) = text.pictures
    assert f'src="cid:{picture.content_id}"' in text.html
    (alt,) = re.findall(r' alt="([^"]+)"', text.html)
    assert "4821 7730" in alt
    (found,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(picture.png)))
    assert found.text == "48217730"
    assert "48217730" not in picture.content_id
    assert rendering.email(kind, message(kind, language)).pictures[0].content_id != picture.content_id


def test_every_code_can_be_read(language: str) -> None:
    if language != "en":
        return
    codes = [f"{number:08}" for number in range(0, 100_000_000, 1_234_567)]
    codes += [f"{number:09}" for number in range(0, 1_000_000_000, 23_456_789)]  # of delegates
    for code in codes:
        image = Image.open(io.BytesIO(qr.png(f"{code[:4]} {code[4:]}")))
        assert image.size == (qr.SIDE, qr.SIDE)
        (found,) = zxingcpp.read_barcodes(image)
        assert found.text == code


def test_months_and_days_of_a_year(language: str) -> None:
    """No day of the year brings a blank that forbids a line break, or an SMS out of its alphabet."""
    for day in range(0, 365, 13):
        moment = datetime(2026, 1, 1, 9, 5, tzinfo=ZoneInfo("Europe/Riga")) + timedelta(days=day)
        facts = message("stored", language, expires_at=moment)
        assert gsm7.length(rendering.sms("stored", facts)) is not None
        assert not NO_BREAK.search(rendering.email("stored", facts).body)
