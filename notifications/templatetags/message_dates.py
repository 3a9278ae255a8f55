"""Dates and times in messages, in the order that each language uses."""

from __future__ import annotations

from datetime import date, datetime

from django import template
from django.utils.dateformat import format as date_format
from django.utils.translation import get_language, pgettext

register = template.Library()

# Django capitalizes Polish and Lithuanian day names, which are capitalized only at the start of a sentence.
_SMALL_LETTERS = {"pl", "lt"}


@register.filter
def day_and_time(moment: datetime) -> str:
    """Return, for example, "Friday 27 November 2026, 18:00" in the time zone of `moment`."""
    return _format(moment, pgettext("date format, long", "l j F Y, H:i"))


@register.filter
def short_day_and_time(moment: datetime) -> str:
    """Return, for example, "Fri 27 Nov 18:00" in the time zone of `moment`; for SMS."""
    return _format(moment, pgettext("date format, short", "D j M H:i"))


@register.filter
def short_day(day: date) -> str:
    """Return, for example, "Fri 27 Nov"."""
    return _format(day, pgettext("date format, day", "D j M"))


def _format(moment: date, form: str) -> str:
    text = date_format(moment, form)
    return text.lower() if get_language() in _SMALL_LETTERS else text
