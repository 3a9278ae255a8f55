"""Render a message as text, at the moment in which it is sent and in its reader's language."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from django.conf import settings
from django.template import Context
from django.template.loader import get_template
from django.utils import translation

from notifications.messages import Message
from notifications.text import gsm7, qr

# Characters that break lines or move text: control characters, and marks that change the writing direction.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]+")
# Non-breaking spaces, which Django's own formats of dates and numbers contain.
_NO_BREAK = "\u00a0\u2007\u2009\u202f"
# How long in an SMS the name of a location, and any other name, may be: from the longest to the shortest.
_NAME_LENGTHS = ((40, 20), (32, 20), (26, 16), (20, 14), (16, 12), (12, 10), (10, 8), (8, 6))


@dataclass(frozen=True)
class Picture:
    """A picture inside an email; its HTML refers to it as `cid:<content_id>`."""

    content_id: str
    png: bytes = field(repr=False)


@dataclass(frozen=True)
class EmailText:
    """The text of one email, and the pictures that its HTML shows."""

    subject: str
    body: str = field(repr=False)
    html: str = field(repr=False)
    pictures: tuple[Picture, ...] = ()


def email(kind: str, message: Message) -> EmailText:
    """Return the email of `kind`. Raise what Django raises for a missing or broken template."""
    facts: dict[str, object] = {"qr_side": qr.SIDE, **_clean(message.context)}
    pictures: tuple[Picture, ...] = ()
    if code := facts.get("code"):
        # A new id each time: mail programs cache a picture by its id, and codes change.
        pictures = (Picture(f"{uuid.uuid4().hex}@pickup-code", qr.png(str(code))),)
        facts["qr_content_id"] = pictures[0].content_id
    with translation.override(language(message.language)):
        facts["title"] = " ".join(_render(kind, "subject.txt", facts).split())
        return EmailText(
            subject=str(facts["title"]),
            body=text(kind, "email.txt", message),
            html=_render(kind, "email.html", facts),
            pictures=pictures,
        )


def text(kind: str, template: str, message: Message) -> str:
    """Return the plain text of `kind` from one of its templates, such as email.txt, in paragraphs."""
    with translation.override(language(message.language)):
        return _paragraphs(_render(kind, template, _clean(message.context)))


def sms(kind: str, message: Message) -> str:
    """Return the SMS of `kind`, in one line and, where its words allow it, in the GSM-7 alphabet.

    Its templates have `courier`, `place` and `person`: names that are cut until the text fits one segment.
    The text is rendered once and kept in the message.
    """
    if kind not in message.words:
        message.words[kind] = _sms(kind, message)
    return message.words[kind]


def _sms(kind: str, message: Message) -> str:
    facts = _clean(message.context)
    line = ""
    with translation.override(language(message.language)):
        for location_length, other_length in _NAME_LENGTHS:
            names = _names(facts, location_length, other_length)
            words = _render(kind, "sms.txt", {**facts, **names}).split()
            # Four dots come from a shortened name at the end of a sentence.
            line = gsm7.to_gsm7(" ".join(words)).replace("....", "...")
            length = gsm7.length(line)
            if length is None or length <= gsm7.ONE_SEGMENT:
                break  # in another script it takes several segments anyway
    return line


def language(code: str) -> str:
    """Return the nearest language of the portal: `de` for `de-AT`, and its default for an unknown one."""
    try:
        return translation.get_supported_language_variant(code)
    except LookupError:
        return settings.LANGUAGE_CODE


def _render(kind: str, name: str, facts: Mapping[str, object]) -> str:
    # Django's loader hides its Template, and only the Context of that can keep datetimes in their own zone.
    template = cast(Any, get_template(f"notifications/{kind}/{name}")).template
    values = {"network_name": settings.NETWORK_NAME, **facts}
    rendered = str(template.render(Context(values, autoescape=name.endswith(".html"), use_tz=False)))
    for blank in _NO_BREAK:
        rendered = rendered.replace(blank, " ")
    return rendered


def _clean(facts: Mapping[str, object]) -> dict[str, object]:
    """Return `facts` with every text in one line, so that no name can add a paragraph or a header."""
    return {name: _one_line(value) for name, value in facts.items()}


def _one_line(value: object) -> object:
    match value:
        case str():
            return " ".join(_UNPRINTABLE.sub(" ", value).split())
        case dict():
            return _clean(value)
        case list() | tuple():
            return [_one_line(item) for item in value]
        case _:
            return value


def _names(facts: Mapping[str, object], location_length: int, other_length: int) -> dict[str, str]:
    person = facts.get("delegate_name") or facts.get("owner_name") or ""
    return {
        "courier": gsm7.cut(str(facts.get("courier_name", "")), other_length),
        "place": gsm7.cut(str(facts.get("location_name", "")), location_length),
        "person": gsm7.cut(str(person), other_length),
    }


def _paragraphs(raw: str) -> str:
    """Return `raw` without trailing blanks and with at most one empty line between paragraphs."""
    lines: list[str] = []
    for line in (line.rstrip() for line in raw.strip().splitlines()):
        if line or (lines and lines[-1]):
            lines.append(line)
    return "\n".join(lines) + "\n"
