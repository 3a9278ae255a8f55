"""Turning a message into words, at the moment in which it is sent and in its reader's language."""

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

# What moves text about or breaks lines: control characters, and the marks that turn the direction of writing.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]+")
# Blanks that forbid a line break, which Django's own formats of dates and numbers bring along.
_NO_BREAK = "\u00a0\u2007\u2009\u202f"
# How many places of an SMS a location's name may take, and any other name, from generous to curt.
_NAME_LENGTHS = ((40, 20), (32, 20), (26, 16), (20, 14), (16, 12), (12, 10), (10, 8), (8, 6))


@dataclass(frozen=True)
class Picture:
    """A picture that travels within the e-mail; its HTML names it as `cid:<content_id>`."""

    content_id: str
    png: bytes = field(repr=False)


@dataclass(frozen=True)
class EmailText:
    """The words of one e-mail, and the pictures that its HTML shows."""

    subject: str
    body: str = field(repr=False)
    html: str = field(repr=False)
    pictures: tuple[Picture, ...] = ()


def email(kind: str, message: Message) -> EmailText:
    """The e-mail of `kind`. Raises what Django raises for a template that is missing or broken."""
    facts: dict[str, object] = {"qr_side": qr.SIDE, **_clean(message.context)}
    pictures: tuple[Picture, ...] = ()
    if code := facts.get("code"):
        # Never the same twice: mail programs show one picture for one id, and codes change.
        pictures = (Picture(f"{uuid.uuid4().hex}@pickup-code", qr.png(str(code))),)
        facts["qr_content_id"] = pictures[0].content_id
    with translation.override(language(message.language)):
        facts["title"] = " ".join(_render(kind, "subject.txt", facts).split())
        return EmailText(
            subject=str(facts["title"]),
            body=_paragraphs(_render(kind, "email.txt", facts)),
            html=_render(kind, "email.html", facts),
            pictures=pictures,
        )


def sms(kind: str, message: Message) -> str:
    """The SMS of `kind`, in one line and, where its words allow it, in the alphabet of short messages.

    Its templates have `courier`, `place` and `person`: names that are cut as far as one segment asks for.
    A second time it is the same text, without the work.
    """
    if kind not in message.words:
        message.words[kind] = _sms(kind, message)
    return message.words[kind]


def _sms(kind: str, message: Message) -> str:
    facts = _clean(message.context)
    text = ""
    with translation.override(language(message.language)):
        for place, other in _NAME_LENGTHS:
            words = _render(kind, "sms.txt", {**facts, **_names(facts, place, other)}).split()
            # Four dots: a shortened name at the end of a sentence.
            text = gsm7.to_gsm7(" ".join(words)).replace("....", "...")
            places = gsm7.length(text)
            if places is None or places <= gsm7.ONE_SEGMENT:
                break  # in another script it takes several segments anyway
    return text


def language(code: str) -> str:
    """The nearest language that the portal speaks: `de` for `de-AT`, and its own for one unknown."""
    try:
        return translation.get_supported_language_variant(code)
    except LookupError:
        return settings.LANGUAGE_CODE


def _render(kind: str, name: str, facts: Mapping[str, object]) -> str:
    # Django's loader hides its Template, whose Context alone can leave moments in the zone that they have.
    template = cast(Any, get_template(f"notifications/{kind}/{name}")).template
    values = {"network_name": settings.NETWORK_NAME, **facts}
    text = str(template.render(Context(values, autoescape=name.endswith(".html"), use_tz=False)))
    for blank in _NO_BREAK:
        text = text.replace(blank, " ")
    return text


def _clean(facts: Mapping[str, object]) -> dict[str, object]:
    """`facts` with names that stay in their line: nobody's name writes a paragraph of ours or a header."""
    return {name: _one_line(value) for name, value in facts.items()}


def _one_line(value: object) -> object:
    match value:
        case str():
            return " ".join(_UNPRINTABLE.sub(" ", value).split())
        case dict():
            return _clean(value)
        case list() | tuple():
            return [_one_line(each) for each in value]
        case _:
            return value


def _names(facts: Mapping[str, object], place: int, other: int) -> dict[str, str]:
    person = facts.get("delegate_name") or facts.get("owner_name") or ""
    return {
        "courier": gsm7.cut(str(facts.get("courier_name", "")), other),
        "place": gsm7.cut(str(facts.get("location_name", "")), place),
        "person": gsm7.cut(str(person), other),
    }


def _paragraphs(text: str) -> str:
    """`text` without trailing blanks, and with no more than one empty line between two paragraphs."""
    lines: list[str] = []
    for line in (raw.rstrip() for raw in text.strip().splitlines()):
        if line or (lines and lines[-1]):
            lines.append(line)
    return "\n".join(lines) + "\n"
