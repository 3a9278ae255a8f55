"""The languages of messages and pages; `settings.LANGUAGES` is the only list of them."""

from __future__ import annotations

from django.conf import settings


def language_choices() -> list[tuple[str, str]]:
    """Return the choices of a language field.

    A migration keeps the name of this function instead of the languages: a further one needs no migration.
    """
    return list(settings.LANGUAGES)


def language_codes() -> list[str]:
    """Return the codes of the languages, in the order of the settings."""
    return [code for code, _ in settings.LANGUAGES]
