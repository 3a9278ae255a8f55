"""The list of languages has one home, and everything else follows it."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from pydantic import TypeAdapter
from pytest_django import Settings

from common.languages import language_choices, language_codes
from lockers.models import Membership
from packages_app.api.schemas.fields import LanguageCode
from packages_app.models import Courier, Delegate, Recipient

SEVEN = [*django_settings.LANGUAGES, ("fi", "Suomi")]


def test_the_api_takes_the_languages_of_the_settings_and_no_other() -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(LanguageCode)
    assert adapter.json_schema() == {
        "enum": [code for code, _ in django_settings.LANGUAGES],
        "type": "string",
    }


@pytest.mark.django_db
def test_a_further_language_needs_no_migration(settings: Settings) -> None:
    settings.LANGUAGES = SEVEN
    call_command("makemigrations", "--check", "--dry-run")  # exits with an error where one is missing


@pytest.mark.parametrize("model", [Courier, Delegate, Membership, Recipient])
def test_models_offer_a_further_language(model: type[Any], settings: Settings) -> None:
    settings.LANGUAGES = SEVEN
    assert ("fi", "Suomi") in model._meta.get_field("language").get_choices(include_blank=False)
    assert (language_choices(), language_codes()[-1]) == (SEVEN, "fi")
