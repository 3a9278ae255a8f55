"""Days and times in messages, each language with its own order of them."""

from __future__ import annotations

from datetime import datetime

from django import template
from django.utils.dateformat import format as date_format
from django.utils.translation import pgettext

register = template.Library()


@register.filter
def day_and_time(moment: datetime) -> str:
    """Friday 27 November 2026, 18:00; in the zone that `moment` is in."""
    return date_format(moment, pgettext("date format, long", "l j F Y, H:i"))


@register.filter
def short_day_and_time(moment: datetime) -> str:
    """Fri 27 Nov 18:00; in the zone that `moment` is in. For SMS."""
    return date_format(moment, pgettext("date format, short", "D j M H:i"))
